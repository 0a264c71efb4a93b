"""The environments are those of the lock files, or made anew."""

import os
import sys
from pathlib import Path

import pytest

from tools import venvs
from tools.steps import StepError


@pytest.fixture
def made(tmp_path: Path) -> tuple[Path, Path]:
    """An environment that looks finished, and its lock."""
    lock, folder = tmp_path / "requirements.lock", tmp_path / ".venv"
    lock.write_text("one==1.0\n")
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / venvs.STAMP).write_text(venvs.expected_stamp(folder, lock))
    return folder, lock


def test_a_finished_environment_is_kept(made: tuple[Path, Path]) -> None:
    assert venvs.is_current(*made)


def test_a_changed_lock_makes_it_anew(made: tuple[Path, Path]) -> None:
    folder, lock = made
    lock.write_text("one==2.0\n")
    assert not venvs.is_current(folder, lock)


def test_another_python_makes_it_anew(made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    assert not venvs.is_current(*made)


def test_another_place_makes_it_anew(made: tuple[Path, Path]) -> None:
    folder, lock = made
    moved = folder.rename(folder.with_name("moved"))
    assert not venvs.is_current(moved, lock)


def test_a_python_that_was_removed_makes_it_anew(made: tuple[Path, Path], tmp_path: Path) -> None:
    folder, lock = made
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to(tmp_path / "gone")
    assert not venvs.is_current(folder, lock)


def test_no_stamp_means_interrupted(made: tuple[Path, Path]) -> None:
    folder, lock = made
    (folder / venvs.STAMP).unlink()
    assert not venvs.is_current(folder, lock)


def test_python_without_venv_is_an_error_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(StepError, match="apt install python3"):
        venvs.ensure(tmp_path / ".venv", lock, tmp_path / "log")
    assert not (tmp_path / ".venv").exists()


def test_an_incomplete_checkout_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"requirements\.lock is missing"):
        venvs.ensure(tmp_path / ".venv", tmp_path / "requirements.lock", tmp_path / "log")


def test_no_network_is_said_and_the_next_run_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")  # nothing listens on the discard port
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))  # must not lead the packages away
    lock, folder, log = tmp_path / "requirements.lock", tmp_path / ".venv", tmp_path / "log"
    lock.write_text(f"packinfra-no-such-package==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(StepError) as error:
        venvs.ensure(folder, lock, log)
    assert "The package index could not be reached" in str(error.value)
    assert str(log) in str(error.value)
    assert not venvs.is_current(folder, lock)

    lock.write_text("# nothing\n")
    venvs.ensure(folder, lock, log)  # over the half-made one
    assert venvs.is_current(folder, lock)
    before = log.stat().st_mtime_ns
    venvs.ensure(folder, lock, log)
    assert log.stat().st_mtime_ns == before  # nothing was run
    assert not (tmp_path / "elsewhere").exists()
