"""What pydantic finds wrong, in the words of a stack file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from packinfra.settings.model import NAMESPACE, model_of

_PLAINLY = {
    "tuple_type": "write a list, with brackets or a dash for each entry",
    "model_type": "write its keys, indented below it",
    "mapping_type": "write keys and values, indented below it",
    "dict_type": "write keys and values, indented below it",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "string_type": "write a text",
}
"""What pydantic says in terms of Python, in terms of a stack file."""


def unknown(shown: str, key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"{shown}: no such key; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}")


def explain(problem: dict[str, Any], settings: type[BaseModel]) -> str:
    """One of pydantic's findings about `settings`: which key, what stands there, why it is wrong, an example."""
    # pydantic also names the validator or the branch of a union that failed
    path = [part for part in problem["loc"] if not re.match(r"function-|int$|literal\[", str(part))]
    model, field = _field(path, settings)
    shown = ".".join([f"{NAMESPACE}:{path[0]}", *(str(part) for part in path[1:])])
    if problem["type"] == "extra_forbidden":
        return unknown(shown, str(path[-1]), [to_camel(name) for name in model.model_fields])
    example = f"; for example: {path[-1]}: {json.dumps(field.examples[0])}" if field and field.examples else ""
    if problem["type"] == "missing":
        return f"{shown}: missing{example}"
    reason = _PLAINLY.get(problem["type"]) or re.sub("^Value error, ", "", problem["msg"])
    if isinstance(problem["input"], Mapping):
        return f"{shown}: {reason}"
    given = re.sub(r'[^/"\s]*@', "...@", json.dumps(problem["input"], default=str))  # "user:password@host"
    return f"{shown}: {given} is wrong: {reason}{example}"


def _field(path: list[Any], model: type[BaseModel]) -> tuple[type[BaseModel], FieldInfo | None]:
    """The innermost model on the way along `path` from `model`, and its field that the path ends at or in."""
    field = None
    for place, part in enumerate(path):
        found = {to_camel(name): f for name, f in model.model_fields.items()}.get(str(part))
        field = found or (field if isinstance(part, int) else None)
        inner = model_of(found.annotation) if found else None
        if inner and place < len(path) - 1:
            model = inner
    return model, field
