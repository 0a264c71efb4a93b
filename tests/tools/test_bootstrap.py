"""Which Python runs the set-up, and what a user sees of it."""

import ast
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import bootstrap
from tools.steps import StepError, run

TOOLS = Path(bootstrap.__file__).parent
Program = Callable[[Path, str], Path]


@pytest.mark.parametrize("source", sorted(TOOLS.glob("*.py")), ids=lambda path: path.name)
def test_an_old_python_gets_our_sentence_and_no_syntax_error(source: Path) -> None:
    ast.parse(source.read_text(), feature_version=(3, 8))


def test_an_old_python_goes_on_under_the_first_newer_one_that_works(
    path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(path / "python3.13", "exit 127")  # a version manager's shim that leads nowhere
    program(path / "python3.12", "exit 0")
    started: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "PYTHON_MINIMUM", (99, 0))
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "env"])
    with pytest.raises(StepError):  # the real execv does not come back
        bootstrap.require_python()
    assert started[0][0] == str(path / "python3.12")
    assert started[0][-1] == "env"


def test_an_old_python_without_a_newer_one_is_an_error_with_the_remedy(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "PYTHON_MINIMUM", (99, 0))
    assert bootstrap.main(["env"]) == 1
    error = capsys.readouterr().err
    assert "Python 99.0 or newer is needed" in error
    assert "make PYTHON=" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["env", "nonsense"]])
def test_unknown_targets_print_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.main(arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_a_failed_step_shows_its_last_lines_its_log_and_the_remedy(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "step.log"
    command = ["sh", "-c", "for n in $(seq 40); do echo line $n; done; echo boom: No Such Host; exit 3"]
    with pytest.raises(StepError) as error:
        run("the step", command, log, remedies={"no such host": "Connect to the network.", "other": "Never shown."})
    text = str(error.value)
    assert "the step failed (exit code 3)" in text
    assert "| line 40" in text
    assert "| line 2\n" not in text
    assert str(log) in text
    assert text.endswith("Connect to the network.")


def test_a_long_step_shows_that_it_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.steps.PULSE_LOG", 0.1)
    run("the step", ["sleep", "0.35"], tmp_path / "log")
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("    the step: 0 s") >= 2
    assert lines[-1] == "    the step: done in 0 s"
