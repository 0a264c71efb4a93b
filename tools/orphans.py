"""The processes that a killed Pulumi leaves behind.

The engine starts a language host and providers and ends them when it ends. Killed (`kill -9`, a closed terminal,
`make up | head`), it cannot: the language host notices within minutes, a dynamic provider never does. Two signs
identify it: our own PULUMI_HOME in its environment, and the engine's addresses in its arguments, which are closed.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
from pathlib import Path


def end_orphans(pulumi_home: Path) -> list[int]:
    """End them, and return their process ids; none without /proc (macOS)."""
    ended = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # not ours to read, or gone already
            arguments = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            variables = (process / "environ").read_bytes().split(b"\0")
            if b"PULUMI_HOME=" + os.fsencode(pulumi_home) not in variables:
                continue
            ports = [int(match[1]) for a in arguments if (match := re.fullmatch(rb"127\.0\.0\.1:(\d+)", a))]
            if ports and not any(_listens(port) for port in ports):
                os.kill(int(process.name), signal.SIGTERM)
                ended.append(int(process.name))
    return ended


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
