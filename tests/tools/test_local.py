"""What the make targets print, where nothing runs and nothing is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools import local

OUTPUTS = {
    "endpoint": "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
    "repositories": {"hello": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/base/spectro-packs/archive/hello"},
    "versions": {"hello": {"1.0.0": "sha256:aaaa", "1.1.0": "sha256:bbbb"}},
}


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)


def test_the_summary_names_every_version_with_its_digest() -> None:
    lines = local.published(OUTPUTS, has_aws=True).splitlines()
    where = lines.index(f"  {OUTPUTS['repositories']['hello']}:1.1.0")  # type: ignore[index]
    assert lines[where + 1].strip() == "sha256:bbbb"
    assert any("aws ecr describe-images --repository-name base/spectro-packs/archive/hello" in line for line in lines)
    assert lines[-1].endswith("make down")


def test_the_summary_names_profiles() -> None:
    lines = local.published({**OUTPUTS, "profiles": {"web": {"1.0.0": "p1"}}}, has_aws=True).splitlines()
    assert lines[lines.index("Cluster profiles in it:") + 1] == "  web 1.0.0  (uid p1)"


def test_the_summary_names_charts() -> None:
    chart = {"repository": "host/base/charts/web", "versions": {"1.0.0": "sha256:cccc"}}
    lines = local.published({**OUTPUTS, "artifacts": {"charts/web": chart}}, has_aws=True).splitlines()
    assert lines[lines.index("  host/base/charts/web:1.0.0") + 1].strip() == "sha256:cccc"


def test_the_summary_names_copies() -> None:
    copy = {"repository": "host/base/promoted/web", "versions": {"1.0.0": "sha256:dddd"}}
    lines = local.published({**OUTPUTS, "copies": {"promoted/web": copy}}, has_aws=True).splitlines()
    assert lines[lines.index("  host/base/promoted/web:1.0.0") + 1].strip() == "sha256:dddd"


def test_without_the_aws_program_the_summary_shows_python() -> None:
    command = next(line for line in local.published(OUTPUTS, has_aws=False).splitlines() if "python -c" in line)
    compile(command.partition("'")[2].rpartition("'")[0], "command", "exec")


def test_an_empty_stack_is_said() -> None:
    assert local.published({}, has_aws=True) == "Nothing is published."


def test_unknown_commands_print_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert local.main(["nonsense"]) == 2
    assert "usage:" in capsys.readouterr().err


def test_help_is_the_default_and_lists_every_target(checkout: Path) -> None:
    printed = make(checkout).stdout
    for target in ("up", "down", "preview", "refresh", "env", "status", "test", "check", "clean", "help"):
        assert f"make {target} " in printed


def test_env_fails_where_it_is_evaluated_too_when_nothing_runs(checkout: Path) -> None:
    """eval "$(make env)" && pulumi destroy, with another account's credentials in this shell."""
    result = make(checkout, "env")
    assert result.returncode != 0
    assert result.stdout == "false\n"
    assert "make up" in result.stderr


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("down", "the stand-ins do not run"),
        ("status", "the local stand-ins are not running"),
        ("clean", "there is nothing to remove"),
    ],
)
def test_where_nothing_runs_this_is_said_and_no_error(checkout: Path, target: str, text: str) -> None:
    result = make(checkout, target)
    assert (result.returncode, result.stderr) == (0, "")
    assert text in result.stdout


@pytest.mark.parametrize("target", ["up", "preview", "refresh", "down"])
@pytest.mark.parametrize("stamp", [None, "packinfra 0.1"])
def test_what_another_version_left_is_not_touched(checkout: Path, target: str, stamp: str | None) -> None:
    """0.1.0 left no stamp, and its state names providers that are no more."""
    stack = checkout / ".local/state/.pulumi/stacks/packinfra/local.json"
    stack.parent.mkdir(parents=True)
    stack.write_text("{}")
    if stamp:
        (checkout / ".local/format").write_text(stamp)
    result = make(checkout, target)
    assert result.returncode != 0
    assert "was made by another version of packinfra" in result.stderr
    assert "make clean && make up" in result.stderr
    assert not (checkout / ".venv").exists(), "nothing is installed before that is said"
    assert stack.exists()
    assert "removed .local" in make(checkout, "clean").stdout


def test_clean_leaves_what_git_knows(checkout: Path) -> None:
    known = sorted(path for path in checkout.rglob("*") if "__pycache__" not in path.parts)
    for folder in (".venv/lib", ".tools/bin", ".local/pulumi-home", ".mypy_cache", "tools/__pycache__"):
        (checkout / folder).mkdir(parents=True, exist_ok=True)
    result = make(checkout, "clean")
    assert "removed .local, .venv, .tools, .mypy_cache" in result.stdout
    assert sorted(path for path in checkout.rglob("*") if "__pycache__" not in path.parts) == known
