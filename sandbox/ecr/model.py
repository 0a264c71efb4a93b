"""Checks the input of an API call against AWS's own service model, as shipped in botocore (behaviour.md REP-1)."""

import functools
import re
from typing import Any

from botocore.loaders import Loader

from sandbox.ecr.errors import ApiError, invalid

Json = dict[str, Any]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "list": list,
    "map": dict,
    "structure": dict,
    "blob": str,
    "timestamp": (int, float),
}


@functools.cache
def _model() -> Json:
    model: Json = Loader().load_service_model("ecr", "service-2")
    return model


def operations() -> frozenset[str]:
    return frozenset(_model()["operations"])


def pattern(shape: str) -> re.Pattern[str]:
    """The pattern of a shape in the model, for the names in ``/v2`` paths."""
    return re.compile(_model()["shapes"][shape]["pattern"])


def check(operation: str, data: Json) -> None:
    """Raises InvalidParameterException for the first member that the model doesn't allow."""
    _check_shape(_model()["operations"][operation]["input"]["shape"], data, "request")


def _check_shape(shape_name: str, value: Any, where: str) -> None:
    shape: Json = _model()["shapes"][shape_name]
    kind = shape["type"]
    fits = isinstance(value, _TYPES[kind]) and not (kind in ("integer", "long") and isinstance(value, bool))
    if not fits:
        raise ApiError("SerializationException", f"{where}: expected {kind}, not {type(value).__name__}")
    if kind == "structure":
        for name in shape.get("required", ()):
            if value.get(name) is None:
                raise invalid(name, "Member must not be null")
        for name, member in shape["members"].items():
            if value.get(name) is not None:
                _check_shape(member["shape"], value[name], name)
    elif kind == "list":
        _check_size(shape, len(value), where)
        for item in value:
            _check_shape(shape["member"]["shape"], item, where)
    elif kind == "map":
        for key, item in value.items():
            _check_shape(shape["key"]["shape"], key, where)
            _check_shape(shape["value"]["shape"], item, where)
    elif kind == "string":
        _check_size(shape, len(value), where)
        if "enum" in shape and value not in shape["enum"]:
            raise invalid(where, f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]")
        if "pattern" in shape and not re.fullmatch(shape["pattern"], value):
            raise invalid(where, f"must satisfy regular expression '{shape['pattern']}'")
    elif kind in ("integer", "long") and not shape.get("min", value) <= value <= shape.get("max", value):
        raise invalid(where, f"Member must be between {shape.get('min')} and {shape.get('max')}")


def _check_size(shape: Json, size: int, where: str) -> None:
    if size < shape.get("min", size):
        raise invalid(where, f"Member must have length greater than or equal to {shape['min']}")
    if size > shape.get("max", size):
        raise invalid(where, f"Member must have length less than or equal to {shape['max']}")
