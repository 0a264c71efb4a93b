"""The engine's log for messages of the provider process: progress and warnings beside a resource in the display.

The way is an undocumented habit of the SDK's provider host, so it fails soft: where the host differs, a line of
progress is missing, and nothing else happens.
"""

from __future__ import annotations

import sys
from functools import cache

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from packinfra.text import printable_lines

_TIMEOUT = 5.0


class EngineLog:
    """A Reporter (lifecycle/run.py) by the engine's Log RPC.

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
        text = printable_lines(message)  # tags, names and statuses of others
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=self._urn, ephemeral=ephemeral)
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
