"""The format in which the provider host hands errors to the engine: ours without a traceback.

It changes an undocumented habit of the SDK's provider host, so it fails soft: where the host differs, an error shows
with a traceback.
"""

from __future__ import annotations

import sys
import threading
import traceback
from types import SimpleNamespace
from typing import Any

from packinfra.errors import PackinfraError

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
