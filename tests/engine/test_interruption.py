"""The engine or the provider dies, or the user presses ^C, while a request is under way: the next run converges."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

Death = Callable[[Project, "subprocess.Popen[bytes]"], None]


def engine_killed(_: Project, engine: subprocess.Popen[bytes]) -> None:
    engine.kill()


def provider_killed(project: Project, _: subprocess.Popen[bytes]) -> None:
    """The dynamic provider that this project's engine started, and none else's."""
    home = b"PULUMI_HOME=" + os.fsencode(project.workspace.local / "pulumi-home")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = home in (process / "environ").read_bytes().split(b"\0")
            if ours and b"pulumi.dynamic" in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue  # gone meanwhile, or not ours to read


def interrupted_twice(_: Project, engine: subprocess.Popen[bytes]) -> None:
    engine.send_signal(signal.SIGINT)
    try:
        engine.wait(2)
    except subprocess.TimeoutExpired:
        engine.send_signal(signal.SIGINT)


def run_into(project: Project, sandbox: Sandbox, command: str, pattern: str, when: str, death: Death) -> None:
    """Runs pulumi until the request is under way, then lets `death` happen; the request never goes on."""
    with sandbox.faults.add(pattern, when=when, action="hold") as fault:
        engine = _started(project, command)
        fault.wait()
        death(project, engine)
        if death is not provider_killed:
            engine.wait(60)
    assert engine.wait(60) != 0
    project.workspace.end_orphans()
    project.workspace.release_dead_lock()


def _started(project: Project, command: str) -> subprocess.Popen[bytes]:
    arguments = [command, "--yes", "--skip-preview", "--non-interactive", "--stack", "test"]
    with open(project.workspace.local / "log", "wb") as log:
        return subprocess.Popen(
            project.workspace.command(arguments),
            cwd=project.folder,
            env=project.workspace.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@pytest.mark.parametrize(
    ("pattern", "when", "death"),
    [
        ("PUT */manifests/*", "after", engine_killed),
        ("PUT */blobs/uploads/*", "before", engine_killed),
        ("PUT */manifests/*", "before", provider_killed),
        ("PUT */manifests/*", "after", interrupted_twice),
    ],
)
def test_create(project: Project, ecr: Ecr, sandbox: Sandbox, pattern: str, when: str, death: Death) -> None:
    run_into(project, sandbox, "up", pattern, when, death)
    project.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    project.up()
    assert ecr.tags(project.repository) == project.digests()
    assert project.digests().keys() == {"1.0.0"}
    assert project.preview() == {}


@pytest.mark.parametrize(("when", "death"), [("after", engine_killed), ("before", provider_killed)])
def test_update(project: Project, ecr: Ecr, sandbox: Sandbox, when: str, death: Death) -> None:
    project.up()
    make_pack(project.folder / "packs/hello", version="1.1.0")
    run_into(project, sandbox, "up", "PUT */manifests/1.1.0", when, death)
    project.up()
    assert ecr.tags(project.repository) == project.digests()
    assert project.digests().keys() == {"1.0.0", "1.1.0"}
    assert project.preview() == {}


@pytest.mark.parametrize(("when", "death"), [("after", engine_killed), ("before", provider_killed)])
def test_destroy(project: Project, ecr: Ecr, sandbox: Sandbox, when: str, death: Death) -> None:
    project.up()
    run_into(project, sandbox, "destroy", "ecr:BatchDeleteImage*", when, death)
    project.run("destroy", "--yes", "--skip-preview")
    assert ecr.names(project.base_path) == []


def test_one_interrupt_lets_what_is_under_way_end(project: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    with sandbox.faults.add("PUT */manifests/*", when="before", action="hold") as fault:
        engine = _started(project, "up")
        fault.wait()
        engine.send_signal(signal.SIGINT)
        fault.release()
        assert engine.wait(60) != 0
    assert ecr.tags(project.repository) == project.digests()
    project.up()
    assert project.preview() == {}
