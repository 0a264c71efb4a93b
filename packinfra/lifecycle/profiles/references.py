"""What values refer to: profile variables and macros (Palette documentation, Profile Variables and Macros).

>>> sorted(variables_in("a: '{{.spectro.var.replicas}}'"))
['replicas']
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from packinfra.packs.similar import similar
from packinfra.text import listed, quoted

_VARIABLE = re.compile(r"\.spectro\.var\.([\w-]+)")
_SPACE = re.compile(r"\.spectro\.([\w-]+)")
_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_SPACES = ("var", "system", "macro", "pack", "app")
"""Profile variables, Palette's own values, macros of project and tenant, values of other packs (.spectro.pack.NAME.KEY, as
in Palette's guides for edge clusters), app profiles."""


def variables_in(values: str) -> set[str]:
    return {name for action in _actions(values) for name in _VARIABLE.findall(action)}


def _actions(values: str) -> list[str]:
    """What stands between {{ and }}, comments left out."""
    return _ACTION.findall(_COMMENT.sub("", values))


def undefined(values: Mapping[str, str], defined: Collection[str]) -> Iterator[str]:
    """Each problem. values: pack -> its values, as far as they are known"""
    for pack, text in values.items():
        for name in sorted(variables_in(text) - {*defined}):
            near = similar(name, defined)
            hint = f"did you mean {near}?" if near else "add it to variables"
            yield f"pack {pack}: its values use the variable {quoted(name)}, which the profile does not define: {hint}"
        for space in sorted({s for action in _actions(text) for s in _SPACE.findall(action)} - {*_SPACES}):
            known = listed([f".spectro.{each}" for each in _SPACES])
            yield f"pack {pack}: its values use the undefined macro .spectro.{space}; Palette knows {known}"


def unused(values: Mapping[str, str], defined: Collection[str]) -> list[str]:
    used = {name for text in values.values() for name in variables_in(text)}
    return sorted(name for name in defined if name not in used)
