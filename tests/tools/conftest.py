"""A copy of the checkout's tools, and a PATH with nothing on it but what a test puts there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

# What the fakes and the recipes need themselves.
SYSTEM = ("sh", "bash", "cat", "sleep", "env", "mkdir", "cp", "chmod", "sed", "awk", "make")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Makefile, tools and their go.mod files, in a folder whose name has a space."""
    copy = tmp_path / "check out"
    shutil.copytree(CHECKOUT / "tools", copy / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "Makefile", copy)
    for lock in ("requirements.lock", "requirements-check.lock", "requirements-sandbox.lock"):
        (copy / lock).write_text("")
    return copy


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH: no Go, no Pulumi, no Python."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name in SYSTEM:
        program = shutil.which(name)
        assert program, name
        (folder / name).symlink_to(program)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def program() -> Callable[[Path, str], Path]:
    """Write an executable shell script."""

    def write(path: Path, script: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write
