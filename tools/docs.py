"""Writes the parts of docs/ that say what the code says: settings, and the table of IAM actions.

    .venv/bin/python -m tools.docs

tests/unit/test_docs.py fails while a page is out of date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from packinfra.aws import policies
from packinfra.settings import NAMESPACE, Settings, model_of

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- begin: made by python -m tools.docs -->", "<!-- end -->"
DOCUMENTS = (policies.GUIDE, policies.PUBLISHER, policies.PUSHER, policies.READER, policies.DEPLOYER)


def pages() -> dict[Path, str]:
    """File -> text with the made part renewed; what stands around it is kept."""
    parts = {DOCS / "settings.md": settings(), DOCS / "iam.md": actions()}
    return {page: _renewed(page.read_text(encoding="utf-8"), part) for page, part in parts.items()}


def settings() -> str:
    lines: list[str] = []
    for name, field in Settings.model_fields.items():
        if model := model_of(field.annotation):
            lines += _section(f"{NAMESPACE}:{to_camel(name)}", model)
    return "\n".join(lines)


def _section(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"\n### `{title}`\n\n{' '.join(str(model.__doc__).split())}\n"
    yield "| key | type | default | what it says | example |\n|---|---|---|---|---|"
    inner = []
    for name, field in model.model_fields.items():
        key, child = to_camel(name), model_of(field.annotation)
        kind = f"[keys](#{f'{title}.{key}'.replace(':', '').replace('.', '').lower()})" if child else _type(field)
        example = f"`{_yaml(field.examples[0])}`" if field.examples else ""
        yield f"| `{key}` | {kind} | {_default(field)} | {field.description} | {example} |"
        if child:
            inner.append((f"{title}.{key}", child))
    for path, child in inner:
        yield from _section(path, child)


def _type(field: FieldInfo) -> str:
    text = str(field.annotation)
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return " or ".join(f"`{choice}`" for choice in choices)
    if "Mapping" in text:
        return "map"
    if "tuple" in text:
        return "list of texts"
    if "int" in text:
        return "number, or `all`" if "all" in text else "number"
    return "true or false" if "bool" in text else "text"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "*required*"
    if field.default is None or field.default in ((), {}) or isinstance(field.default, BaseModel):
        return ""
    return f"`{_yaml(field.default)}`"


def _yaml(value: Any) -> str:
    """In YAML's flow style, which reads like a stack file."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    plain = isinstance(value, str) and not value.isdigit() and not set(value) & set("*:,[]{}#&!|>'\"%@`")
    return value if plain or (isinstance(value, str) and value.startswith("arn:")) else json.dumps(value)


def actions() -> str:
    lines = [
        f"| action | {' | '.join(DOCUMENTS)} | what needs it |",
        "|---|" + ":-:|" * len(DOCUMENTS) + "---|",
    ]
    for action in policies.ACTIONS:
        marks = " | ".join("x" if action.belongs_to(document) else "" for document in DOCUMENTS)
        unproven = f". *Not proven*: {action.unproven}" if action.unproven else ""
        lines.append(f"| `{action.name}` | {marks} | {action.why}{unproven} |")
    return "\n".join(lines)


def _renewed(text: str, part: str) -> str:
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


def main() -> int:
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
        print(f"wrote {page.relative_to(DOCS.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
