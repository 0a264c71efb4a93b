"""The stand-in AWS plugin as a process, called over gRPC as the engine calls it."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.aws_plugin.values import from_struct, to_struct
from tests.support.aws import Json
from tests.support.sandbox import ROOT

CONFIG = {"region": "eu-west-1", "version": "7.51.1"}
REPOSITORY = "aws:ecr/repository:Repository"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


class Plugin:
    """A plugin process."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "sandbox.aws_plugin", "127.0.0.1:1"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.channel = grpc.insecure_channel(f"127.0.0.1:{int(self.process.stdout.readline())}")
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def close(self) -> str:
        self.channel.close()
        self.process.kill()
        return self.process.communicate()[1]

    def check_config(self, config: Json) -> list[str]:
        response = self.stub.CheckConfig(provider_pb2.CheckRequest(urn="u", news=to_struct(config)))
        return [failure.reason for failure in response.failures]

    def configure(self, config: Json = CONFIG) -> "Plugin":
        self.stub.Configure(provider_pb2.ConfigureRequest(args=to_struct(config)))
        return self

    def check(self, kind: str, news: Json, olds: Json | None = None, seed: bytes = b"\x12\x34\x56\x78") -> Any:
        request = provider_pb2.CheckRequest(
            type=kind, name="logical", news=to_struct(news), olds=to_struct(olds or {}), randomSeed=seed
        )
        return self.stub.Check(request)

    def inputs(self, kind: str, news: Json, olds: Json | None = None) -> Json:
        response = self.check(kind, news, olds)
        assert not response.failures
        return from_struct(response.inputs)

    def diff(self, kind: str, state: Json, news: Json) -> Any:
        return self.stub.Diff(provider_pb2.DiffRequest(type=kind, olds=to_struct(state), news=to_struct(news)))

    def create(self, kind: str, inputs: Json, preview: bool = False) -> tuple[str, Json]:
        request = provider_pb2.CreateRequest(type=kind, properties=to_struct(inputs), preview=preview)
        response = self.stub.Create(request)
        return response.id, from_struct(response.properties)

    def update(self, kind: str, id_: str, state: Json, news: Json, preview: bool = False) -> Json:
        request = provider_pb2.UpdateRequest(
            type=kind, id=id_, olds=to_struct(state), news=to_struct(news), preview=preview
        )
        return from_struct(self.stub.Update(request).properties)

    def read(self, kind: str, id_: str, state: Json | None = None, inputs: Json | None = None) -> Any:
        request = provider_pb2.ReadRequest(
            type=kind, id=id_, properties=to_struct(state or {}), inputs=to_struct(inputs or {})
        )
        return self.stub.Read(request)

    def delete(self, kind: str, id_: str, state: Json) -> None:
        request = provider_pb2.DeleteRequest(urn="urn:pulumi:x", type=kind, id=id_, properties=to_struct(state))
        self.stub.Delete(request)

    def invoke(self, token: str, **args: Any) -> Json:
        response = self.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=to_struct(args)))
        return from_struct(getattr(response, "return"))


def error_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments)
    return str(raised.value.details())


StartPlugin = Callable[..., Plugin]
