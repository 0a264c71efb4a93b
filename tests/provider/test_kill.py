"""Killed at every request boundary of create, update and delete: the next run converges.

The boundaries are not listed here: a first, undisturbed run is recorded by the sandbox, and then repeated once for
each of its requests, killed (SIGKILL) before that request took effect, in the middle of its body, or after its effect
and before its answer. What a killed operation did is unrecorded: the engine repeats it with the state it had.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.provider_host import URN, ProviderError, ProviderHost
from tests.support.sandbox import RecordedRequest, Sandbox

pytestmark = pytest.mark.sandbox

CONFIG = {"aws:region": "eu-west-1"}
WHEN = ("before", "after")


@dataclass
class Bench:
    """A pack in a repository of its own; operations on it, each in a provider process of its own, as in a run."""

    sandbox: Sandbox
    ecr: Ecr
    folder: Path
    base_path: str
    count: int = 0

    def fresh(self) -> str:
        """An empty repository."""
        self.count += 1
        self.name = f"{self.base_path}/{self.count}/hello"
        return self.ecr.create(self.name)

    def host(self) -> ProviderHost:
        return ProviderHost(self.sandbox.environment(), self.folder, CONFIG)

    def inputs(self, repository: str, *versions: str) -> dict[str, Any]:
        for version in versions:
            make_pack(self.folder / version, {"noise": version * 1000}, version=version)
        return {"repository": repository, "sources": list(versions), "ownUrn": URN}

    def checked(self, host: ProviderHost, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
        inputs, failures = host.check(olds, news)
        assert not failures
        return inputs

    # ---- what is killed: each returns nothing, and can be repeated with the same state

    def create(self, repository: str) -> Callable[[ProviderHost], Any]:
        news = self.inputs(repository, "1.0.0", "1.1.0")
        return lambda host: host.create(self.checked(host, {}, news))

    def update(self, repository: str) -> Callable[[ProviderHost], Any]:
        """1.0.0 and 1.1.0 are published; 1.2.0 is new, 1.0.0 is withdrawn."""
        with self.host() as host:
            inputs = self.checked(host, {}, self.inputs(repository, "1.0.0", "1.1.0"))
            id_, outs = host.create(inputs)
        news = {**self.inputs(repository, "1.1.0", "1.2.0"), "unpublish": ["1.0.0"]}
        return lambda host: host.update(id_, outs, self.checked(host, inputs, news))

    def delete(self, repository: str) -> Callable[[ProviderHost], Any]:
        with self.host() as host:
            id_, outs = host.create(self.checked(host, {}, self.inputs(repository, "1.0.0", "1.1.0")))
        return lambda host: host.delete(id_, outs)

    def killed(self, operation: Callable[[ProviderHost], Any], nth: int, when: str) -> None:
        with self.host() as host, self.sandbox.faults.add("*", nth=nth, when=when, action="hold") as fault:
            thread = threading.Thread(target=_ignoring, args=(operation, host))
            thread.start()
            fault.wait()
            os.kill(host.pid, 9)
            thread.join()


def _ignoring(operation: Callable[[ProviderHost], Any], host: ProviderHost) -> None:
    try:
        operation(host)
    except ProviderError:
        pass  # the host was killed under it


@pytest.fixture
def bench(sandbox: Sandbox, ecr: Ecr, tmp_path: Path, base_path: str) -> Bench:
    return Bench(sandbox, ecr, tmp_path, base_path)


EXPECTED = {"create": {"1.0.0", "1.1.0"}, "update": {"1.1.0", "1.2.0"}, "delete": set[str]()}


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("what", list(EXPECTED))
def test_every_boundary(bench: Bench, what: str, when: str) -> None:
    prepare = getattr(bench, what)
    repository = bench.fresh()
    operation = prepare(repository)
    mark = bench.sandbox.mark()
    with bench.host() as host:
        operation(host)
    boundaries = bench.sandbox.requests(since=mark)
    assert len(boundaries) >= 4
    reference = bench.ecr.tags(bench.name)
    assert reference.keys() == EXPECTED[what]

    for nth in range(1, len(boundaries) + 1):
        operation = prepare(bench.fresh())
        killed = bench.sandbox.mark()
        bench.killed(operation, nth, when)
        for tag in bench.ecr.tags(bench.name):
            assert bench.ecr.has_all(bench.name, tag), f"killed {when} {boundaries[nth - 1].summary}"
        rerun = bench.sandbox.mark()
        with bench.host() as host:
            operation(host)
        assert bench.ecr.tags(bench.name) == reference, f"killed {when} {boundaries[nth - 1].summary}"
        uploads = bench.sandbox.requests("PUT */blobs/uploads/*", since=killed)
        arrived = [asked for asked in uploads if asked.number <= rerun and asked.status == HTTPStatus.CREATED]
        again = [asked for asked in uploads if asked.number > rerun]
        if what != "create":  # a new repository isn't asked for blobs as small as these (tests/unit/test_client.py)
            assert len(arrived) + len(again) <= len(_uploads(boundaries)), "what had arrived was sent again"


def _uploads(boundaries: list[RecordedRequest]) -> list[RecordedRequest]:
    return [asked for asked in boundaries if asked.summary.startswith("PUT ") and "/blobs/uploads/" in asked.summary]
