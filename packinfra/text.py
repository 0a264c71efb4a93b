"""The only wording helpers: foreign text made printable, numbers and sizes as people read them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from itertools import islice

_LONGEST_QUOTE = 80


def printable(text: str) -> str:
    r"""Foreign text (file names, messages of a server) on one line, without control characters and terminal escapes.

    >>> printable("a\x1b[2Jb\n")
    'a\\x1b[2Jb\\n'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def printable_lines(text: str) -> str:
    r"""The same for a message of several lines, which stay.

    >>> printable_lines("a\x1b[2J\n  b")
    'a\\x1b[2J\n  b'
    """
    return "\n".join(map(printable, text.split("\n")))


def quoted(value: str) -> str:
    r"""A foreign value for a message: printable, in quotes, cut to a readable length.

    >>> quoted("a\n"), quoted("x" * 100) == '"' + "x" * 77 + '..."'
    ('"a\\n"', True)
    """
    text = value if len(value) <= _LONGEST_QUOTE else value[: _LONGEST_QUOTE - 3] + "..."
    return f'"{printable(text)}"'


def plural(count: int, noun: str) -> str:
    """
    >>> plural(1, "pack"), plural(1200, "pack")
    ('1 pack', '1,200 packs')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Collection[str], most: int = 8) -> str:
    """
    >>> listed(["a", "b"]), listed("abcde", 3)
    ('a, b', 'a, b, c and 2 more')
    """
    rest = len(names) - most
    return ", ".join(islice(names, most)) + (f" and {rest:,} more" if rest > 0 else "")


def no_such_key(key: str, known: Sequence[str]) -> str:
    """
    >>> no_such_key("pth", ["path", "tags"]), no_such_key("x", ["path", "tags"])
    ('no such key; did you mean path?', 'no such key; known are path, tags')
    """
    near = get_close_matches(key, known, n=1)
    return "no such key; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}")


def format_size(size: int) -> str:
    """Decimal units, as registries list them.

    >>> format_size(999), format_size(1500), format_size(2_500_000)
    ('999 B', '1.5 kB', '2.5 MB')
    """
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
