"""The wheel as users get it: built here, installed alone into a clean environment, and used there."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).parents[2]
WHEELS = ROOT / ".tools" / "wheels"
LIMIT = 25 * 1024 * 1024

# Neither the caller's Python paths nor his index: what isn't among the wheels must not be needed.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))}


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=CLEAN, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("packinfra-*-py3-none-any.whl")
    return wheel


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with nothing but the wheel and its dependencies."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    assert run(sys.executable, "-m", "venv", "--without-pip", folder).returncode == 0
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        folder / "bin" / "python",
        "install",
        "--no-cache-dir",
    ]
    done = run(*pip, "--no-index", "--find-links", WHEELS, wheel)
    assert done.returncode == 0, f"{done.stderr}\nThe wheels come from: make test-wheel"
    return folder / "bin"


def test_it_checks_a_pack(installed: Path, tmp_path: Path) -> None:
    """From another folder, so that the checkout is not on the path."""
    checked = run(installed / "packinfra", "check", ROOT / "packs" / "hello-universe", cwd=tmp_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "hello-universe 1.0.0" in checked.stdout


def test_a_name_that_needs_pulumi(installed: Path, tmp_path: Path) -> None:
    failed = run(installed / "python", "-c", "import packinfra; packinfra.PublishedPack", cwd=tmp_path)
    assert "ImportError: packinfra.PublishedPack needs pulumi" in failed.stderr
    assert "pip install 'packinfra[pulumi]'" in failed.stderr


def test_it_knows_its_version(installed: Path, tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run(installed / "packinfra", "--version", cwd=tmp_path).stdout == f"packinfra {version}\n"


@pytest.mark.parametrize("module", ["pulumi", "boto3", "urllib3", "pydantic"])
def test_checking_packs_needs_little(installed: Path, tmp_path: Path, module: str) -> None:
    imported = run(installed / "python", "-c", f"import {module}", cwd=tmp_path)
    assert f"No module named '{module}'" in imported.stderr


def test_its_size(installed: Path) -> None:
    (packages,) = (installed.parent / "lib").glob("python*/site-packages")
    size = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file())
    assert size < LIMIT, f"{size / 1024 / 1024:.1f} MiB"


def test_what_is_in_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {"packinfra"}
    assert "packinfra/py.typed" in names
    assert "packinfra/packs/pack.schema.json" in names
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "packinfra").rglob("*.py")}
    assert sources <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_it_is_built_as_users_build_it() -> None:
    """The lock has the very build backend that pip takes for a user who installs from the checkout."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (backend,) = project["build-system"]["requires"]
    assert backend in project["dependency-groups"]["dev"]
