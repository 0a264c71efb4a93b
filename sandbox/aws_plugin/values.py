"""Conversion of values between the engine's protobuf structs and AWS."""

import json
from typing import Any

from google.protobuf import json_format, struct_pb2

Json = dict[str, Any]

# The engine's marker of a value that is unknown in preview (sdk/go/common/resource/plugin/rpc.go).
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


# The markers of a secret (sdk/go/common/resource/sig). Resources get secrets unwrapped, Configure doesn't.
_MARK, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


def from_struct(struct: struct_pb2.Struct) -> Json:
    values: Json = _plain(json_format.MessageToDict(struct))
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(_MARK) == _SECRET:
            return _plain(value.get("value"))
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    # Numbers are sent as floats; a whole one was an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def to_struct(values: Json) -> struct_pb2.Struct:
    return json_format.ParseDict(json.loads(json.dumps(values, default=str)), struct_pb2.Struct())


def has_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return bool(value == UNKNOWN)


def same(left: Any, right: Any) -> bool:
    """Equality in which equivalent JSON documents are equal (behaviour.md PLUG-15), and absent equals empty."""
    if isinstance(left, dict) and isinstance(right, dict):
        return all(same(left.get(key), right.get(key)) for key in {*left, *right})
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, str) and isinstance(right, str) and left != right:
        document = _document(left)
        return document is not None and bool(document == _document(right))
    return bool(left == right) or (is_empty(left) and is_empty(right))


def is_empty(value: Any) -> bool:
    """Whether it is a zero value of Terraform, which equals an absent one."""
    return value is None or value is False or value in ("", {}, [])


def normalised(text: str) -> str:
    """A JSON document as the Terraform provider stores it: sorted keys, no blanks."""
    document = _document(text)
    return text if document is None else json.dumps(document, sort_keys=True, separators=(",", ":"))


def _document(text: str) -> Any:
    """The JSON object or list in a text, or None."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if isinstance(document, dict) and isinstance(document.get("rules"), list):
        # ECR returns the rules of a lifecycle policy by priority (Terraform provider: equivalentLifecyclePolicyJSON).
        document["rules"].sort(key=lambda rule: rule.get("rulePriority", 0))
    return document if isinstance(document, dict | list) else None
