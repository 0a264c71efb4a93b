r"""A unified diff of values for preview: bounded, and without secrets.

>>> print("\n".join(values_diff("a: 1\npassword: x\n", "a: 2\npassword: y\n")))
-a: 1
-password: ***
+a: 2
+password: ***
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import unified_diff

from packinfra.packs.secrets import find_secrets
from packinfra.text import plural, printable

_MOST_LINES = 30
_LONGEST = 160
_LARGEST = 400_000
"""Characters of both texts: difflib's time grows with the square of their lines."""
_KEY = re.compile(r"^(\s*(?:- +)*)(['\"]?[\w.\-/ ]+['\"]?\s*:)(.*)$")
_SECRET = re.compile(
    r"(?i)pass(?:word|wd|phrase)?$|secret|token|credential|private.?key|api.?key|access.?key|htpasswd|cert$"
)
_INLINE = re.compile(r"(?i)([\w.\-]*(?:password|secret|token|private_?key|api_?key)[\w.\-]*['\"]?\s*[:=]\s*)[^\s,}\]]+")


def values_diff(old: str, new: str) -> list[str]:
    if len(old) + len(new) > _LARGEST:
        return ["(the values are too large to show what changes)"]
    masked = {**dict(_masked(old)), **dict(_masked(new))}
    lines = list(unified_diff(old.splitlines(), new.splitlines(), n=1, lineterm=""))[2:]
    shown = [line for line in lines if not line.startswith("@@") or len(lines) > 8]
    text = [_line(line, masked) for line in (shown if len(shown) > 8 else [s for s in shown if s[0] != " "])]
    more = len(text) - _MOST_LINES
    return [*text[:_MOST_LINES], *([f"... and {plural(more, 'more line')}"] if more > 0 else [])]


def _line(line: str, masked: dict[str, str]) -> str:
    text = line if line.startswith("@@") else line[0] + masked.get(line[1:], line[1:])
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def _masked(text: str) -> Iterator[tuple[str, str]]:
    """Each line that may hold a secret, and what is shown of it."""
    below: int | None = None  # the column of a secret's key, whose value goes on in the lines below it
    in_key = named = False  # between BEGIN and END of a private key; after "name: DB_PASSWORD"
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        in_key = in_key or ("-----BEGIN" in line and "PRIVATE KEY" in line)
        if in_key or (below is not None and (indent > below or not line.strip())):
            in_key = in_key and "-----END" not in line
            yield line, f"{line[:indent]}***"
            continue
        below, match = None, _KEY.match(line)
        key, value = (match[2].strip(" :'\""), match[3].strip(" '\"")) if match else ("", "")
        if match and (_SECRET.search(key) or (named and key == "value")):
            yield line, f"{match[1]}{match[2]} ***" if value else line
            below = len(match[1])
        elif (inline := _INLINE.sub(r"\1***", line)) != line:
            yield line, inline
        elif find_secrets("values.yaml", line.encode()):
            yield line, f"{line[:indent]}***"
        named = key == "name" and bool(_SECRET.search(value))
