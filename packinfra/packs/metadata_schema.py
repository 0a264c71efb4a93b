"""pack.json against pack.schema.json, which editors can use too, with messages for people."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from packinfra.packs.jsontext import KeyPath
from packinfra.text import quoted

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

_EXPECTED = {"string": "a string", "number": "a number", "array": "a list", "object": "an object"}


class SchemaError(NamedTuple):
    """Where pack.json doesn't conform to the schema, by which of its keywords, and what to tell the author."""

    path: KeyPath
    keyword: str
    message: str


def schema_errors(metadata: Mapping[str, Any]) -> tuple[SchemaError, ...]:
    """All of them; for each value only the first."""
    errors: dict[KeyPath, SchemaError] = {}
    missing: dict[tuple[KeyPath, str], SchemaError] = {}
    for error in _validator().iter_errors(metadata):
        path = tuple(error.absolute_path)
        if error.validator == "required":
            missing |= {(path, key): SchemaError(path, "required", text) for key, text in _missing(error, path)}
        else:
            errors.setdefault(path, SchemaError(path, str(error.validator), f'"{_dotted(path)}" {_reason(error)}'))
    return (*missing.values(), *errors.values())


@functools.cache
def schema() -> dict[str, Any]:
    """pack.schema.json."""
    parsed: dict[str, Any] = json.loads(Path(__file__).with_name("pack.schema.json").read_text("utf-8"))
    return parsed


@functools.cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator, FormatChecker  # noqa: PLC0415 - 40 ms, and not every process needs it

    return Draft202012Validator(schema(), format_checker=FormatChecker(["date"]))


def _missing(error: ValidationError, path: KeyPath) -> Iterator[tuple[str, str]]:
    required: Any = error.validator_value
    instance: Any = error.instance
    for key in required:
        if key not in instance:
            yield key, f'"{_dotted(path)}" has no "{key}"' if path else f'"{key}" is missing'


def _reason(error: ValidationError) -> str:
    value, keyword = error.instance, error.validator
    limit: Any = error.validator_value
    if keyword == "type":
        types = [limit] if isinstance(limit, str) else limit
        return f"is {kind(value)}, not {' or '.join(_EXPECTED[t] for t in types if t != 'null')}"
    if keyword == "enum":
        return f"is {_value(value)}, not one of {', '.join(item for item in limit if item is not None)}"
    if keyword == "format":
        return f"is {_value(value)}, not a date such as 2027-01-31"
    return (
        "is empty" if isinstance(value, str) and not value.strip() else f"is {_value(value)}, which {keyword} forbids"
    )


def kind(value: object) -> str:
    """The type of a JSON value as people say it."""
    kinds = {
        bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object", str: "a string",
    }  # fmt: skip
    return kinds.get(type(value), "null")


def _value(value: object) -> str:
    return quoted(value) if isinstance(value, str) else kind(value)


def _dotted(path: KeyPath) -> str:
    """constraints.dependencies[0].type; each key cut to a readable length."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{quoted(part)[1:-1]}" for part in path).lstrip(".")
