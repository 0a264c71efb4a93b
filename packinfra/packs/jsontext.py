"""pack.json as a value that knows its lines: where each key stands, which keys stand twice.

>>> parsed = parse(b'{"name": "a",\\n "charts": ["x.tgz"]}')
>>> parsed.value, parsed.lines["charts", 0]
({'name': 'a', 'charts': ['x.tgz']}, 2)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from packinfra.packs.violations import shown

Path = tuple[str | int, ...]
"""Keys and indexes from the top: ("constraints", "dependencies", 0)."""

_DEEPEST = 6
"""Lines are kept down to constraints.resources.0.components.0.scheduleType; nothing is judged below."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:\n]')


@dataclass(frozen=True)
class Parsed:
    """A JSON text that was read. value: None and `problem` set where it couldn't be."""

    value: Any
    problem: str = ""
    line: int | None = None
    lines: Mapping[Path, int] = field(default_factory=dict)
    twice: tuple[tuple[str, int, int], ...] = ()
    """Keys that stand twice in one object: shown key, first line, second line."""


def parse(raw: bytes) -> Parsed:
    """Strict JSON (RFC 8259): UTF-8, no byte order mark, no NaN. Never raises."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return Parsed(None, "it is not UTF-8 text", raw.count(b"\n", 0, error.start) + 1)
    except json.JSONDecodeError as error:
        if raw.startswith(b"\xef\xbb\xbf"):
            return Parsed(None, "it begins with a byte order mark, which JSON has not", 1)
        return Parsed(None, f"it is not JSON: {error.msg}", error.lineno)
    except RecursionError:
        return Parsed(None, "it is nested too deeply")
    except ValueError as error:  # NaN; an integer of thousands of digits
        return Parsed(None, f"it is not JSON: {error}")
    lines, twice = _places(text)
    return Parsed(value, lines=lines, twice=twice)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON knows no {name}")


def _places(text: str) -> tuple[dict[Path, int], tuple[tuple[str, int, int], ...]]:
    """One pass over the tokens of a text that is known to be JSON."""
    lines: dict[Path, int] = {}
    twice: list[tuple[str, int, int]] = []
    at: list[str | int] = []  # the key or index that is being read, at each depth
    keys: list[dict[str, int]] = []  # the keys seen so far, at each depth
    line, last = 1, ""
    for found in _TOKEN.finditer(text):
        piece = found[0]
        if piece == "\n":
            line += 1
        elif piece in "{[":
            if at and len(at) <= _DEEPEST:
                lines.setdefault(tuple(at), line)
            at.append("" if piece == "{" else 0)
            keys.append({})
        elif piece in "}]":
            at.pop()
            keys.pop()
        elif piece == ":":
            key = at[-1] = str(json.loads(last))
            if key in keys[-1]:
                twice.append((shown(key), keys[-1][key], line))
            keys[-1][key] = line
            if len(at) <= _DEEPEST:
                lines[tuple(at)] = line
        elif piece == "," and isinstance(at[-1], int):
            at[-1] += 1
        else:
            last = piece
            if at and isinstance(at[-1], int) and len(at) <= _DEEPEST:
                lines[tuple(at)] = line
    return lines, tuple(twice)
