"""The names that `import packinfra` offers; their types are checked in tests/typing/api.py."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import packinfra

ROOT = Path(__file__).parents[2]


def test_type_checkers_see_the_same_names() -> None:
    """What is imported below TYPE_CHECKING is what is loaded on first use."""
    tree = ast.parse(Path(packinfra.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {name: f"{home}.{name}" for name, home in packinfra._HOMES.items()}


def test_every_name_is_there() -> None:
    for name in packinfra.__all__:
        assert getattr(packinfra, name) is not None
    assert set(packinfra.__all__) <= set(dir(packinfra))


def test_nothing_is_loaded_before_it_is_used() -> None:
    """Packs are checked where neither Pulumi nor pydantic is installed."""
    program = "import sys, packinfra; print(*(m for m in sys.modules if m.startswith('packinfra.')))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert packinfra.__version__ == project["version"]
