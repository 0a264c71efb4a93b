"""Make what a target needs, once: `python3 -m tools.bootstrap env sandbox pulumi`.

    env        .venv                  the product and what its checks need
    sandbox    .tools/sandbox-venv    the local AWS stand-in
    pulumi     .tools/bin             only where no recent Pulumi is on PATH
    crane      .tools/bin             the tests' independent reader
    helm       .tools/bin             another client of the stand-in, for its own tests
    readers    .tools/bin             opa and oras, for make test-readers
    registry   .tools/bin             the tests' real registries
    conformance .tools/bin            the distribution specification's tests of registries
    actionlint .tools/bin             checks the workflow of the hosted CI
    pythons    .tools/pythons         an environment for each other Python, for the quick tests
    wheels     .tools/wheels          from which the test of the package installs without a network
    bench      .tools/bench-venv      draws the plot of `make bench`

A second run finds the stamps of the first and takes no time. An interrupted one is simply run again.

Everything below `tools/` must parse on Python 3.8, so that an older Python gets a sentence and not a syntax error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tools import pythons, venvs
from tools.gotools import GoTools
from tools.steps import StepError, interrupt_on_sigterm, locked

CHECKOUT = Path(__file__).resolve().parent.parent
PYTHON_MINIMUM = (3, 11)
OTHER_PYTHONS = tuple(f"python{minor}" for minor in reversed(pythons.PROMISED))


def require_python() -> None:
    """Continue with a newer Python of PATH if this one is too old. Raises StepError if there is none."""
    if sys.version_info >= PYTHON_MINIMUM:
        return
    program = getattr(sys.modules["__main__"].__spec__, "name", None)
    for name in OTHER_PYTHONS:
        python = shutil.which(name)
        # run first: a version manager's shim on PATH may lead nowhere
        if python and subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            sys.stdout.flush()
            os.execv(python, [python, *(["-m", program] if program else [sys.argv[0]]), *sys.argv[1:]])  # noqa: S606 (no shell is meant)
    minimum = ".".join(str(part) for part in PYTHON_MINIMUM)
    raise StepError(
        f"Python {minimum} or newer is needed; {sys.executable} is {sys.version.split()[0]}, and none of "
        f"{', '.join(OTHER_PYTHONS)} on PATH works.\n"
        "Install one (https://www.python.org/downloads/ or your distribution's package), or name it: "
        "make PYTHON=/path/to/python3.12 up"
    )


def _venv(name: str, lock: str) -> Callable[[Path], None]:
    def make(checkout: Path) -> None:
        folder = checkout / name
        log = checkout / ".tools" / "log" / f"{folder.name.lstrip('.')}.log"
        venvs.ensure(folder, checkout / lock, log)

    return make


def _wheels(checkout: Path) -> None:
    tools = checkout / ".tools"
    python = checkout / ".venv" / "bin" / "python"
    venvs.ensure_wheels(tools / "wheels", checkout / "requirements-check.lock", tools / "log" / "wheels.log", python)


# In this order: Go's part first, so that a machine without Go fails before anything is installed.
STEPS: dict[str, Callable[[Path], object]] = {
    "pulumi": lambda checkout: GoTools(checkout).ensure_pulumi(),
    "crane": lambda checkout: GoTools(checkout).ensure_crane(),
    "helm": lambda checkout: GoTools(checkout).ensure_helm(),
    "readers": lambda checkout: GoTools(checkout).ensure_readers(),
    "registry": lambda checkout: GoTools(checkout).ensure_registries(),
    "conformance": lambda checkout: GoTools(checkout).ensure_conformance(),
    "actionlint": lambda checkout: GoTools(checkout).ensure_actionlint(),
    "env": _venv(".venv", "requirements.lock"),
    "sandbox": _venv(".tools/sandbox-venv", "requirements-sandbox.lock"),
    "pythons": lambda checkout: pythons.ensure(checkout, pythons.newest()),
    "wheels": _wheels,
    "bench": _venv(".tools/bench-venv", "requirements-bench.lock"),
}


def ensure(*targets: str, checkout: Path = CHECKOUT) -> None:
    with locked(checkout / ".tools" / "setup.lock"):
        for name, make in STEPS.items():
            if name in targets:
                make(checkout)


def guarded(action: Callable[[], None]) -> int:
    """Run a command under a suitable Python; failures that a user may cause become a message and an exit code."""
    interrupt_on_sigterm()
    try:
        require_python()
        action()
        sys.stdout.flush()
    except StepError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted. Finished steps are kept; run the same command again: it continues.", file=sys.stderr)
        return 130
    except PermissionError as error:
        print(
            f"\n{error.filename} cannot be written: {error.strerror}. Everything is kept in the checkout, which must "
            "belong to the user who runs this: clone it anew, or change its owner.",
            file=sys.stderr,
        )
        return 1
    except BrokenPipeError:  # make up | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def main(arguments: list[str]) -> int:
    if not arguments or any(name not in STEPS for name in arguments):
        print(f"usage: python3 -m tools.bootstrap {' '.join(f'[{name}]' for name in STEPS)}", file=sys.stderr)
        return 2
    return guarded(lambda: ensure(*arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
