"""Explains pydantic's errors in the terms of a stack file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from packinfra.settings.model import NAMESPACE, models_in

_REASONS = {
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "dict_type": "write keys and values, indented below it",
    "greater_than_equal": "at least {ge}",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "less_than_equal": "at most {le}",
    "literal_error": "write {expected}",
    "mapping_type": "write keys and values, indented below it",
    "model_type": "write its keys, indented below it",
    "string_too_short": "too short (minimum {min_length})",
    "string_type": "write a text",
    "too_long": "too many entries (maximum {max_length})",
    "too_short": "too few entries (minimum {min_length})",
    "tuple_type": "write a list, with brackets or a dash for each entry",
}
"""pydantic's type of an error -> the reason, for those that pydantic explains in terms of Python."""


def explain(error: ValidationError, settings: type[BaseModel]) -> list[str]:
    """Each problem that pydantic found in `settings`: key, value, reason, example."""
    return list(dict.fromkeys(_explain(dict(details), settings) for details in error.errors()))


def unknown(shown: str, key: str, known: Sequence[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"{shown}: no such key; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}")


def show(value: object) -> str:
    """`value` as JSON, without the part before an @, which may be a password ("https://user:password@host")."""
    return json.dumps(_redacted(value), default=str)


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        _, at, host = value.rpartition("@")
        return f"...@{host}" if at else value
    if isinstance(value, Mapping):
        return {key: _redacted(inner) for key, inner in value.items()}
    return [_redacted(inner) for inner in value] if isinstance(value, list | tuple) else value


def _explain(details: Mapping[str, Any], settings: type[BaseModel]) -> str:
    place, kind, value = _locate(details["loc"], settings), details["type"], details["input"]
    shown, key = ".".join([f"{NAMESPACE}:{place.path[0]}", *map(str, place.path[1:])]), str(place.path[-1])
    if kind == "extra_forbidden":
        for other in place.alternatives:
            if key in _fields(other):
                return f"{shown}: only for kind: {_tag(other)}: remove it"
        return unknown(shown, key, [*_fields(place.model)])
    example = ""
    if place.field and place.field.examples:
        example = f"; for example: {place.field.alias}: {json.dumps(place.field.examples[0])}"
    if kind == "missing":
        return f"{shown}: missing{example}"
    reason = _REASONS.get(kind, "").format(**details.get("ctx", {})) or details["msg"].removeprefix("Value error, ")
    return f"{shown}: {reason}" if isinstance(value, Mapping) else f"{shown}: {show(value)} is wrong: {reason}{example}"


class _Place(NamedTuple):
    """Where a problem is: the path of keys, the innermost model with the other alternatives of its union, the field."""

    path: list[Any]
    model: type[BaseModel]
    alternatives: list[type[BaseModel]]
    field: FieldInfo | None


def _locate(location: Sequence[Any], settings: type[BaseModel]) -> _Place:
    path: list[Any] = []
    field: FieldInfo | None = None
    model, inner, alternatives = settings, [settings], list[type[BaseModel]]()
    for part in location:
        if re.match(r"function-|int$|literal\[", str(part)):  # pydantic's own steps: a validator, a branch of a union
            continue
        if len(inner) > 1:
            alternatives = [other for other in inner if _tag(other) != part]
            inner = [other for other in inner if _tag(other) == part]
            continue
        path.append(part)
        if isinstance(part, int):
            continue
        field = None
        if inner:
            model = inner[0]
            field = _fields(model).get(str(part))
            inner = models_in(field.annotation) if field else []
    return _Place(path, model, alternatives, field)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {to_camel(name): field for name, field in model.model_fields.items()}


def _tag(model: type[BaseModel]) -> str:
    return str(get_args(model.model_fields["kind"].annotation)[0])
