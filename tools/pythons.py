"""Every other Python that the project promises and this machine has, with an environment for the quick tests.

The search covers the folders of PATH and pyenv's versions. A Python counts if it starts: a version manager's shim may
lead nowhere. The Python of this process is left out, since `make test` runs all tests on it. The environments come
from the same lock and lie in `.tools/pythons/`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import venvs
from tools.steps import say

PROMISED = ("3.11", "3.12", "3.13", "3.14")

# Prints the version of a release of CPython: of no virtual environment, and of no free-threaded build, for which
# there are few wheels. Debian's Pythons come without ensurepip until python3-venv is installed.
PROBE = """
import sys, sysconfig
regular = sys.version_info.releaselevel == "final" and not sysconfig.get_config_var("Py_GIL_DISABLED")
if sys.implementation.name == "cpython" and regular and sys.prefix == sys.base_prefix:
    import importlib.util
    complete = importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv")
    print(".".join(map(str, sys.version_info[:3])), "complete" if complete else "incomplete")
"""


@dataclass(frozen=True)
class Python:
    path: str
    version: str  # 3.12.1
    complete: bool = True  # can it make virtual environments?

    @property
    def minor(self) -> str:
        return self.version.rpartition(".")[0]

    def __str__(self) -> str:
        return f"{self.version} ({self.path})"


def others() -> list[Python]:
    """For each promised version but this one's the first Python that works, complete ones preferred."""
    best: dict[str, Python] = {}
    for path in dict.fromkeys(_candidates()):
        python = probe(path)
        if python and python.minor in PROMISED and python.minor != venvs.this_version():
            known = best.get(python.minor)
            if known is None or (python.complete and not known.complete):
                best[python.minor] = python
    return [best[minor] for minor in PROMISED if minor in best]


def newest() -> list[Python]:
    """The last of `others`, as a list: empty if there is none."""
    return others()[-1:]


def probe(path: str) -> Python | None:
    """Run it: None if it doesn't start or is of no use here."""
    try:
        result = subprocess.run([path, "-I", "-c", PROBE], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version, _, state = result.stdout.strip().partition(" ")
    return Python(path, version, state == "complete") if result.returncode == 0 and version else None


def ensure(checkout: Path, wanted: Sequence[Python]) -> list[tuple[Python, Path]]:
    """Each of these Pythons with its environment, which is made unless it is current."""
    environments = []
    for python in wanted:
        if not python.complete:
            say(f"Python {python} is not tested: it can't make virtual environments (apt install python3-venv)")
            continue
        folder = checkout / ".tools" / "pythons" / python.minor
        log = checkout / ".tools" / "log" / f"python-{python.minor}.log"
        venvs.ensure(folder, checkout / "requirements.lock", log, python=python.path, version=python.minor)
        environments.append((python, folder))
    return environments


def _candidates() -> Iterator[str]:
    """Paths that may be a Python: all of PATH in its order, then pyenv's versions, the newest first."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    for folder in folders:
        for name in (*(f"python{minor}" for minor in PROMISED), "python3"):
            if os.access(folder / name, os.X_OK):
                yield str(folder / name)
    shims = [folder.parent for folder in folders if folder.name == "shims"]
    for root in (Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser(), *shims):
        pythons = root.glob("versions/*/bin/python")
        yield from (str(path) for path in sorted(pythons, key=_by_number, reverse=True))


def _by_number(path: Path) -> list[int]:
    return [int(part) if part.isdecimal() else 0 for part in path.parent.parent.name.split(".")]
