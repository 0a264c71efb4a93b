"""The format in which the provider host hands errors to the engine: without a traceback, and with a failure's outputs.

It changes undocumented habits of the SDK's provider host, so it fails soft: where the host differs, an error shows
with a traceback, and an operation that was done in part leaves no state.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from types import FrameType, SimpleNamespace
from typing import Any

from google.protobuf import any_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from packinfra.errors import PackinfraError
from packinfra.lifecycle.results import PartialFailure

_once = threading.Lock()
_PROVIDER = "__provider"
_UNKNOWN = 2
"""gRPC's status code, with which the host aborts."""


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
    if isinstance(error, PartialFailure):
        _attach_state(error, sys._getframe(1))  # noqa: SLF001 - the host hands over nothing else
    return str(error) if isinstance(error, PackinfraError) else traceback.format_exc()


def _attach_state(error: PartialFailure, handler: FrameType) -> None:
    """Adds to the response what the engine shall record: an ErrorResourceInitFailed among the details of the status.

    The engine (plugin/provider_plugin.go, parseError) then keeps id and outputs, fails the run, and makes the next one
    call `update`. It keeps the planned inputs whatever we send, so we make it refresh the resource first: `read`
    corrects them.

    handler: the host's frame that handles the request
    """
    try:
        request, context = handler.f_locals["request"], handler.f_locals["context"]
        inputs = request.news if hasattr(request, "news") else request.properties
        loop = asyncio.new_event_loop()
        try:
            outputs = {**error.outputs, _PROVIDER: inputs[_PROVIDER]}
            properties = loop.run_until_complete(rpc.serialize_properties(outputs, {}))
        finally:
            loop.close()
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=error.id, properties=properties, reasons=[str(error)], refresh_before_update=True
            )
        )
        status = _field(1, _UNKNOWN) + _field(2, str(error).encode()) + _field(3, detail.SerializeToString())
        context.set_trailing_metadata((("grpc-status-details-bin", status),))
    except Exception:  # the host is another one: the error alone must still reach the user
        return


def _field(number: int, value: int | bytes) -> bytes:
    """One field of a google.rpc.Status in protobuf's encoding. Its class comes in two copies, Pulumi's and Google's, and
    a process that loads both fails."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
