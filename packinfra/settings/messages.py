"""Explains pydantic's errors in the terms of a stack file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from packinfra.settings.model import NAMESPACE, models_in
from packinfra.text import no_such_key

_REASONS = {
    "tuple_type": "write a list, with brackets or a dash for each entry",
    "model_type": "write its keys, indented below it",
    "mapping_type": "write keys and values, indented below it",
    "dict_type": "write keys and values, indented below it",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "int_type": "write a whole number",
    "string_type": "write a text",
    "string_too_short": "write a text that is not empty",
}
"""In place of pydantic's own, which use Python's terms."""


def explain(error: ValidationError, settings: type[BaseModel]) -> list[str]:
    """Each problem that pydantic found in `settings`: key, value, reason, example."""
    errors: list[dict[str, Any]] = [dict(details) for details in error.errors()]
    # Of a number or a word, pydantic reports both branches: one problem, which names the word.
    words = {details["loc"][:-1]: details["ctx"]["expected"] for details in errors if _is_word(details)}
    for details in errors:
        if (word := words.get(details["loc"][:-1])) and str(details["loc"][-1]).endswith(("int", "int]")):
            details["word"] = word.strip("'")
    branches = {details["loc"][:-1] for details in errors if "word" in details}
    kept = [details for details in errors if not (_is_word(details) and details["loc"][:-1] in branches)]
    return list(dict.fromkeys(_explain(details, settings) for details in kept))


def show(value: object) -> str:
    """`value` as JSON, without the part before an @, which may be a password ("https://user:password@host")."""
    return re.sub(r'"(?:[^"\\]|\\.)*@', '"...@', json.dumps(value, default=str))


def _explain(details: Mapping[str, Any], settings: type[BaseModel]) -> str:
    path, field, model, others = _locate(details["loc"], settings)
    kind, value, key = details["type"], details["input"], str(path[-1])
    shown = ".".join([f"{NAMESPACE}:{path[0]}", *map(str, path[1:])])
    if kind == "extra_forbidden":
        only = [_kind(other) for other in others if key in _fields(other)]
        reason = f"only for kind: {only[0]}: remove it" if only else no_such_key(key, [*_fields(model)])
        return f"{shown}: {reason}"
    example = f"; for example: {field.alias}: {json.dumps(field.examples[0])}" if field and field.examples else ""
    if kind == "missing":
        return f"{shown}: missing{example}"
    reason = _REASONS.get(kind) or details["msg"].removeprefix("Value error, ")
    if kind == "literal_error":
        reason = f"write {details['ctx']['expected']}".replace("'", "")
    reason += f", or {details['word']}" if "word" in details else ""
    return f"{shown}: {reason}" if isinstance(value, Mapping) else f"{shown}: {show(value)} is wrong: {reason}{example}"


def _is_word(details: Mapping[str, Any]) -> bool:
    return details["type"] == "literal_error" and str(details["loc"][-1]).startswith("literal[")


def _locate(
    location: Sequence[Any], model: type[BaseModel]
) -> tuple[list[Any], FieldInfo | None, type[BaseModel], list[type[BaseModel]]]:
    """(the path of keys; the field; its model; the other models of a union with this one)"""
    path: list[Any] = []
    field: FieldInfo | None = None
    inner, others, key_follows = [model], list[type[BaseModel]](), False
    for part in location:
        if re.match(r"function-|int$|literal\[", str(part)):  # pydantic's own steps: a validator, a branch of a union
            continue
        if key_follows:  # of a map from the user's own names to models
            path.append(part)
            key_follows = False
            continue
        if len(inner) > 1:
            others = [other for other in inner if _kind(other) != part]
            inner = [other for other in inner if _kind(other) == part]
            continue
        path.append(part)
        if isinstance(part, str):
            model, field = (inner[0], _fields(inner[0]).get(part)) if inner else (model, None)
            inner = models_in(field.annotation) if field else []
            key_follows = field is not None and bool(inner) and get_origin(field.annotation) is Mapping
    return path, field, model, others


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or to_camel(name): field for name, field in model.model_fields.items()}


def _kind(model: type[BaseModel]) -> str:
    return str(get_args(model.model_fields["kind"].annotation)[0])
