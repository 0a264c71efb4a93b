"""What the provider process says to the engine beside its answers: progress, warnings, readable errors.

Both ways below are undocumented habits of the SDK's provider host, so both fail soft: where the host differs, a
line of progress is missing or an error wears a traceback, and nothing else happens.
"""

from __future__ import annotations

import sys
import threading
import traceback
from functools import cache
from types import SimpleNamespace
from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from packinfra.errors import PackinfraError

_TIMEOUT = 5.0


class Log:
    """The engine's Log RPC for one resource: messages stand beside it in the display.

    urn: of the resource, or "" (then messages belong to the stack). Without an engine nothing is shown.
    """

    def __init__(self, urn: str) -> None:
        self._urn = urn

    def status(self, message: str) -> None:
        """Replaces the resource's live status; leaves no trace."""
        self._send(message, engine_pb2.INFO, ephemeral=True)

    def info(self, message: str) -> None:
        self._send(message, engine_pb2.INFO)

    def warning(self, message: str) -> None:
        self._send(message, engine_pb2.WARNING)

    def _send(self, message: str, severity: engine_pb2.LogSeverity.ValueType, *, ephemeral: bool = False) -> None:
        stub = _engine()
        if stub is None:
            return
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=self._urn, ephemeral=ephemeral)
        try:
            stub.Log(request, timeout=_TIMEOUT)
        except grpc.RpcError:
            pass  # a run must not fail because its progress could not be shown


@cache
def _engine() -> engine_pb2_grpc.EngineStub | None:
    """The engine, whose address is the host's last argument; pulumi.log has no engine in this process."""
    address = sys.argv[-1] if len(sys.argv) > 1 else ""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return None
    # An explicit proxy setting: a lower-case https_proxy would otherwise be asked for 127.0.0.1.
    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]))


_once = threading.Lock()


def install_error_formatter() -> None:
    """Makes the provider host show the message of a PackinfraError without a traceback.

    Since SDK 3.2xx the host answers every exception with traceback.format_exc() (`_abort_with_traceback` in
    pulumi/dynamic/__main__.py), and it offers no other way to fail. So the name `traceback` in the host's own module
    is replaced by one whose format_exc knows our errors; those of bugs stay as they are.
    """
    host: Any = sys.modules.get("__main__")
    with _once:
        if getattr(host, "traceback", None) is traceback and hasattr(host, "DynamicResourceProviderServicer"):
            host.traceback = SimpleNamespace(format_exc=_format_exc)


def _format_exc() -> str:
    error = sys.exc_info()[1]
    return str(error) if isinstance(error, PackinfraError) else traceback.format_exc()
