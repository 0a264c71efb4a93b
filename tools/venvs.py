"""The virtual environments, exactly as their lock files say.

An environment carries a stamp, written last: lock file, Python version, place (a virtual environment cannot be
moved). No stamp or another one means that it was interrupted, copied or is out of date: it is made anew, which pip's
cache makes quick, instead of being repaired into a state that no lock describes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
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
    "There was no way to the package index. Connect to the network (or, behind a company's proxy or mirror, set "
    "HTTPS_PROXY or pip's index-url as prescribed there) and run the same command again: it continues.\n"
    'A shell with `eval "$(make env)"` reaches nothing but the sandbox: use another one.'
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
        "pip does not trust the certificate it is shown: behind a company's proxy, set PIP_CERT to its CA file."
    ),
    "DO NOT MATCH THE HASHES": "A download differs from the lock file: do not use it, tell whoever runs the index.",
    "No space left on device": "The disk is full: make room, then run the same command again.",
}


def base_python() -> str:
    """This Python outside of any virtual environment: the one that is active may be the very one to be replaced."""
    return os.path.realpath(sys.executable) if sys.prefix != sys.base_prefix else sys.executable


def expected_stamp(folder: Path, lock: Path) -> str:
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    return f"{lock.name} sha256:{digest}\npython {sys.version_info[0]}.{sys.version_info[1]}\nat {folder.resolve()}\n"


def is_current(folder: Path, lock: Path) -> bool:
    try:
        if (folder / STAMP).read_text() != expected_stamp(folder, lock):
            return False
        probe = [str(folder / "bin/python"), "-I", "-c", "import pip"]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except OSError:  # no stamp, or bin/python leads nowhere: its Python was removed
        return False


def ensure(folder: Path, lock: Path, log: Path) -> None:
    if is_current(folder, lock):
        return
    if not lock.is_file():
        raise StepError(f"{lock} is missing: this is not a complete checkout. Restore it with git.")
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise StepError(
            f"{sys.executable} (Python {version}) cannot make virtual environments: its modules venv and ensurepip "
            f"are missing.\nOn Debian or Ubuntu: apt install python{version}-venv (or python3-venv). Elsewhere use a "
            "complete Python: make PYTHON=/path/to/python3 up"
        )
    reason = "it is there, but not from this lock file, Python and place" if os.path.lexists(folder) else "first time"
    say(f"making {folder.name} from {lock.name} ({reason}); usually under a minute")
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    env = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    run(f"{folder.name}: empty environment", [base_python(), "-m", "venv", str(folder)], log, env=env)
    pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    run(
        f"{folder.name}: packages",
        # --no-user: a pip.conf with `user = true` refuses to install into a virtual environment
        [*pip, "--no-user", "--require-hashes", "-r", str(lock)],
        log,
        env=env,
        remedies=REMEDIES,
    )
    (folder / STAMP).write_text(expected_stamp(folder, lock))
