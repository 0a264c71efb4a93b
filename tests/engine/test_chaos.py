"""The engine's process group is killed at random moments of `up`, inside an upload's body among them: the next run converges,
preview is clean, and destroy leaves nothing.

    CHAOS_ROUNDS=50 CHAOS_SEED=7 python -m pytest tests/engine/test_chaos.py

`make test-chaos` runs more rounds than `make test`.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.packs import make_pack
from tests.support.project import Project
from tests.support.registry import PASSWORD, USER, RealRegistry, real_registry

pytestmark = [pytest.mark.engine, pytest.mark.registry]

ROUNDS, SEED = int(os.environ.get("CHAOS_ROUNDS", "2")), int(os.environ.get("CHAOS_SEED", "1"))
PACKS = [f"pack-{number:02}" for number in range(12)]
LARGE = 24 << 20
"""Bytes of one pack: long enough on its way to be met there."""


@pytest.fixture(params=[3, 2], ids=["distribution-3", "distribution-2.8"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealRegistry]:
    with real_registry(tmp_path / "registry", tls=True, version=request.param) as running:
        yield running


@pytest.fixture
def catalogue(project: Project, registry: RealRegistry) -> Project:
    assert registry.ca_file
    shutil.rmtree(project.folder / "packs")
    shutil.copy(registry.ca_file, project.folder / "ca.pem")
    where = {
        "kind": "basic",
        "host": registry.host,
        "basePath": project.base_path,
        "caFile": "ca.pem",
        "username": USER,
    }
    project.configure(registry=where, repositories=None, aws_region=None, aws_allowedAccountIds=None)
    project.secret("registryPassword", PASSWORD)
    return project


class Chaos:
    """Rounds of: some packs change, `up` is killed, the next run converges."""

    def __init__(self, project: Project, registry: RealRegistry, seed: int) -> None:
        self._project, self._data = project, registry.log.parent / "data"
        self._random = random.Random(seed)
        self._takes = 8.0

    def change(self, number: int) -> None:
        """All packs in the first round, then a few; the large one always."""
        chosen = PACKS if not number else [PACKS[0], *self._random.sample(PACKS[1:], 4)]
        for name in chosen:
            files = {"noise": self._random.randbytes(LARGE if name == PACKS[0] else 2000)}
            manifest = {"kubeManifests": ["manifests/hello.yaml"]}
            make_pack(self._project.folder / "packs" / name, files, name=name, version=f"1.{number}.0", **manifest)

    def kill(self, *, in_a_body: bool) -> None:
        command = ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", "test"]
        moment = time.monotonic() + self._random.uniform(0.3, 1.0) * self._takes
        with open(self._project.workspace.local / "log", "wb") as log:
            engine = subprocess.Popen(
                self._project.workspace.command(command), cwd=self._project.folder,
                env=self._project.workspace.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        while engine.poll() is None and not (self._in_a_body() if in_a_body else time.monotonic() > moment):
            time.sleep(0.002)
        ended = engine.poll() is not None
        if not ended:
            os.killpg(engine.pid, signal.SIGKILL)
            engine.wait(60)
        self._project.workspace.end_orphans()
        self._project.workspace.release_dead_lock()
        assert not (in_a_body and ended), "the upload was missed"

    def converge(self) -> None:
        project = self._project
        project.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
        begun = time.monotonic()
        project.up()
        self._takes = max(2.0, time.monotonic() - begun)
        assert project.preview() == {}
        recorded = {
            f"{name.removeprefix('PublishedPack packs-')}:{version}"
            for name, resource in project.resources().items()
            if name.startswith("PublishedPack")
            for version in resource["outputs"]["versions"]
        }
        assert recorded == {f"{path.parents[4].name}:{path.parents[1].name}" for path in self.links("tags/*/current")}

    def links(self, kind: str) -> list[Path]:
        """What the registry stores of tags ("tags/*/current") or manifests ("revisions/sha256/*")."""
        return list(self._data.rglob(f"_manifests/{kind}/link"))

    def _in_a_body(self) -> bool:
        sizes = [_size(path) for path in self._data.rglob("_uploads/*/data")]
        return any(1 << 20 < size < LARGE for size in sizes)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # the upload has ended


def test_random_kills(catalogue: Project, registry: RealRegistry) -> None:
    chaos = Chaos(catalogue, registry, SEED)
    for number in range(ROUNDS):
        chaos.change(number)
        chaos.kill(in_a_body=number % 2 == 1)
        chaos.converge()
    catalogue.destroy()
    assert chaos.links("tags/*/current") == chaos.links("revisions/sha256/*") == []
