"""The virtual environments, exactly as their lock files say.

An environment carries a stamp, written last: lock file, Python version, place (a virtual environment cannot be
moved). No stamp or another one means that it was interrupted, copied or is out of date: it is made anew, which pip's
cache makes quick, instead of being repaired into a state that no lock describes. The folder of wheels that the test
of the package installs from is kept the same way.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.steps import StepError, run, say

STAMP = ".packinfra-stamp"

# Which index pip uses is the user's or the company's business (PIP_INDEX_URL, pip.conf, proxies: all left alone);
# *where to* and *what* it installs is ours.
NOT_INHERITED = {
    *("PIP_CONSTRAINT", "PIP_DRY_RUN", "PIP_IGNORE_INSTALLED", "PIP_NO_DEPS", "PIP_PREFIX", "PIP_PYTHON"),
    *("PIP_REQUIREMENT", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "PYTHONHOME", "PYTHONPATH"),
}

NETWORK = (
    "The package index could not be reached. Connect to the network (or, behind a company's proxy or mirror, set "
    "HTTPS_PROXY or pip's index-url as your company requires) and run the same command again: it continues.\n"
    'A shell with `eval "$(make env)"` reaches nothing but the stand-ins: use another one.'
)
REMEDIES = {
    "NewConnectionError": NETWORK,
    "Failed to establish a new connection": NETWORK,
    "ConnectTimeout": NETWORK,
    "Read timed out": NETWORK,
    "ProxyError": NETWORK,
    "No matching distribution found": (
        "The package index does not have this package, or no build of it for this Python: check pip's index-url and "
        "the network, or try another Python (make PYTHON=python3.12 up)."
    ),
    "CERTIFICATE_VERIFY_FAILED": (
        "pip does not trust the certificate of the package index: behind a company's proxy, set PIP_CERT to its CA "
        "file."
    ),
    "DO NOT MATCH THE HASHES": "A download differs from the lock file: do not use it, tell the operator of the index.",
    "No space left on device": "The disk is full: make room, then run the same command again.",
}


def base_python() -> str:
    """This Python outside of any virtual environment: the one that is active may be the very one to be replaced."""
    return os.path.realpath(sys.executable) if sys.prefix != sys.base_prefix else sys.executable


def this_version() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def expected_stamp(folder: Path, lock: Path, version: str | None = None) -> str:
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return f"{lock.name} sha256:{digest}\npython {version or this_version()}\nat {folder.resolve()}\n"


def is_current(folder: Path, lock: Path, version: str | None = None) -> bool:
    try:
        if (folder / STAMP).read_text() != expected_stamp(folder, lock, version):
            return False
        probe = [str(folder / "bin/python"), "-I", "-c", "import pip"]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except OSError:  # no stamp, or bin/python leads nowhere: its Python was removed
        return False


def ensure(folder: Path, lock: Path, log: Path, *, python: str | None = None, version: str | None = None) -> None:
    """Make the environment unless it is current: of this Python, or of another one, named with its minor version."""
    _require(lock)
    if is_current(folder, lock, version):
        return
    if python is None and (importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None):
        raise StepError(
            f"{sys.executable} (Python {this_version()}) cannot make virtual environments: its modules venv and "
            f"ensurepip are missing.\nOn Debian or Ubuntu: apt install python{this_version()}-venv (or python3-venv). "
            "Elsewhere use a complete Python: make PYTHON=/path/to/python3 up"
        )
    _make_room(folder, lock)
    env = _environment()
    label = str(folder.name if version is None else f"Python {version}")
    run(f"{label}: empty environment", [python or base_python(), "-m", "venv", str(folder)], log, env=env)
    # --no-user: a pip.conf with `user = true` refuses to install into a virtual environment
    # --no-compile: compiling all of pulumi-aws takes longer than downloading it, and nearly all of it is never imported
    pip = [*_pip(folder / "bin/python"), "install", "--no-user", "--no-compile"]
    run(f"{label}: packages", [*pip, "--require-hashes", "-r", str(lock)], log, env=env, remedies=REMEDIES)
    (folder / STAMP).write_text(expected_stamp(folder, lock, version))


def ensure_wheels(folder: Path, lock: Path, log: Path, python: Path) -> None:
    """A folder with the wheels of a lock, from which pip installs without any network."""
    _require(lock)
    try:
        if (folder / STAMP).read_text() == expected_stamp(folder, lock):
            return
    except OSError:
        pass
    _make_room(folder, lock)
    folder.mkdir()
    pip = [*_pip(python), "download", "--only-binary", ":all:", "--dest", str(folder)]
    command = [*pip, "--require-hashes", "-r", str(lock)]
    run(f"{folder.name}: download", command, log, env=_environment(), remedies=REMEDIES)
    (folder / STAMP).write_text(expected_stamp(folder, lock))


def _require(lock: Path) -> None:
    if not lock.is_file():
        raise StepError(f"{lock} is missing: this is not a complete checkout. Restore it with git.")


def _make_room(folder: Path, lock: Path) -> None:
    reason = "the lock file, the Python or the location changed" if os.path.lexists(folder) else "first time"
    say(f"making {folder.name} from {lock.name} ({reason}); usually under a minute")
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)


def _environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}


def _pip(python: Path) -> list[str]:
    return [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
