"""Explains why a text is not JSON: one sentence, and the place to correct.

Python's own messages differ between its versions, use Python's terms, and point behind the error: for a comma too many,
at the bracket in the next line.
"""

from __future__ import annotations

import re

_SPACE = re.compile(r"[ \t\r\n]*")
_CHARACTERS = r'(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*'
_STRING_START = re.compile(f'"{_CHARACTERS}')
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_PIECE = re.compile(rf'"{_CHARACTERS}"|(?:{_NUMBER}|true|false|null)(?![\w.+-])|[{{}}\[\],:]')
_WORD = re.compile(r"[\w.+-]+")
_CLOSING = {"{": "}", "[": "]"}
_MOST_DIGITS = 4300
"""As many as Python turns into an integer (sys.get_int_max_str_digits)."""


def syntax_error(text: str) -> tuple[str, int]:
    """The first syntax error of `text`, which json.loads refused, and its offset."""
    brackets: list[str] = []
    expected = "value"  # or "key", "colon", "separator"
    before, end = "", 0  # the piece before, and its end
    while True:
        start = end + len(_SPACE.match(text, end)[0])  # type: ignore[index]  # it matches everywhere
        match = _PIECE.match(text, start)
        if match is None:
            return (
                _ending(brackets, expected, end) if start == len(text) else _no_piece(text, start, expected, brackets)
            )
        piece = match[0]
        if problem := _misplaced(piece, expected, before, brackets):
            message, at_end = problem
            return message, max(end - 1, 0) if at_end else start
        if len(piece) > _MOST_DIGITS and piece[0] in "-0123456789":
            return "a number has too many digits", start
        if piece in "{[":
            brackets.append(piece)
        elif piece in "}]":
            brackets.pop()
        expected = _next(piece, expected, brackets)
        before, end = piece, match.end()


def _next(piece: str, expected: str, brackets: list[str]) -> str:
    if piece in (":", "[") or (piece == "," and brackets[-1] == "["):
        return "value"
    if piece in ("{", ","):
        return "key"
    return "colon" if expected == "key" and piece != "}" else "separator"


def _misplaced(piece: str, expected: str, before: str, brackets: list[str]) -> tuple[str, bool] | None:
    """Why `piece` cannot be here, and whether the piece before it is the place to correct."""
    if piece in ("}", "]"):
        return _misplaced_bracket(piece, expected, before, brackets)
    if expected == "separator" and not brackets:
        return "there is more text after its end", False
    if expected == "separator" and piece != ",":
        return ("there is a colon where a comma belongs", False) if piece == ":" else ("a comma is missing", True)
    if expected == "colon" and piece != ":":
        return "a colon is missing after the key", True
    if expected in ("key", "value") and piece in (",", ":"):
        return f"there is a {'comma' if piece == ',' else 'colon'} where a {expected} belongs", False
    if expected == "key" and not piece.startswith('"'):
        return "a key is not in double quotes", False
    return None


def _misplaced_bracket(piece: str, expected: str, before: str, brackets: list[str]) -> tuple[str, bool] | None:
    if not brackets:
        return f"there is a {piece} that closes nothing", False
    if before == ",":
        return f"there is a comma before the closing {piece}", True
    if _CLOSING[brackets[-1]] != piece:
        return f"there is a {piece} where a {_CLOSING[brackets[-1]]} belongs", False
    if before == ":" or expected == "colon":
        return "a key has no value", True
    return None


def _ending(brackets: list[str], expected: str, end: int) -> tuple[str, int]:
    if not end:
        return "the file is empty", 0
    return f"the closing {_CLOSING[brackets[-1]]} is missing" if brackets else f"a {expected} is missing", end - 1


def _no_piece(text: str, start: int, expected: str, brackets: list[str]) -> tuple[str, int]:
    """What is at `start`, where no piece of JSON is."""
    first = text[start]
    if first == '"':
        return _broken_string(text, start)
    if first == "'":
        return "there are single quotes, where JSON has double quotes", start
    if first in "/#":
        return "there is a comment, which JSON does not allow", start
    word = match[0][:40] if (match := _WORD.match(text, start)) else first
    if expected == "key":
        return f"the key {word} is not in double quotes", start
    if expected == "value":
        return f"{word} is not a JSON value", start
    if not brackets:
        return "there is more text after its end", start
    return f"there is {word} where a {expected.replace('separator', 'comma')} belongs", start


def _broken_string(text: str, start: int) -> tuple[str, int]:
    end = _STRING_START.match(text, start).end()  # type: ignore[union-attr]  # it matches every quote
    breaks = text[end : end + 1]
    if breaks in ("", "\n", "\r"):
        return "a string has no closing quote", start
    if breaks == "\\":
        return "a string has a \\ that begins no escape of JSON", end
    return "a string contains " + ("a tab" if breaks == "\t" else "a control character"), end
