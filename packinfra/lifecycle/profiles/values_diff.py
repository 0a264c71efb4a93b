r"""A unified diff of values for preview: bounded, and without secrets.

>>> print("\n".join(values_diff("a: 1\npassword: x\n", "a: 2\npassword: y\n")))
-a: 1
-password: ***
+a: 2
+password: ***
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import unified_diff

from packinfra.packs.secrets import find_secrets
from packinfra.text import plural, printable

_MOST_LINES = 30
_LONGEST = 160
_LARGEST = 400_000
"""Characters of both texts: difflib's time grows with the square of their lines."""
_MOST_PAIRS = 200_000
"""Pairs of equal lines: a text of few different lines, thousands of times, would take minutes."""
_EXAMINED = 1000
"""Characters of a line that are looked at for secrets: far more than are shown, and a bound for the expressions."""
_KEY = re.compile(r"^(\s*(?:- +)*)(['\"]?[\w.\-/ ]+['\"]?\s*:)(.*)$")
_SECRET = re.compile(
    r"(?i)pass(?:word|wd|phrase)?$|\bpwd$|secret|token|credential|private.?key|api.?key|access.?key|htpasswd|cert$"
    r"|stringData$|dockerconfig|kubeconfig|authorization$|webhook|\.(?:key|pem|crt)$"
)
_SECRET_KIND = re.compile(r"(?m)^\s*kind:\s*['\"]?Secret\b")
_WORDS = r"(?:password|passwd|secret|token|private[_-]?key|api[_-]?key)"
_INLINE = (
    re.compile(rf"(?i)({_WORDS}[\w.\-]{{0,40}}['\"]?\s{{0,8}}[:=]\s{{0,8}})[^\s,}}\]]+"),
    re.compile(rf"(?i)(--?[\w-]{{0,40}}{_WORDS}['\"]?(?:\s{{0,8}},\s{{0,8}}|\s{{1,8}}))[^\s,}}\]]+"),  # --password x
    re.compile(r"(://[^/\s:@]{0,200}:)[^/\s@]+(?=@)"),  # of a URL
)
_FLAG = re.compile(rf"(?i)\s*- +['\"]?--?[\w-]{{0,40}}{_WORDS}['\"]?\s*$")
"""In a list of arguments: the next item is the secret."""


def values_diff(old: str, new: str) -> list[str]:
    if len(old) + len(new) > _LARGEST or _repeated(old, new) > _MOST_PAIRS:
        return ["(the values are too large to show what changes)"]
    masked = {**dict(_masked(old)), **dict(_masked(new))}
    lines = list(unified_diff(old.splitlines(), new.splitlines(), n=1, lineterm=""))[2:]
    shown = [line for line in lines if not line.startswith("@@") or len(lines) > 8]
    text = [_line(line, masked) for line in (shown if len(shown) > 8 else [s for s in shown if s[0] != " "])]
    more = len(text) - _MOST_LINES
    return [*text[:_MOST_LINES], *([f"... and {plural(more, 'more line')}"] if more > 0 else [])]


def _repeated(old: str, new: str) -> int:
    """How many pairs of equal lines difflib would look at; it leaves out those that are more than 1 % of all."""
    before, after = Counter(old.splitlines()), Counter(new.splitlines())
    popular = after.total() // 100 + 1 if after.total() >= 200 else after.total()
    return sum(count * after[line] for line, count in before.items() if after[line] <= popular)


def _line(line: str, masked: dict[str, str]) -> str:
    text = line if line.startswith("@@") else line[0] + masked.get(line[1:], line[1:])
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def _masked(text: str) -> Iterator[tuple[str, str]]:
    """Each line that may hold a secret, and what is shown of it."""
    holds_data = bool(_SECRET_KIND.search(text))  # a Kubernetes Secret, whose `data` is the secret
    below: int | None = None  # the column of a secret's key, whose value goes on in the lines below it
    in_key = named = flagged = (
        False  # between BEGIN and END of a private key; after "name: DB_PASSWORD", after "- --token"
    )
    value_line = ""  # the line before, if it is "value: x"
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        in_key = in_key or ("-----BEGIN" in line and "PRIVATE KEY" in line)
        if in_key or flagged or (below is not None and (indent > below or not line.strip())):
            in_key, flagged = in_key and "-----END" not in line, False
            yield line, f"{line[:indent]}***"
            continue
        beginning = line[:_EXAMINED]
        below, match = None, _KEY.match(beginning)
        key, value = (match[2].strip(" :'\""), match[3].strip(" '\"")) if match else ("", "")
        named_here = key == "name" and bool(_SECRET.search(value))
        if named_here and value_line:
            yield value_line, _hidden(value_line)
        if match and (_SECRET.search(key) or (named and key == "value") or (holds_data and key == "data")):
            yield line, _hidden(line) if value else line
            below = len(match[1])
        elif (inline := _without_inline(beginning)) != beginning:
            yield line, inline
        elif find_secrets("values.yaml", line.encode()):
            yield line, f"{line[:indent]}***"
        named, flagged = named_here, bool(_FLAG.match(beginning))
        value_line = line if key == "value" else ""


def _hidden(line: str) -> str:
    """The line without its value."""
    match = _KEY.match(line[:_EXAMINED])
    return f"{match[1]}{match[2]} ***" if match else "***"


def _without_inline(line: str) -> str:
    for form in _INLINE:
        line = form.sub(r"\1***", line)
    return line
