"""The stand-in AWS plugin: its process, its configuration, its lookups."""

import inspect
import json
import re
import subprocess
import sys
import time
from typing import Any

import pulumi_aws
import pytest
from google.protobuf import empty_pb2

from sandbox.aws_plugin.kinds import Kind
from sandbox.aws_plugin.provider import KINDS
from sandbox.aws_plugin.values import UNKNOWN
from tests.support.aws import ACCOUNT, Caller
from tests.support.plugin import CONFIG, REPOSITORY, SECRET, Plugin, StartPlugin, error_of
from tests.support.sandbox import ROOT, Sandbox

pytestmark = pytest.mark.sandbox


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@pytest.mark.parametrize("token", KINDS)
def test_kinds_are_those_of_pulumi_aws(token: str) -> None:  # PLUG-4
    """The table has every input of the real class, and the same required ones."""
    module, name = re.fullmatch(r"aws:(\w+)/\w+:(\w+)", token).groups()  # type: ignore[union-attr]
    arguments = getattr(getattr(pulumi_aws, module), f"{name}Args")
    parameters = {_camel(p.name): p for p in inspect.signature(arguments.__init__).parameters.values()}
    del parameters["Self" if "Self" in parameters else next(iter(parameters))]
    kind: Kind = KINDS[token]
    assert set(kind.inputs + kind.absent) == set(parameters)
    assert set(kind.required) == {key for key, p in parameters.items() if p.default is inspect.Parameter.empty}
    properties = {_camel(key) for key in vars(getattr(getattr(pulumi_aws, module), name)) if not key.startswith("_")}
    assert {*kind.outputs, *kind.inputs} <= properties


def test_starts_quickly(start_plugin: StartPlugin) -> None:
    begin = time.monotonic()
    assert start_plugin().stub.GetPluginInfo(empty_pb2.Empty()).version == "7.51.1"
    assert time.monotonic() - begin < 2


def test_ends_with_the_engine(sandbox: Sandbox) -> None:
    """A killed shell, instead of the engine, doesn't leave the plugin behind."""
    script = f'"{sys.executable}" -m sandbox.aws_plugin & wait'
    engine = subprocess.Popen(
        ["sh", "-c", script], cwd=ROOT, env=sandbox.environment(), stdout=subprocess.PIPE, text=True
    )
    assert engine.stdout
    int(engine.stdout.readline())
    engine.kill()
    engine.wait()
    begin = time.monotonic()
    assert engine.stdout.read() == ""  # returns when the plugin, the last process with the pipe, has ended
    assert time.monotonic() - begin < 5
    engine.stdout.close()


def test_region_is_needed(start_plugin: StartPlugin) -> None:  # PLUG-1
    plugin = start_plugin(AWS_REGION=None, AWS_DEFAULT_REGION=None)
    (reason,) = plugin.check_config({"version": "7.51.1"})
    for word in ("pulumi config set aws:region", "AWS_REGION", "AWS_DEFAULT_REGION"):
        assert word in reason
        assert word in error_of(plugin.configure, {})
    assert plugin.check_config(CONFIG) == []


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "Unable to locate credentials"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, "InvalidClientTokenId"),
        ({"AWS_PROFILE": "mine"}, "The config profile (mine) could not be found"),
    ],
)
def test_credentials_are_needed(
    start_plugin: StartPlugin, changes: dict[str, str | None], cause: str
) -> None:  # PLUG-2
    plugin = start_plugin(**changes)
    (reason,) = plugin.check_config(CONFIG)
    assert cause in reason
    assert "aws sts get-caller-identity" in reason
    assert "wrong" not in reason
    assert cause in error_of(plugin.configure)


def test_credentials_of_the_stack(start_plugin: StartPlugin, owner: Caller) -> None:  # PLUG-16
    """Secrets arrive wrapped; the plugin uses them and never prints them."""
    plugin = start_plugin(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    keys = {"accessKey": {**SECRET, "value": owner.access_key}, "secretKey": {**SECRET, "value": owner.secret_key}}
    assert plugin.check_config({**CONFIG, **keys}) == []
    plugin.configure({**CONFIG, **keys})
    assert plugin.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == ACCOUNT
    (reason,) = plugin.check_config({**CONFIG, **keys, "secretKey": {**SECRET, "value": "hush-hush"}})
    assert "hush-hush" not in reason


@pytest.mark.parametrize("form", [json.dumps, list], ids=["text", "list"])
def test_account_guard(start_plugin: StartPlugin, form: Any) -> None:  # PLUG-3, PLUG-26
    plugin, other = start_plugin(), "999999999999"
    for good in ({"allowedAccountIds": form([other, ACCOUNT])}, {"forbiddenAccountIds": form([other])}):
        assert plugin.check_config({**CONFIG, **good}) == []
    for bad in ({"allowedAccountIds": form([other])}, {"forbiddenAccountIds": form([ACCOUNT])}):
        assert plugin.check_config({**CONFIG, **bad}) == []
        assert f"* AWS account ID not allowed: {ACCOUNT}\n" in error_of(plugin.configure, {**CONFIG, **bad})
    both = {"allowedAccountIds": form([ACCOUNT]), "forbiddenAccountIds": form([other])}
    (reason,) = plugin.check_config({**CONFIG, **both})
    assert "conflicts with" in reason
    assert plugin.check_config({**CONFIG, "allowedAccountIds": f"[{ACCOUNT}]"}) == []  # YAML without quotes


def test_unsupported_config(start_plugin: StartPlugin) -> None:  # PLUG-4
    (reason,) = start_plugin().check_config({**CONFIG, "endpoints": "[]"})
    assert "aws:endpoints" in reason
    (reason,) = start_plugin().check_config({**CONFIG, "allowedAccountIds": "{"})
    assert "not valid JSON" in reason


def test_unknown_config_at_preview(start_plugin: StartPlugin) -> None:  # PLUG-10
    plugin = start_plugin().configure({"region": UNKNOWN})
    _, planned = plugin.create(REPOSITORY, plugin.inputs(REPOSITORY, {}), preview=True)
    assert planned["arn"] == UNKNOWN


def test_lookups(plugin: Plugin) -> None:  # PLUG-2
    identity = plugin.invoke("aws:index/getCallerIdentity:getCallerIdentity")
    assert (identity["accountId"], identity["arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/packinfra")
    assert plugin.invoke("aws:index/getRegion:getRegion")["region"] == "eu-west-1"
    assert plugin.invoke("aws:index/getPartition:getPartition")["partition"] == "aws"
    document = plugin.invoke(
        "aws:iam/getPolicyDocument:getPolicyDocument",
        statements=[
            {
                "sid": "Pull",
                "actions": ["ecr:BatchGetImage"],
                "resources": ["a", "b"],
                "principals": [{"type": "AWS", "identifiers": ["*"]}],
                "conditions": [{"test": "StringEquals", "variable": "sts:ExternalId", "values": ["x"]}],
            }
        ],
    )
    assert json.loads(document["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Pull",
                "Effect": "Allow",
                "Action": "ecr:BatchGetImage",
                "Resource": ["a", "b"],
                "Principal": {"AWS": "*"},
                "Condition": {"StringEquals": {"sts:ExternalId": "x"}},
            }
        ],
    }
    assert "has no aws:index/getIpRanges:getIpRanges" in error_of(plugin.invoke, "aws:index/getIpRanges:getIpRanges")
