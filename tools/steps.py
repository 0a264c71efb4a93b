"""One step of the set-up: a label, a log, a sign of life, and an error with a remedy.

A step is a foreign command (pip, go) whose output matters only if it fails. The output goes to a log; on a terminal one
line counts the seconds, elsewhere a line every 15 seconds shows that the step is alive. A failure shows the log's last
lines and what to do next.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

PULSE_TERMINAL, PULSE_LOG = 1.0, 15.0
LAST_LINES = 12
RETRY = "Fix the cause, then run the same command again: it continues."


class StepError(Exception):
    """A failure that is printed without a traceback: the step, the reason, what to do next."""


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def interrupt_on_sigterm() -> None:
    """A terminated step ends like an interrupted one: its child is ended too, and nothing half-made is stamped."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def run(
    label: str,
    command: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    remedies: Mapping[str, str] | None = None,
) -> None:
    """Run a command with its output in `log`. `remedies` maps a text in that output to a remedy; the first match wins."""
    log.parent.mkdir(parents=True, exist_ok=True)
    terminal = sys.stdout.isatty()
    pulse = PULSE_TERMINAL if terminal else PULSE_LOG
    started = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=cwd
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = child.wait(pulse)
                    break
                elapsed = time.monotonic() - started
                print(f"\r    {label}: {elapsed:.0f} s\033[K" if terminal else f"    {label}: {elapsed:.0f} s", end="")
                print(end="" if terminal else "\n", flush=True)
        except BaseException:
            child.terminate()  # harmless when the terminal's ^C has reached it already
            child.wait()
            raise
        finally:
            if terminal:
                print("\r\033[K", end="", flush=True)
    if code:
        raise StepError(_explain(label, code, log, remedies or {}))
    print(f"    {label}: done in {time.monotonic() - started:.0f} s", flush=True)


def _explain(label: str, code: int, log: Path, remedies: Mapping[str, str]) -> str:
    text = log.read_text(errors="replace")
    lines = [line for line in text.splitlines() if line.strip()][-LAST_LINES:]
    advice = next((remedy for sign, remedy in remedies.items() if sign.lower() in text.lower()), RETRY)
    return "\n".join(
        [
            f"{label} failed (exit code {code}). The last lines of its output:",
            *(f"    | {line}" for line in lines or ["(no output)"]),
            f"Full log: {log}",
            advice,
        ]
    )


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One set-up at a time in a checkout; the lock ends with the process, however that ends."""
    try:
        import fcntl  # noqa: PLC0415 (Windows does not have it)
    except ImportError:
        raise StepError("Windows is not supported; in WSL (Windows Subsystem for Linux) everything works.") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"another process is setting up this checkout (lock {path}); waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
