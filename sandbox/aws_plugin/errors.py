"""Errors of the plugin, in the words of the real one (behaviour.md PLUG-27)."""

import contextlib
from importlib.metadata import version
from typing import Any

import grpc
from botocore.exceptions import ClientError
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2

from sandbox.aws_plugin.session import Aws
from sandbox.aws_plugin.values import Json, to_struct

_TAGS = "updating tags for ECR (Elastic Container Registry) Repository ({arn}): "
# Service and call that failed -> what the provider was doing; {} is the resource's id, {arn} its ARN.
_OF_CALLS = {
    ("ECR", "PutImageTagMutability"): "setting ECR Repository ({}) image tag mutability",
    ("ECR", "PutImageScanningConfiguration"): "setting ECR Repository ({}) image scanning configuration",
    ("ECR", "SetRepositoryPolicy"): "putting ECR Repository Policy ({})",
    ("ECR", "ListTagsForResource"): "listing tags for ECR (Elastic Container Registry) Repository ({arn})",
    ("ECR", "TagResource"): _TAGS + "tagging resource ({arn})",
    ("ECR", "UntagResource"): _TAGS + "untagging resource ({arn})",
    ("IAM", "UpdateAssumeRolePolicy"): "updating IAM Role ({}) assume role policy",
}


class StandInError(Exception):
    """The stand-in doesn't support something; the message says what it supports."""


class RefusedError(Exception):
    """AWS rejected a call on a resource. The text is that of the engine's log; the error's begins with a count."""

    def __init__(self, text: str, prefix: str = "") -> None:
        super().__init__(f"{prefix}1 error occurred:\n\t* {text}\n\n")
        self.text = text


class PartialFailureError(Exception):
    """The resource exists, but AWS rejected a call: the engine keeps these properties (behaviour.md PLUG-23)."""

    def __init__(self, cause: RefusedError, id_: str, properties: Json) -> None:
        super().__init__(str(cause))
        self.text = cause.text
        self.detail = provider_pb2.ErrorResourceInitFailed(
            id=id_, properties=to_struct(properties), reasons=[str(cause)]
        )


def refused(
    aws: Aws, action: str, title: str, name: str, error: Exception, *, arn: str = "", urn: str = ""
) -> RefusedError:
    """The error of a resource.

    action: creating, reading, updating or deleting; title: of the kind, "ECR Repository"; urn: of a deletion
    """
    service = title.partition(" ")[0]
    what = f"{action} {title} ({{}})"
    if action in ("reading", "updating"):
        what = _OF_CALLS.get((service, getattr(error, "operation_name", "")), what)
    if "NotEmpty" in str(error):
        what = f"{title} ({{}}) not empty, consider using force_delete"
    text = f"{what.format(name, arn=arn or name)}: {_in_go(aws.client(service.lower()), error)}"
    return RefusedError(text, f"deleting {urn}: " if urn else "")


def _in_go(client: Any, error: Exception) -> str:
    """The error of botocore, as the AWS SDK for Go writes it."""
    service = client.meta.service_model.service_id
    if not isinstance(error, ClientError):
        return f"operation error {service}: {error}"
    details, response = error.response["Error"], error.response.get("ResponseMetadata", {})
    known = client.meta.service_model.shape_for_error_code(details["Code"])
    code = details["Code"] if known else f"api error {details['Code']}"
    status, request = response.get("HTTPStatusCode", 400), response.get("RequestId", "")
    return (
        f"operation error {service}: {error.operation_name}, https response error StatusCode: {status}, "
        f"RequestID: {request}, {code}: {details.get('Message', '')}"
    )


class EngineLog:
    """The engine's log, which shows each error of AWS once more. address: "" or of the engine that started the plugin"""

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None

    def show(self, urn: str, text: str) -> None:
        message = f"sdk-v2/provider2.go:571: sdk.helper_schema: {text}: provider=aws@{version('pulumi_aws')}"
        if self._engine:
            with contextlib.suppress(grpc.RpcError):
                request = engine_pb2.LogRequest(severity=engine_pb2.ERROR, urn=urn, message=message)
                self._engine.Log(request, timeout=5)
