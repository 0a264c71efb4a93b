"""What a rule found, and how foreign text may stand in a message."""

from __future__ import annotations

from typing import NamedTuple

_LONG = 80


class RuleViolation(NamedTuple):
    """What a rule found: which rule, what in this pack, and where."""

    rule: str
    message: str
    file: str | None = None
    line: int | None = None


def shown(value: str) -> str:
    """A value from a pack, quoted for a message and cut to a readable length."""
    return f'"{value if len(value) <= _LONG else value[: _LONG - 3] + "..."}"'


def printable(text: str) -> str:
    """Text that no terminal misreads: control characters, escape sequences and half surrogates written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
