"""`.helmignore`, as Helm reads it (helm's ignore/rules.go; seen with Helm 3.16).

It looks like .gitignore, and differs: a pattern without `/` is compared with the base name, one with `/` with the whole
path, both as Go's filepath.Match does, so `*` stops at a `/` and there is no `**`; the first pattern that matches decides; and
`!x` leaves out everything that is *not* x.
"""

from __future__ import annotations

import re
from typing import NamedTuple

IGNORE_FILE = ".helmignore"
_ALWAYS = "templates/.?*"
"""A pattern that Helm adds to every chart."""


class _Pattern(NamedTuple):
    text: str
    expression: re.Pattern[str]
    negated: bool
    folders_only: bool
    whole_path: bool

    def matches(self, path: str) -> bool:
        return bool(self.expression.fullmatch(path if self.whole_path else path.rpartition("/")[2]))


class HelmIgnore:
    """text: the content of `.helmignore`. `problems`: (what is wrong, line) of each pattern that Helm refuses."""

    def __init__(self, text: str = "") -> None:
        self.problems: list[tuple[str, int]] = []
        self._patterns: list[_Pattern] = []
        for number, line in enumerate([*text.splitlines(), _ALWAYS], 1):
            pattern = line.strip().removeprefix("\ufeff") if number == 1 else line.strip()
            if pattern and not pattern.startswith("#"):
                self._add(pattern, number)

    def _add(self, pattern: str, number: int) -> None:
        if "**" in pattern:
            self.problems.append((f"{pattern}: Helm knows no ** in {IGNORE_FILE}", number))
            return
        negated = pattern.startswith("!")
        bare = pattern.removeprefix("!")
        folders_only = bare.endswith("/")
        bare = bare.removesuffix("/")
        expression = _expression(bare.removeprefix("/"))
        if expression is None:
            self.problems.append((f"{pattern} is not a pattern", number))
        else:
            self._patterns.append(_Pattern(pattern, expression, negated, folders_only, "/" in bare))

    def leaves_out(self, path: str, *, folder: bool) -> str | None:
        """Why the path is left out; None if it isn't."""
        for pattern in self._patterns:
            wrong_kind = pattern.folders_only and not folder
            if pattern.negated:
                if wrong_kind or not pattern.matches(path):
                    return f"{IGNORE_FILE}: {pattern.text}"
            elif not wrong_kind and pattern.matches(path):
                return IGNORE_FILE if pattern.text != _ALWAYS else "Helm leaves it out"
        return None


def _expression(pattern: str) -> re.Pattern[str] | None:
    """The pattern of filepath.Match as a regular expression; None if it is malformed."""
    parts, at = [], 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            parts.append("[^/]*")
        elif character == "?":
            parts.append("[^/]")
        elif character == "\\":
            if at == len(pattern):
                return None
            parts.append(re.escape(pattern[at]))
            at += 1
        elif character == "[":
            found = re.compile(r"(\^?)((?:(?:\\.|[^\\\]-])(?:-(?:\\.|[^\\\]-]))?)+)\]", re.DOTALL).match(pattern, at)
            if not found:
                return None
            parts.append(f"[{found[1]}{_ranges(found[2])}]")
            at = found.end()
        else:
            parts.append(re.escape(character))
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:  # a range that goes backwards: it matches nothing
        return re.compile("(?!)")


def _ranges(text: str) -> str:
    """The inside of a character class, each of its characters escaped."""
    singles = re.findall(r"\\(.)|(-)|(.)", text, re.DOTALL)
    return "".join("-" if dash else re.escape(escaped or plain) for escaped, dash, plain in singles)
