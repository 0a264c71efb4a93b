"""The lookups a program can make."""

import json
import zlib
from typing import Any

from sandbox.aws_plugin.session import Aws
from sandbox.aws_plugin.values import Json


def _caller_identity(aws: Aws, _: Json) -> Json:
    me = aws.client("sts").get_caller_identity()
    return {"id": me["Account"], "accountId": me["Account"], "arn": me["Arn"], "userId": me["UserId"]}


def _region(aws: Aws, args: Json) -> Json:
    region = args.get("region") or aws.region
    endpoint = f"ec2.{region}.amazonaws.com"
    return {"id": region, "name": region, "region": region, "description": region, "endpoint": endpoint}


def _partition(aws: Aws, _: Json) -> Json:
    partition = aws.partition()
    suffix = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}[partition]
    reverse = ".".join(reversed(suffix.split(".")))
    return {"id": partition, "partition": partition, "dnsSuffix": suffix, "reverseDnsPrefix": reverse}


def _one_or_many(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _statement(statement: Json) -> Json:
    parts: Json = {"Sid": statement.get("sid"), "Effect": statement.get("effect") or "Allow"}
    for key in ("actions", "notActions", "resources", "notResources"):
        name = key[0].upper() + key[1:-1]
        parts[name] = _one_or_many(statement.get(key) or [])
    for key in ("principals", "notPrincipals"):
        principals = {item["type"]: _one_or_many(item["identifiers"]) for item in statement.get(key) or []}
        parts[key[0].upper() + key[1:-1]] = "*" if principals == {"*": "*"} else principals
    conditions: dict[str, Json] = {}
    for item in statement.get("conditions") or []:
        conditions.setdefault(item["test"], {})[item["variable"]] = _one_or_many(item["values"])
    parts["Condition"] = conditions
    return {name: value for name, value in parts.items() if value}


def _policy_document(_: Aws, args: Json) -> Json:
    document: Json = {"Version": args.get("version") or "2012-10-17"}
    if args.get("policyId"):
        document["Id"] = args["policyId"]
    document["Statement"] = [_statement(statement) for statement in args.get("statements") or []]
    text = json.dumps(document, indent=2)
    minified = json.dumps(document, separators=(",", ":"))
    return {
        **args,
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": minified,
        "version": document["Version"],
    }


INVOKES = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
}
