"""Publishing packs: packinfra compared with today's scripts, over links of different kinds."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.link import Link
from benchmarks.measure import Cost, interleaved, run
from benchmarks.results import Case
from packinfra.oci.auth.credentials import PASSWORD as PASSWORD_NAME
from packinfra.oci.auth.credentials import USERNAME
from tests.support.registry import BIN, PASSWORD, USER, RealRegistry, real_registry

ROOT = Path(__file__).resolve().parents[1]
RATE, ROUND_TRIP = 100e6, 0.02
OURS, LOOP, LOOP4 = "packinfra", "tar + crane", "tar + crane, 4 processes"
NOTES = """\
packinfra: the provider's check and create in a Python process of its own; "of it work" is without its start and \
imports, which under Pulumi the engine's floor has anyway.
tar + crane: `tar -czf` and a push of crane 0.20.3 for each pack, one after another, or 4 at once. It stands for \
`oras push` 1.0.0, which isn't built here since not every Go module proxy has its module: that makes 8 requests a new \
pack, crane 11, so a ratio to it would be smaller, on the slow link about six tenths of the one here. Its peak memory \
includes the small Python that runs the loop.
Sent are all bytes on the wire, from a round through a counting forwarder that isn't timed. Registry: distribution's, \
on the same machine; its CPU time isn't counted."""


@dataclass(frozen=True)
class Place:
    """A registry, and the address at which a pusher meets it: its own, or that of a link before it."""

    registry: RealRegistry
    host: str
    folder: Path

    def via(self, link: Link) -> Place:
        return Place(self.registry, link.host, self.folder)

    def environment(self) -> dict[str, str]:
        names = {USERNAME, PASSWORD_NAME, "HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"}
        own = {"DOCKER_CONFIG": str(self.folder / "docker")}
        if self.registry.ca_file:
            own |= {"SSL_CERT_FILE": self.registry.ca_file, USERNAME: USER, PASSWORD_NAME: PASSWORD}
        return {**{name: value for name, value in os.environ.items() if name not in names}, **own}

    def log_in(self) -> None:
        """crane, at this address."""
        if self.registry.ca_file:
            run(
                [BIN / "crane", "auth", "login", self.host, "-u", USER, "-p", PASSWORD],
                cwd=ROOT,
                env=self.environment(),
            )

    def ours(self, base: str, packs: Sequence[Path]) -> Cost:
        command = [sys.executable, "-m", "benchmarks.pushers", self.params(base, packs)]
        cost = run(command, cwd=ROOT, env=self.environment())
        return replace(cost, more=json.loads(cost.output))

    def params(self, base: str, packs: Sequence[Path]) -> str:
        """For benchmarks.pushers and benchmarks.profiles."""
        access = {"caFile": self.registry.ca_file} if self.registry.ca_file else {"plainHttp": True}
        return json.dumps({
            "target": f"{self.host}/{base}", "packs": [str(pack) for pack in packs], "access": {"kind": "basic", **access},
            "records": str(self.folder / f"{base}.json"),
        })  # fmt: skip

    def loop(self, base: str, packs: Sequence[Path], at_once: int) -> Cost:
        params = {
            "crane": str(BIN / "crane"), "options": [] if self.registry.ca_file else ["--insecure"],
            "target": f"{self.host}/{base}", "packs": [str(pack) for pack in packs], "at_once": at_once,
        }  # fmt: skip
        script = ROOT / "benchmarks" / "loop.py"
        return run([sys.executable, "-I", "-S", script, json.dumps(params)], cwd=ROOT, env=self.environment())


Way = Callable[[Place, str, Sequence[Path]], Cost]
WAYS: dict[str, Way] = {
    OURS: lambda place, base, packs: place.ours(base, packs),
    LOOP: lambda place, base, packs: place.loop(base, packs, 1),
    LOOP4: lambda place, base, packs: place.loop(base, packs, 4),
}


@contextmanager
def place(folder: Path, *, tls: bool = False, slow: bool = False) -> Iterator[Place]:
    """A registry in its own folder, optionally behind the slow link."""
    with ExitStack() as stack:
        folder.mkdir()
        stack.callback(shutil.rmtree, folder)
        registry = stack.enter_context(real_registry(folder / "registry", tls=tls))
        made = Place(registry, registry.host, folder)
        if slow:
            made = made.via(stack.enter_context(Link(registry.host, rate=RATE, round_trip=ROUND_TRIP)))
        made.log_in()
        yield made


def fresh(where: Place, name: str, packs: Sequence[Path], rounds: int, ways: Sequence[str] = tuple(WAYS)) -> Case:
    """Every round into repositories that don't exist yet."""
    figures = _rounds(where, packs, rounds, ways, lambda way, number: f"{_slug(way)}-{len(packs)}-{number}")
    return Case("publish", name, figures, size=len(packs))


def unchanged(where: Place, name: str, packs: Sequence[Path], rounds: int) -> Case:
    """Everything is published already: ours compares and resolves each tag, the loop pushes again."""
    ways = (OURS, LOOP)
    for way in ways:
        WAYS[way](where, f"{_slug(way)}-{len(packs)}", packs)
    figures = _rounds(where, packs, rounds, ways, lambda way, _: f"{_slug(way)}-{len(packs)}")
    return Case("nothing changed", name, figures, size=len(packs))


def _rounds(
    where: Place, packs: Sequence[Path], rounds: int, ways: Sequence[str], base: Callable[[str, int | str], str]
) -> dict[str, list[dict[str, float]]]:
    """base: where a way publishes in a round"""
    sent = {way: _sent(where, base(way, "counted"), packs, WAYS[way]) for way in ways if way != LOOP4}
    sent[LOOP4] = sent.get(LOOP, {})  # the same pushes

    def measured(way: str) -> Callable[[int], dict[str, float]]:
        return lambda number: _figures(where, WAYS[way], base(way, number), packs) | sent[way]

    return interleaved({way: measured(way) for way in ways}, rounds)


def _figures(where: Place, push: Way, base: str, packs: Sequence[Path]) -> dict[str, float]:
    before = len(where.registry.requests)
    cost = push(where, base, packs)
    return cost.figures() | {"requests": len(where.registry.requests) - before}


def _sent(where: Place, base: str, packs: Sequence[Path], push: Way) -> dict[str, float]:
    with Link(where.registry.host) as link:
        counted = where.via(link)
        counted.log_in()
        push(counted, base, packs)
        return {"sent": link.sent / 1e6}


def counted(packs: int) -> str:
    return f"{packs:,} {'pack' if packs == 1 else 'packs'}"


def _slug(way: str) -> str:
    return way.replace(" + ", "-").replace(", ", "-").replace(" ", "-")
