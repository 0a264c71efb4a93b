"""Reads values of a configuration whose types nobody has checked, and collects what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from packinfra.aws.durations import seconds
from packinfra.text import no_such_key, quoted

_ABSENT: tuple[Any, ...] = (None, "", [], {})
_SHORTEST, _LONGEST = 15 * 60, 12 * 3600


class Values:
    """An object of a configuration. A method that finds a problem adds it to `problems` and returns "absent".

    path: its place, for messages; "aws:" or "aws:assumeRoles[0]."
    """

    def __init__(self, path: str, values: Mapping[str, Any], problems: list[str] | None = None) -> None:
        self._path, self._values = path, values
        self.problems = [] if problems is None else problems

    def get(self, key: str) -> Any:
        """The raw value; None if it is absent or empty."""
        value = self._values.get(key)
        return None if value in _ABSENT else value

    def problem(self, key: str, text: str) -> None:
        self.problems.append(f"{self._path}{key}: {text}")

    def text(self, key: str) -> str | None:
        value = self.get(key)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):  # an ExternalId without quotes
            return str(value)
        self.problem(key, "write a text")
        return None

    def choice(self, key: str, choices: Sequence[str]) -> str | None:
        value = self.text(key)
        if value is None or value in choices:
            return value
        self.problem(key, f"{quoted(value)} is wrong: write {' or '.join(choices)}")
        return None

    def flag(self, key: str) -> bool:
        value = self.get(key)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value is None or isinstance(value, bool):
            return bool(value)
        self.problem(key, "write true or false")
        return False

    def number(self, key: str) -> int | None:
        """A whole one that isn't negative."""
        value = self.get(key)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value[:9])
        if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer() and value >= 0:
            return int(value)
        if value is not None:
            self.problem(key, "write a whole number")
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        items = self._list(key)
        if any(isinstance(item, bool) or not isinstance(item, str | int) for item in items):
            self.problem(key, "write a list of texts")
            return ()
        return tuple(str(item) for item in items if item != "")

    def texts_by_key(self, key: str) -> dict[str, str]:
        value = self._parsed(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(text, str | int | float) for text in value.values()):
            self.problem(key, "write keys and texts, indented below it")
            return {}
        return {str(name): _text(item) for name, item in value.items()}

    def objects_in(self, key: str, known: Sequence[str] = ()) -> list[Values]:
        """Of a list; see `object_at`."""
        found = (self._object(f"{key}[{index}]", item, known) for index, item in enumerate(self._list(key)))
        return [each for each in found if each]

    def object_at(self, key: str, known: Sequence[str] = ()) -> Values | None:
        """known: its only keys, if given. Another one could change the identity without our knowing."""
        value = self._parsed(key)
        return None if value is None else self._object(key, value, known)

    def _object(self, key: str, value: object, known: Sequence[str]) -> Values | None:
        if not isinstance(value, Mapping):
            self.problem(key, "write its keys, indented below it")
            return None
        for name in value if known else ():
            if name not in known:
                self.problem(f"{key}.{name}", no_such_key(str(name), known))
        return Values(f"{self._path}{key}.", value, self.problems)

    def session_seconds(self, key: str) -> int | None:
        """Of a role's session: between 15 minutes and 12 hours, as AWS and the provider demand."""
        text = self.text(key)
        if text is None:
            return None
        try:
            length = seconds(text)
        except ValueError as error:
            self.problem(key, f"{quoted(text)} is wrong: {error}")
            return None
        if not _SHORTEST <= length <= _LONGEST:
            self.problem(key, f"{quoted(text)} is wrong: a session lasts between 15m and 12h")
            return None
        return int(length)

    def _list(self, key: str) -> list[Any]:
        value = self._parsed(key)
        if value is None or isinstance(value, list):
            return value or []
        self.problem(key, "write a list, with brackets or a dash for each entry")
        return []

    def _parsed(self, key: str) -> Any:
        """JSON text, or what was parsed already."""
        value = self.get(key)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return value  # a plain text, which is no list and no object
        return None if value in _ABSENT else value


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
