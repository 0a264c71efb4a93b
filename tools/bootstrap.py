"""Make what a target needs, once: `python3 -m tools.bootstrap env sandbox pulumi crane helm registry bench`.

    env      .venv                  the product and what its checks need
    sandbox  .tools/sandbox-venv    the local AWS stand-in
    pulumi   .tools/bin             only where no recent Pulumi is on PATH
    crane    .tools/bin             the tests' independent reader
    helm     .tools/bin             another client of the stand-in, for its own tests
    registry .tools/bin             the tests' real registries
    bench    .tools/bench-venv      what draws the plot of `make bench`

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

from tools.gotools import GoTools
from tools.steps import StepError, interrupt_on_sigterm, locked
from tools.venvs import ensure as ensure_venv

CHECKOUT = Path(__file__).resolve().parent.parent
PYTHON_MINIMUM = (3, 11)
OTHER_PYTHONS = ("python3.13", "python3.12", "python3.11")
TARGETS = ("env", "sandbox", "pulumi", "crane", "helm", "registry", "bench")


def require_python() -> None:
    """Go on under a newer Python when this one is too old and PATH has one; otherwise say what is needed."""
    if sys.version_info >= PYTHON_MINIMUM:
        return
    program = getattr(sys.modules["__main__"].__spec__, "name", None)
    for name in OTHER_PYTHONS:
        python = shutil.which(name)
        # asked first: what PATH offers may be a version manager's shim that leads nowhere
        if python and subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            sys.stdout.flush()
            os.execv(python, [python, *(["-m", program] if program else [sys.argv[0]]), *sys.argv[1:]])  # noqa: S606 (no shell is meant)
    wanted = ".".join(str(part) for part in PYTHON_MINIMUM)
    raise StepError(
        f"Python {wanted} or newer is needed; {sys.executable} is {sys.version.split()[0]}, and none of "
        f"{', '.join(OTHER_PYTHONS)} on PATH works.\n"
        "Install one (https://www.python.org/downloads/ or your distribution's package), or name it: "
        "make PYTHON=/path/to/python3.12 up"
    )


def ensure(*targets: str, checkout: Path = CHECKOUT) -> None:
    tools = checkout / ".tools"
    with locked(tools / "setup.lock"):
        # Go's part first: a machine without Go should hear of it before anything is installed.
        if "pulumi" in targets:
            GoTools(checkout).ensure_pulumi()
        if "crane" in targets:
            GoTools(checkout).ensure_crane()
        if "helm" in targets:
            GoTools(checkout).ensure_helm()
        if "registry" in targets:
            GoTools(checkout).ensure_registry()
            GoTools(checkout).ensure_registry_2()
        if "env" in targets:
            ensure_venv(checkout / ".venv", checkout / "requirements.lock", tools / "log" / "env.log")
        if "sandbox" in targets:
            lock = checkout / "requirements-sandbox.lock"
            ensure_venv(tools / "sandbox-venv", lock, tools / "log" / "sandbox-venv.log")
        if "bench" in targets:
            lock = checkout / "requirements-bench.lock"
            ensure_venv(tools / "bench-venv", lock, tools / "log" / "bench-venv.log")


def guarded(action: Callable[[], None]) -> int:
    """Run a command under a Python that can, and turn what a user may cause into words and an exit code."""
    interrupt_on_sigterm()
    try:
        require_python()
        action()
        sys.stdout.flush()
    except StepError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted. What was finished is kept; run the same command again: it continues.", file=sys.stderr)
        return 130
    except PermissionError as error:
        print(
            f"\n{error.filename} cannot be written: {error.strerror}. Everything is kept in the checkout, which must "
            "belong to whoever runs this: clone it anew, or change its owner.",
            file=sys.stderr,
        )
        return 1
    except BrokenPipeError:  # make up | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def main(arguments: list[str]) -> int:
    unknown = [name for name in arguments if name not in TARGETS]
    if unknown or not arguments:
        print(f"usage: python3 -m tools.bootstrap {' '.join(f'[{name}]' for name in TARGETS)}", file=sys.stderr)
        return 2
    return guarded(lambda: ensure(*arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
