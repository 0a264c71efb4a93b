"""Runs a credential helper (docker-credential-NAME), which may hang, fail, or print whatever it likes.

Protocol: docker/docker-credential-helpers, README ("Development"): the server on stdin, JSON or an error on stdout.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import time

from packinfra.http.redact import clean

_TIMEOUT = 30.0
"""Seconds: a helper may ask a cloud for a token, or a person to unlock a keychain; a browser's login takes longer, and
has no place in a run."""
_LIMIT = 64 << 10
"""Bytes that a helper may print."""
_NOT_FOUND = "credentials not found in native keychain"  # docker-credential-helpers, credentials/error.go


class HelperFailed(Exception):  # noqa: N818 - its text is half a sentence: "took longer than 30 s"
    """Why a helper gave no credentials. remedy: what to do about it"""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.remedy = remedy


def ask_helper(name: str, server: str) -> tuple[str, str] | None:
    """(user name, secret) of a server, or None if the helper has none.

    Raises HelperFailed, whose text never holds what a helper printed where its response belongs.
    """
    program = f"docker-credential-{name}"
    by_hand = f"see what it says: echo {server} | {program} get"
    if not re.fullmatch(r"[\w.-]+", name):
        raise HelperFailed("has a name that no program has", "correct its name: what follows docker-credential-")
    if (path := shutil.which(program)) is None:
        raise HelperFailed("is not on PATH", f"install {program}, or take its name out of the file")
    try:
        code, out, err = _run(path, server)
    except TimeoutError as error:  # _run's own
        raise HelperFailed(str(error), by_hand) from None
    except OSError as error:
        raise HelperFailed(f"can't be started: {error.strerror}", by_hand) from None
    text = out.decode("utf-8", "replace").strip()
    if code:
        if text.startswith(_NOT_FOUND):
            return None
        text = text or err.decode("utf-8", "replace").strip()
        shown = "" if '"Secret"' in text else clean(text, limit=300)
        raise HelperFailed(f"failed: {shown or f'exit code {code}'}", by_hand)
    try:
        response = json.loads(text)
        username, secret = response["Username"], response["Secret"]
    except (ValueError, LookupError, TypeError, RecursionError):
        username = secret = None
    if not (isinstance(username, str) and isinstance(secret, str)):
        raise HelperFailed("printed something else than the JSON of a credential helper", by_hand)
    return (username, secret) if username else None


def _run(path: str, server: str) -> tuple[int, bytes, bytes]:
    """(exit code, stdout, stderr). Raises TimeoutError for a helper beyond its bounds, of which then nothing runs any more."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [path, "get"], stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True
    ) as process:
        end = time.monotonic() + _TIMEOUT
        try:
            out, err = _output(process, server, end)
            return process.wait(max(0.0, end - time.monotonic())), out, err
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # a helper may be a shell script with children
            if isinstance(error, subprocess.TimeoutExpired):
                raise TimeoutError(f"took longer than {_TIMEOUT:g} s") from None
            raise


def _output(process: subprocess.Popen[bytes], server: str, end: float) -> list[bytes]:
    """What it prints until it ends: an agent that it leaves behind (gpg-agent) may keep its pipes open for ever."""
    if process.stdin:
        with contextlib.suppress(BrokenPipeError):  # it doesn't want to know
            process.stdin.write(server.encode())
        process.stdin.close()
    output = {stream.fileno(): b"" for stream in (process.stdout, process.stderr) if stream}
    with selectors.DefaultSelector() as selector:
        for descriptor in output:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ended = process.poll() is not None
            ready = selector.select(0 if ended else 0.05)
            if ended and not ready:
                break
            for key, _ in ready:
                block = os.read(key.fd, 1 << 16)
                output[key.fd] += block
                if not block:
                    selector.unregister(key.fd)
            if sum(map(len, output.values())) > _LIMIT:
                raise TimeoutError(f"printed more than {_LIMIT >> 10} KiB")
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(process.args, 0)
    return [*output.values()]
