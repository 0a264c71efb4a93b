"""Is a sandbox running in this folder? A stale or reused process number can't falsify the result.

The sandbox locks its pid file as long as it runs; the kernel releases the lock when the process ends, even after
SIGKILL. So: locked = it runs, and the number in the file is its own; unlocked = the file is stale.
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
# What a sandbox writes into its folder, except the pid file and the logs.
CONTENT = (FILE, FILE + ".new", "ca.pem", "aws-config", "aws-credentials", "blobs")


class AlreadyRunningError(Exception):
    """Another process has locked the folder."""


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
        """The process number of the sandbox that runs in this folder."""
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

    def is_responding(self) -> bool:
        """Whether it is ready: its environment is written, and its proxy responds with its process number."""
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

    def stop(self, timeout: float = 3.0) -> int | None:
        """Stops the sandbox of this folder, waits for its end, and deletes its content. Returns its process number."""
        pid = self.running_pid()
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if pid is not None and self.running_pid() == pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
                deadline = time.monotonic() + timeout
                while self.running_pid() == pid and time.monotonic() < deadline:
                    time.sleep(0.02)
        if pid is not None:
            _wait_for_end(pid)
        if self.folder.is_dir():
            # Only with the lock: another one may have been started meanwhile.
            with contextlib.suppress(AlreadyRunningError), self.hold():
                pass
        return pid

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Locks the folder for this process; deletes a sandbox's content before and after."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stream = self._locked()
        try:
            self._clean(*CONTENT)
            yield
        finally:
            self._clean(*CONTENT, PID_FILE)  # while the lock is still held
            stream.close()

    def _clean(self, *names: str) -> None:
        for name in names:
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _locked(self) -> TextIO:
        deadline = time.monotonic() + 0.2  # another process may be in running_pid
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
            # A sandbox that was stopping may have removed the file between open and lock.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(self.pid_file.stat(), os.fstat(stream.fileno())):
                    stream.truncate(0)
                    stream.write(str(os.getpid()))
                    stream.flush()
                    return stream
            stream.close()


def _wait_for_end(pid: int) -> None:
    """Waits for the process, which ends a moment after it releases the lock."""
    deadline = time.monotonic() + 1
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline and not _is_zombie(pid):
            os.kill(pid, 0)
            time.sleep(0.01)


def _is_zombie(pid: int) -> bool:
    """Dead, but not waited for: in a container without an init process, that lasts."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:  # gone, or no /proc (macOS)
        return False
