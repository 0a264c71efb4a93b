"""Is a sandbox running in this folder? The answer that no stale or reused process number can spoil.

The sandbox holds a lock on its pid file as long as it lives; the kernel drops the lock with the process, also after
SIGKILL. So: lock held = it lives, and the number in the file is its own; lock free = whatever the file says is stale.
"""

import contextlib
import errno
import fcntl
import http.client
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from sandbox.environment import FILE, Environment

PID_FILE = "sandbox.pid"
LOG_FILE = "sandbox.log"
# All that a sandbox makes in its folder, but for the pid file and the logs.
LEFT = (FILE, FILE + ".new", "ca.pem", "aws-config", "aws-credentials", "blobs")


class AlreadyRunningError(Exception):
    """Another process holds the folder."""


@dataclass
class Instance:
    """The sandbox of one folder, seen from outside."""

    folder: Path

    @property
    def pid_file(self) -> Path:
        return self.folder / PID_FILE

    @property
    def log_file(self) -> Path:
        return self.folder / LOG_FILE

    def recorded_pid(self) -> int | None:
        try:
            return int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None

    def running_pid(self) -> int | None:
        """The process number of the sandbox that lives in this folder."""
        try:
            with self.pid_file.open() as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            return self.recorded_pid()
        return None

    def answers(self) -> bool:
        """Whether it is up: its environment is written, and its proxy says that it is this process."""
        environment = Environment.read(self.folder)
        pid = self.running_pid()
        if environment is None or pid is None:
            return False
        address = urlsplit(environment.variables["HTTPS_PROXY"])
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=2)
        try:
            connection.request("GET", "/health")
            return bool(json.load(connection.getresponse())["pid"] == pid)
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self, patience: float = 3.0) -> int | None:
        """Ends the sandbox of this folder, waits until it is gone, and removes what it made. Returns its number."""
        pid = self.running_pid()
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if pid is not None and self.running_pid() == pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
                deadline = time.monotonic() + patience
                while self.running_pid() == pid and time.monotonic() < deadline:
                    time.sleep(0.02)
        if self.folder.is_dir():
            # Only behind the lock: somebody may have started another one meanwhile.
            with contextlib.suppress(AlreadyRunningError), self.hold():
                pass
        return pid

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Takes the folder for this process; on the way in and out removes what a sandbox made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stream = self._locked()
        try:
            self._clean(*LEFT)
            yield
        finally:
            self._clean(*LEFT, PID_FILE)  # while the lock is still held
            stream.close()

    def _clean(self, *names: str) -> None:
        for name in names:
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _locked(self) -> TextIO:
        deadline = time.monotonic() + 0.2  # somebody may just be looking (running_pid)
        while True:
            stream = self.pid_file.open("a+")
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                stream.close()
                if time.monotonic() > deadline:
                    raise AlreadyRunningError(self.recorded_pid()) from None
                time.sleep(0.02)
                continue
            # The file may have been removed between open and lock by a sandbox that was just stopping.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(self.pid_file.stat(), os.fstat(stream.fileno())):
                    stream.truncate(0)
                    stream.write(str(os.getpid()))
                    stream.flush()
                    return stream
            stream.close()
