"""Only what a killed engine of this very workspace left behind is ended."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tools.orphans import end_orphans


@contextmanager
def plugin(pulumi_home: Path, address: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)", address]
    env = {**os.environ, "PULUMI_HOME": str(pulumi_home)}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()  # it runs
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_only_our_plugins_without_an_engine_are_ended(tmp_path: Path) -> None:
    ours, other = tmp_path / "pulumi-home", tmp_path / "other"
    with closing(socket.create_server(("127.0.0.1", 0))) as engine:
        alive = f"127.0.0.1:{engine.getsockname()[1]}"
        with closing(socket.create_server(("127.0.0.1", 0))) as ended:
            dead = f"127.0.0.1:{ended.getsockname()[1]}"
        with plugin(ours, dead) as orphan, plugin(ours, alive) as working, plugin(other, dead) as foreign:
            assert end_orphans(ours) == ([orphan.pid] if Path("/proc").is_dir() else [])
            assert working.poll() is None
            assert foreign.poll() is None
