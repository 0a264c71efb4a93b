"""The quick tests on other Pythons: `python3 -m tools.quick_tests all|newest PYTEST-OPTIONS`.

`make test` ends with the newest one, which differs most from the Python that runs everything.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import bootstrap, pythons, venvs
from tools.pythons import PROMISED, Python
from tools.steps import StepError, locked, say


def run(checkout: Path, which: str, options: Sequence[str]) -> None:
    """Run pytest with these options on each other Python, or on the newest alone, and name every one at the end."""
    with locked(checkout / ".tools" / "setup.lock"):
        environments = pythons.ensure(checkout, pythons.newest() if which == "newest" else pythons.others())
    failed = []
    for python, folder in environments:
        say(f"quick tests on Python {python}")
        # what failed last is remembered for .venv alone
        command = [str(folder / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        if subprocess.run(command, cwd=checkout, check=False).returncode:
            failed.append(python)
    if failed:
        raise StepError(
            f"the quick tests fail on Python {', '.join(str(python) for python in failed)}; their messages are above."
        )
    say(summary([python for python, _ in environments]))


def summary(others: Sequence[Python]) -> str:
    this = f"{'.'.join(str(part) for part in sys.version_info[:3])} (.venv)"
    tested = {venvs.this_version(), *(python.minor for python in others)}
    missing = [minor for minor in PROMISED if minor not in tested]
    absent = f"; not tested here: {', '.join(missing)}" if missing else ""
    names = ", ".join([this, *(str(python) for python in others)])
    return f"the quick tests passed on {len(tested)} of {len(PROMISED)} promised Pythons: {names}{absent}"


if __name__ == "__main__":
    sys.exit(bootstrap.guarded(lambda: run(bootstrap.CHECKOUT, sys.argv[1], sys.argv[2:])))
