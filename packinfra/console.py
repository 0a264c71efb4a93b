"""How a command of packinfra runs in a shell: it prints every name, and ends without a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn


def run(command: Callable[[Sequence[str] | None], int]) -> NoReturn:
    """Runs `command` with the arguments of the process and exits with the code that it returns."""
    for stream in (sys.stdout, sys.stderr):  # file names can contain characters that the terminal's encoding lacks
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        code = command(None)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # `| head` has closed the pipe, and Python would print a second error at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)
