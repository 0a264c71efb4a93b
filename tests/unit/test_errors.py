"""The trees of errors in docstrings are those of the classes."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import packinfra
from packinfra.errors import PackinfraError

Tree = set[tuple[str, str]]
"""(class, parent), "" for a root"""


def written(docstring: str) -> Tree:
    """From lines that are indented below their parents: a name, two blanks, a meaning."""
    lines = re.findall(r"^( *)([A-Z][A-Za-z]+)(?:  .*)?$", docstring, re.MULTILINE)
    above: list[tuple[int, str]] = []
    tree = set()
    for blanks, name in lines:
        above = [(indent, parent) for indent, parent in above if indent < len(blanks)]
        tree.add((name, above[-1][1] if above else ""))
        above.append((len(blanks), name))
    return tree


def real(kind: type[PackinfraError], parent: str = "") -> Tree:
    return {(kind.__name__, parent)}.union(*(real(child, kind.__name__) for child in kind.__subclasses__()))


@pytest.mark.parametrize("module", ["packinfra.errors", "packinfra.oci.errors", "packinfra.palette.errors"])
def test_the_tree_is_complete(module: str) -> None:
    for found in pkgutil.walk_packages(packinfra.__path__, "packinfra."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    page = importlib.import_module(module)
    classes = real(PackinfraError)
    if module != "packinfra.errors":  # a part of the tree: the classes of this module
        own = {name for name, value in vars(page).items() if getattr(value, "__module__", "") == module}
        classes = {(name, parent if parent in own else "") for name, parent in classes if name in own}
    assert written(page.__doc__ or "") == classes
