"""The search for other Pythons, and the quick tests on them, with fake programs for Python."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import pythons, quick_tests, venvs
from tools.pythons import PROMISED, Python
from tools.steps import StepError

Program = Callable[[Path, str], Path]
OTHERS = [minor for minor in PROMISED if minor != venvs.this_version()]
OLDER, NEWER = OTHERS[0], OTHERS[1]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without pyenv."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    return tmp_path


def python(program: Program, path: Path, version: str, state: str = "complete") -> Path:
    return program(path, f"echo {version} {state}")


def test_the_first_that_starts_of_each_version_is_taken(path: Path, home: Path, program: Program) -> None:
    program(path / f"python{NEWER}", "echo 'pyenv: command not found' >&2; exit 127")  # a shim that leads nowhere
    python(program, path / f"python{OLDER}", f"{OLDER}.4")
    python(program, path / "python3", f"{venvs.this_version()}.9")  # this one: tested by all of make test
    versions = home / ".pyenv" / "versions"
    python(program, versions / f"{OLDER}.9" / "bin" / "python", f"{OLDER}.9")
    python(program, versions / f"{NEWER}.9" / "bin" / "python", f"{NEWER}.9")
    newest = python(program, versions / f"{NEWER}.10" / "bin" / "python", f"{NEWER}.10")
    python(program, versions / "3.8.18" / "bin" / "python", "3.8.18")
    program(versions / "2.7.18" / "bin" / "python", "echo 'SyntaxError' >&2; exit 1")
    expected = [Python(str(path / f"python{OLDER}"), f"{OLDER}.4"), Python(str(newest), f"{NEWER}.10")]
    assert pythons.others() == expected


@pytest.mark.parametrize("where", ["PYENV_ROOT", "shims"])
def test_pyenv_may_be_anywhere(
    path: Path, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    root = tmp_path / "opt" / "pyenv"
    only = python(program, root / "versions" / f"{OLDER}.1" / "bin" / "python", f"{OLDER}.1")
    if where == "shims":
        monkeypatch.setenv("PATH", f"{root / 'shims'}:{path}")
    else:
        monkeypatch.setenv(where, str(root))
    assert pythons.others() == [Python(str(only), f"{OLDER}.1")]


def test_one_that_can_make_environments_is_preferred(
    path: Path, home: Path, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    python(program, path / f"python{OLDER}", f"{OLDER}.2", "incomplete")
    assert pythons.ensure(home, pythons.others()) == []
    assert f"Python {OLDER}.2 ({path}/python{OLDER}) is not tested: it can't make" in capsys.readouterr().out
    complete = python(program, home / ".pyenv" / "versions" / f"{OLDER}.1" / "bin" / "python", f"{OLDER}.1")
    assert pythons.others() == [Python(str(complete), f"{OLDER}.1")]


def test_a_real_python_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    version = ".".join(str(part) for part in sys.version_info[:3])
    assert pythons.probe(venvs.base_python()) == Python(venvs.base_python(), version)


def test_a_virtual_environment_is_none_of_them(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    assert pythons.probe(str(tmp_path / "venv" / "bin" / "python")) is None


@pytest.fixture
def environments(checkout: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Two other Pythons with environments whose pytest notes its arguments."""
    made = {}
    for minor in (OLDER, NEWER):
        folder = checkout / ".tools" / "pythons" / minor
        made[minor] = program(folder / "bin" / "python", f'echo "$*" > "{folder}/arguments"')
    environments = [(Python(f"/opt/python{minor}", f"{minor}.1"), made[minor].parents[1]) for minor in made]
    monkeypatch.setattr(pythons, "others", lambda: [python for python, _ in environments])
    monkeypatch.setattr(pythons, "ensure", lambda _, wanted: [each for each in environments if each[0] in wanted])
    return made


def test_the_quick_tests_run_on_each_and_all_are_named(
    checkout: Path, environments: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    quick_tests.run(checkout, "all", ["-m", "quick"])
    for program in environments.values():
        assert (program.parents[1] / "arguments").read_text() == "-m pytest -q -p no:cacheprovider -m quick\n"
    last = capfd.readouterr().out.splitlines()[-1]
    assert "passed on 3 of 4 promised Pythons" in last
    assert f"{venvs.this_version()}." in last
    assert f"{OLDER}.1 (/opt/python{OLDER})" in last
    assert f"not tested here: {OTHERS[2]}" in last


def test_the_newest_alone(checkout: Path, environments: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    quick_tests.run(checkout, "newest", [])
    assert not (environments[OLDER].parents[1] / "arguments").exists()
    assert (environments[NEWER].parents[1] / "arguments").exists()
    assert f"not tested here: {OLDER}, {OTHERS[2]}" in capfd.readouterr().out


def test_a_failure_on_one_does_not_hide_the_others(
    checkout: Path, environments: dict[str, Path], program: Program, capfd: pytest.CaptureFixture[str]
) -> None:
    program(environments[OLDER], "echo 'assert 1 == 2'; exit 1")
    with pytest.raises(StepError, match=rf"fail on Python {OLDER}\.1 \(/opt/python{OLDER}\)"):
        quick_tests.run(checkout, "all", [])
    assert (environments[NEWER].parents[1] / "arguments").exists()


def test_the_promise_is_the_same_everywhere() -> None:
    root = Path(pythons.__file__).parents[1]
    workflow = (root / ".github" / "workflows" / "ci.yml").read_text()
    assert f"[{', '.join(PROMISED)}]" in workflow.replace('"', "")
    project = (root / "pyproject.toml").read_text()
    for minor in PROMISED:
        assert f'"Programming Language :: Python :: {minor}"' in project
    assert f'requires-python = ">={PROMISED[0]}"' in project
