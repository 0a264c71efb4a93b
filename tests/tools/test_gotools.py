"""Where Pulumi and crane come from, decided against fake `go` and `pulumi` programs."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import gotools
from tools.gotools import HOSTS, GoTools
from tools.steps import StepError

Program = Callable[[Path, str], Path]


@pytest.fixture
def go(path: Path, program: Program, tmp_path: Path) -> Callable[..., Path]:
    """A Go that notes its builds and its environment; returns the note."""
    notes = tmp_path / "builds"
    sdk = tmp_path / "sdk" / "python"
    program(sdk / "cmd" / "pulumi-language-python-exec", "exit 0")
    program(sdk / "dist" / "pulumi-resource-pulumi-python", "exit 0")
    os.chmod(sdk / "cmd" / "pulumi-language-python-exec", 0o444)  # as in the module cache

    def install(version: str = "1.25.11", before: str = ":") -> Path:
        script = f"""
        case "$1" in
        version) echo "go version go{version} linux/amd64" ;;
        list) case "$4" in *Version*) echo v3.259.0 ;; *) echo '{sdk.parent}' ;; esac ;;
        build)
            echo "$GOTOOLCHAIN $GOWORK $GOFLAGS $CGO_ENABLED ${{GOOS:-host}} $*" >> '{notes}'
            {before}
            while [ "$1" != -o ]; do shift; done
            echo '#!/bin/sh' > "$2"; chmod +x "$2" ;;
        esac"""
        program(path / "go", script)
        return notes

    return install


def user_pulumi(path: Path, program: Program, version: str, hosts: tuple[str, ...] = HOSTS) -> None:
    program(path / "pulumi", f"echo {version}")
    for host in hosts:
        program(path / host, "exit 0")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.216.0", (3, 216, 0)),
        ("v3.260.0-dev.0+abc", (3, 260, 0)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.26 darwin/arm64", (1, 26, 0)),
        ("go version devel go1.27-4f1b0a4 linux/amd64", (1, 27, 0)),
        ("nothing", None),
    ],
)
def test_versions_are_read_from_what_programs_print(text: str, version: tuple[int, ...] | None) -> None:
    assert gotools.version_of(text) == version


def test_neither_pulumi_nor_go(path: Path, checkout: Path) -> None:
    with pytest.raises(StepError) as error:
        GoTools(checkout).ensure_pulumi()
    text = str(error.value)
    assert "pulumi is not on PATH" in text
    assert "go is not on PATH" in text
    assert "https://www.pulumi.com/docs/install/" in text
    assert "https://go.dev/dl/" in text
    assert "1.25.11" in text
    assert "3.219.0" in text


def test_go_too_old_names_the_version_found(checkout: Path, go: Callable[..., Path]) -> None:
    go("1.22.3")
    with pytest.raises(StepError, match=r"go is 1\.22\.3, too old"):
        GoTools(checkout).ensure_pulumi()
    with pytest.raises(StepError, match=r"go is 1\.22\.3, too old"):
        GoTools(checkout).ensure_crane()


@pytest.mark.parametrize("version", ["v3.219.0", "v3.260.1"])
def test_a_recent_pulumi_on_path_is_used(path: Path, checkout: Path, program: Program, version: str) -> None:
    user_pulumi(path, program, version)
    old_build = program(checkout / ".tools" / "bin" / "pulumi", "exit 0")
    GoTools(checkout).ensure_pulumi()
    assert not old_build.exists()  # it would come first on PATH


@pytest.mark.parametrize(
    ("pulumi", "reason"),
    [
        (("v3.218.9", HOSTS), "is 3.218.9, older than 3.219.0"),
        (("v3.259.0", HOSTS[1:]), "lacks pulumi-language-python"),
        (("what?", HOSTS), "does not print its version"),
    ],
)
def test_another_pulumi_on_path_is_replaced_by_our_own(
    path: Path,
    checkout: Path,
    program: Program,
    go: Callable[..., Path],
    pulumi: tuple[str, tuple[str, ...]],
    reason: str,
) -> None:
    user_pulumi(path, program, *pulumi)
    go()
    assert reason in (GoTools(checkout).why_not_from_path() or "")
    GoTools(checkout).ensure_pulumi()
    assert all(os.access(checkout / ".tools" / "bin" / name, os.X_OK) for name in ("pulumi", *HOSTS))


def test_our_own_build_on_path_is_not_taken_for_the_users(
    checkout: Path, program: Program, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    ours = checkout / ".tools" / "bin"
    user_pulumi(ours, program, "v3.259.0")
    monkeypatch.setenv("PATH", f"{ours}{os.pathsep}{path}")  # eval "$(make env)"
    with pytest.raises(StepError, match="pulumi is not on PATH"):
        GoTools(checkout).ensure_pulumi()


def test_every_program_builds_with_the_go_that_is_promised() -> None:
    root = Path(gotools.__file__).parent
    versions = {
        path.parent.name: re.search(r"^go (\S+)$", path.read_text(), re.MULTILINE) for path in root.glob("*/go.mod")
    }
    assert len(versions) >= 6
    readers = (gotools.OPA.module, gotools.ORAS.module)
    for module, found in versions.items():
        promised = gotools.GO_OF_READERS if module in readers else gotools.GO_MINIMUM
        assert found
        assert (gotools.version_of(found[1]) or (99,)) <= promised, module


def test_built_once_in_an_environment_of_our_own(
    checkout: Path, go: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"GOFLAGS": "-mod=mod", "GOOS": "plan9", "GOWORK": "/x", "GOTOOLCHAIN": "auto"}.items():
        monkeypatch.setenv(name, value)
    notes = go()
    for _ in range(2):
        GoTools(checkout).ensure_pulumi()
        GoTools(checkout).ensure_crane()
        GoTools(checkout).ensure_registries()
    builds = notes.read_text().splitlines()
    assert len(builds) == 5
    assert all(build.startswith("local off -mod=readonly 0 host build -trimpath") for build in builds)
    assert "-tags grpcnotrace osusergo" in builds[0]
    assert "version.Version=v3.259.0" in builds[0]


def test_built_anew_when_the_recipe_or_go_changes(checkout: Path, go: Callable[..., Path]) -> None:
    notes = go()
    GoTools(checkout).ensure_crane()
    go("1.26.0")
    GoTools(checkout).ensure_crane()
    with (checkout / "tools" / "crane" / "go.sum").open("a") as sums:
        sums.write("\n")
    GoTools(checkout).ensure_crane()
    (checkout / ".tools" / "bin" / "crane").unlink()
    GoTools(checkout).ensure_crane()
    assert len(notes.read_text().splitlines()) == 4


def test_what_is_built_outlives_go(checkout: Path, go: Callable[..., Path], path: Path) -> None:
    go()
    GoTools(checkout).ensure_crane()
    go("1.26.7")
    GoTools(checkout).ensure_readers()
    go()  # too old for these
    GoTools(checkout).ensure_readers()
    (path / "go").unlink()
    GoTools(checkout).ensure_crane()


def test_no_network_is_said_and_nothing_half_made_stays(checkout: Path, go: Callable[..., Path]) -> None:
    go(before="echo 'dial tcp: lookup modules.example: no such host'; exit 1")
    with pytest.raises(StepError) as error:
        GoTools(checkout).ensure_crane()
    text = str(error.value)
    assert "| dial tcp" in text
    assert "The Go modules could not be reached" in text
    assert str(checkout / ".tools" / "log" / "crane.log") in text
    assert list((checkout / ".tools" / "bin").iterdir()) == []
    assert not (checkout / ".tools" / "crane.stamp").exists()


def bootstrap_crane(checkout: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tools.bootstrap", "crane"]
    return subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_an_interrupted_build_is_simply_run_again(checkout: Path, go: Callable[..., Path]) -> None:
    notes = go(before="sleep 30")
    first = bootstrap_crane(checkout)
    while not notes.exists() and first.poll() is None:
        time.sleep(0.02)
    first.send_signal(signal.SIGTERM)
    output, _ = first.communicate(timeout=10)
    assert first.returncode == 130
    assert "it continues" in output
    assert "Traceback" not in output
    go()
    second = bootstrap_crane(checkout)
    assert (second.communicate(timeout=10), second.returncode)[1] == 0


def test_two_at_once_build_once(checkout: Path, go: Callable[..., Path]) -> None:
    notes = go(before="sleep 0.5")
    both = [bootstrap_crane(checkout), bootstrap_crane(checkout)]
    outputs = [process.communicate(timeout=20)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len(notes.read_text().splitlines()) == 1
    assert sum("waiting for it" in output for output in outputs) == 1
