"""Drives a dynamic resource's provider as the engine does: the SDK's real host process, over gRPC.

    with ProviderHost(environment, cwd, config) as host:
        inputs, failures = host.check({}, {"repository": ..., "sources": [...]})
        id, outs = host.create(inputs)

A small engine responds to the host's Log calls and keeps them in `logs`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import any_pb2, descriptor_pool, empty_pb2, json_format, message_factory, struct_pb2
from pulumi.dynamic.dynamic import ResourceProvider, serialize_provider
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2
from pulumi.runtime.rpc import UNKNOWN

from packinfra.providers import PublishedPackProvider

__all__ = ["PROVIDER", "UNKNOWN", "ProviderError", "ProviderHost"]

PROVIDER: str = serialize_provider(PublishedPackProvider())
URN = "urn:pulumi:test::packinfra::pulumi-python:dynamic/packinfra:PublishedPack::hello"


class ProviderError(Exception):
    """What the engine would show for a failed operation. recorded: id and outputs that it would keep all the same."""

    recorded: tuple[str, dict[str, Any]] | None = None


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.logs: list[tuple[str, str, bool]] = []

    def Log(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802 - the protocol's name
        self.logs.append((request.urn, request.message, request.ephemeral))
        return empty_pb2.Empty()


class ProviderHost:
    """provider: whose CRUD it is, unless the properties say it"""

    def __init__(
        self,
        environment: Mapping[str, str],
        cwd: Path,
        config: Mapping[str, str] | None = None,
        *,
        provider: ResourceProvider | None = None,
    ) -> None:
        self._provider = serialize_provider(provider) if provider else PROVIDER
        self._engine = _Engine()
        self._server = grpc.server(ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self._engine, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        root = str(Path(__file__).parents[2])
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.dynamic", f"127.0.0.1:{port}"],
            cwd=cwd, env={**environment, "PYTHONPATH": root}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout
        port = self._process.stdout.readline().strip()
        assert port, f"the provider host ended at once: {self._process.wait()}"
        address = f"127.0.0.1:{port}"
        # no proxy: the sandbox's environment points gRPC, too, to its CONNECT proxy
        self._channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self._stub.Configure(provider_pb2.ConfigureRequest(args=_struct(config or {})), wait_for_ready=True, timeout=60)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def logs(self) -> list[str]:
        """Lasting messages, in order; live status is left out."""
        return [message for _, message, ephemeral in self._engine.logs if not ephemeral]

    @property
    def statuses(self) -> list[str]:
        return [message for _, message, ephemeral in self._engine.logs if ephemeral]

    def check(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        response = self._call(
            "Check",
            provider_pb2.CheckRequest(urn=URN, olds=self._props(olds) if olds else None, news=self._props(news)),
        )
        return _plain(response.inputs), [failure.reason for failure in response.failures]

    def diff(self, id_: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[bool, list[str]]:
        response = self._call(
            "Diff", provider_pb2.DiffRequest(id=id_, urn=URN, olds=self._props(olds), news=self._props(news))
        )
        self.deletes_before_replacing: bool = response.deleteBeforeReplace
        return response.changes == provider_pb2.DiffResponse.DIFF_SOME, list(response.replaces)

    def create(self, props: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        response = self._call("Create", provider_pb2.CreateRequest(urn=URN, properties=self._props(props)))
        return response.id, _plain(response.properties)

    def update(self, id_: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(id=id_, urn=URN, olds=self._props(olds), news=self._props(news))
        return _plain(self._call("Update", request).properties)

    def read(self, id_: str, props: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        response = self._call("Read", provider_pb2.ReadRequest(id=id_, urn=URN, properties=self._props(props)))
        return response.id, _plain(response.properties), _plain(response.inputs)

    def delete(self, id_: str, props: Mapping[str, Any]) -> None:
        self._call("Delete", provider_pb2.DeleteRequest(id=id_, urn=URN, properties=self._props(props)))

    def _props(self, values: Mapping[str, Any]) -> struct_pb2.Struct:
        return _struct({"__provider": self._provider, **values})

    def _call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self._stub, method)(request)
        except grpc.RpcError as error:
            failure = ProviderError(error.details())
            metadata = dict(error.trailing_metadata() or ())
            if details := metadata.get("grpc-status-details-bin"):
                failure.recorded = _recorded(details, error.details())
            raise failure from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._channel.close()
        if "COVERAGE_PROCESS_CONFIG" in os.environ:  # make coverage: a killed host would not write its data
            self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        self._server.stop(None).wait()


def _recorded(status: bytes, message: str) -> tuple[str, dict[str, Any]]:
    """From a google.rpc.Status, as the engine reads it (plugin/provider_plugin.go, parseError)."""
    pool = descriptor_pool.DescriptorPool()
    for file in (any_pb2, struct_pb2):
        pool.AddSerializedFile(file.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(status_pb2.DESCRIPTOR.serialized_pb)
    parsed: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.rpc.Status"))()
    parsed.ParseFromString(status)
    assert (parsed.code, parsed.message) == (2, message)
    (detail,) = parsed.details
    failed = provider_pb2.ErrorResourceInitFailed.FromString(detail.value)
    assert detail.type_url.endswith("/pulumirpc.ErrorResourceInitFailed")
    assert list(failed.reasons) == [message]
    assert failed.refresh_before_update, "the engine keeps the planned inputs, which read corrects"
    return failed.id, _plain(failed.properties)


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def _plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """As the engine keeps it: numbers are floats, what is None has vanished."""
    values = json_format.MessageToDict(struct)
    return {key: value for key, value in values.items() if key != "__provider" and value is not None}
