"""pack.json as a value that knows its lines: where each key is, and which keys are there twice.

>>> parsed = parse(b'{"name": "a",\\n "charts": ["x.tgz"]}')
>>> parsed.value, parsed.lines["charts", 0]
({'name': 'a', 'charts': ['x.tgz']}, 2)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from packinfra.packs.jsonsyntax import syntax_error

KeyPath = tuple[str | int, ...]
"""Keys and indexes from the top: ("constraints", "dependencies", 0)."""

_DEEPEST = 100
_DEEPEST_LINES = 6
"""Lines are kept down to constraints.resources.0.components.0.scheduleType; no rule looks below."""
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:\n]')
_TOO_DEEP = f"it is nested more than {_DEEPEST} levels deep"


class RepeatedKey(NamedTuple):
    """A key that is in one object twice: its path, and the lines of both."""

    path: KeyPath
    first: int
    second: int


@dataclass(frozen=True)
class Parsed:
    """A JSON text and the lines of its keys, or the `problem` that makes it unreadable (then value is None)."""

    value: Any
    problem: str = ""
    line: int | None = None
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    repeated: tuple[RepeatedKey, ...] = ()


class _TooDeepError(Exception):
    pass


def parse(raw: bytes) -> Parsed:
    """Strict JSON (RFC 8259): UTF-8, no byte order mark, no NaN. Never raises."""
    if raw.startswith(b"\xef\xbb\xbf"):
        return Parsed(None, "it begins with a byte order mark, which JSON does not allow", 1)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Parsed(None, "it is not UTF-8 text", raw.count(b"\n", 0, error.start) + 1)
    try:
        value = json.loads(text, parse_constant=_reject_constant)
        lines, repeated = _places(text)
    except (RecursionError, _TooDeepError):
        return Parsed(None, _TOO_DEEP)
    except ValueError:  # each Python words and places it differently, so the text is looked at again
        problem, offset = syntax_error(text)
        return Parsed(None, f"it is not JSON: {problem}", text.count("\n", 0, offset) + 1)
    return Parsed(value, lines=lines, repeated=repeated)


def _reject_constant(name: str) -> None:
    raise ValueError(name)


def _places(text: str) -> tuple[dict[KeyPath, int], tuple[RepeatedKey, ...]]:
    """One pass over the pieces of a text that is known to be JSON."""
    lines: dict[KeyPath, int] = {}
    repeated: list[RepeatedKey] = []
    at: list[str | int] = []  # the key or index that is being read, at each depth
    keys: list[dict[str, int]] = []  # the keys so far, at each depth
    line, last = 1, ""
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece == "\n":
            line += 1
        elif piece in "{[":
            if at and len(at) <= _DEEPEST_LINES:
                lines.setdefault(tuple(at), line)
            at.append("" if piece == "{" else 0)
            keys.append({})
            if len(at) > _DEEPEST:
                raise _TooDeepError
        elif piece in "}]":
            at.pop()
            keys.pop()
        elif piece == ":":
            key = at[-1] = str(json.loads(last))
            if key in keys[-1]:
                repeated.append(RepeatedKey(tuple(at), keys[-1][key], line))
            keys[-1][key] = line
            if len(at) <= _DEEPEST_LINES:
                lines[tuple(at)] = line
        elif piece == "," and isinstance(at[-1], int):
            at[-1] += 1
        else:
            last = piece
            if at and isinstance(at[-1], int) and len(at) <= _DEEPEST_LINES:
                lines[tuple(at)] = line
    return lines, tuple(repeated)
