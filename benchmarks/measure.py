"""The cost of one command with all its processes, and fair rounds of several commands.

Wall is from start to end. CPU is the time of the command and every process that it waited for; of processes that end
unwaited, as under Pulumi, the last value that was read. Memory is looked at every 20 ms: the largest
sum of what all processes had at one time, and of each process its own high-water mark, which the kernel keeps (its
`ru_maxrss` is unusable: it starts with the value of the parent process). Needs /proc, so Linux.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

_PAUSE = 0.02  # seconds
_TICK = os.sysconf("SC_CLK_TCK")
ROLES = {"provider": "pulumi.dynamic", "program": "pulumi-language-python-exec"}
"""Roles whose memory is reported separately -> a text in the arguments of such a process."""


class CommandError(Exception):
    """A measured command failed; the message has its last output."""


@dataclass(frozen=True)
class Cost:
    """wall and cpu in seconds, peak in MiB; more: the high-water mark of each role, in MiB; output: stdout and stderr."""

    wall: float
    cpu: float
    peak: float
    more: Mapping[str, float] = field(default_factory=dict)
    output: str = ""

    def figures(self) -> dict[str, float]:
        return {"wall": self.wall, "cpu": self.cpu, "peak": self.peak, **self.more}


def run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Raises CommandError if it fails. In any case it leaves no process behind."""
    with tempfile.TemporaryFile() as out:
        begun = time.perf_counter()
        # In its own session, so that this process passes ^C on, once, and can end everything that it started.
        process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        seen = _Seen(process.pid)
        try:
            with seen.looking():
                _, status, usage = os.wait4(process.pid, 0)
                wall = time.perf_counter() - begun
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            _end(process)
            raise
        out.seek(0)
        output = out.read().decode(errors="replace")
    if process.returncode:
        raise CommandError(f"{' '.join(map(str, command))[:300]}: exit code {process.returncode}\n{output[-3000:]}")
    return Cost(wall, max(usage.ru_utime + usage.ru_stime, seen.cpu), seen.peak, seen.roles, output)


def interleaved(
    ways: Mapping[str, Callable[[int], Mapping[str, float]]], rounds: int
) -> dict[str, list[dict[str, float]]]:
    """Each way once, then each again, beginning with another one: a slow minute of the machine affects all, and none is
    always first. Way -> figures of each round."""
    figures: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    order = list(ways)
    for number in range(rounds):
        for way in order:
            figures[way].append(dict(ways[way](number)))
        order.append(order.pop(0))
    return figures


@dataclass(frozen=True)
class Spread:
    """The median of some values, and how far they went."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        if self.least == self.most:
            return _short(self.middle)
        return f"{_short(self.middle)} ({_short(self.least)}..{_short(self.most)})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class _Seen:
    def __init__(self, root: int) -> None:
        self._root = root
        self._marks: dict[int, float] = {}
        self._cpu: dict[int, float] = {}
        self._roles: dict[int, str | None] = {}
        self._most = 0.0

    @contextmanager
    def looking(self) -> Iterator[None]:
        over = threading.Event()

        def look() -> None:
            self._look()
            while not over.wait(_PAUSE):
                self._look()

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _look(self) -> None:
        now = 0.0
        for pid in _tree(self._root):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
                times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                if pid not in self._roles or self._roles[pid] is None:  # it may not have become what it will be
                    arguments = Path(f"/proc/{pid}/cmdline").read_text()
                    self._roles[pid] = next((role for role, sign in ROLES.items() if sign in arguments), None)
            except (OSError, ValueError):  # gone
                continue
            if "VmHWM:" in status:
                now += _mib(status, "VmRSS:")
                self._marks[pid] = _mib(status, "VmHWM:")
                self._cpu[pid] = (int(times[11]) + int(times[12])) / _TICK
        self._most = max(self._most, now)

    @property
    def peak(self) -> float:
        return max(self._most, self._marks.get(self._root, 0.0))

    @property
    def cpu(self) -> float:
        return sum(self._cpu.values())

    @property
    def roles(self) -> dict[str, float]:
        return {
            role: max(marks)
            for role in ROLES
            if (marks := [self._marks.get(pid, 0.0) for pid, known in self._roles.items() if known == role])
        }


def _mib(status: str, name: str) -> float:
    return int(status.partition(name)[2].split(maxsplit=1)[0]) / 1024


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{thread}/children").read_text().split():
                yield from _tree(int(child))
    except OSError:  # it ended meanwhile
        return


def _end(process: subprocess.Popen[bytes]) -> None:
    """As ^C in a terminal would; and if that is not heeded, without asking."""
    for number, patience in ((signal.SIGINT, 20), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
        return
