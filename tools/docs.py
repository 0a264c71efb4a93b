"""Generates the parts of docs/ that repeat the code: settings, AWS keys, IAM actions, the rooms' order, the error tree, the
rules for charts and policies.

    .venv/bin/python -m tools.docs

tests/unit/test_docs.py fails while a page is out of date.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import packinfra.errors
from packinfra.artifacts.rules import RULES
from packinfra.aws import config_keys, policies
from packinfra.packs.report import rule_rows
from packinfra.settings import NAMESPACE, Settings, models_in

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DOCUMENTS = (policies.GUIDE, policies.PUBLISHER, policies.PUSHER, policies.READER, policies.DEPLOYER)
_HEADER = ("| key | type | default | meaning | example |", "|---|---|---|---|---|")
UNDESCRIBED = "(describe this room)"


def settings(_: str = "") -> str:
    lines: list[str] = []
    for name, field in Settings.model_fields.items():
        title, models = f"`{NAMESPACE}:{to_camel(name)}`", models_in(field.annotation)
        for model in models:
            lines += _section(title if len(models) == 1 else f"{title}, kind: {_kind(model)}", model)
        if not models:
            lines += [f"\n### {title}\n", *_HEADER, _row(to_camel(name), field, _type(field.annotation))]
    return "\n".join(lines)


def _section(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"\n### {title}\n\n{' '.join(str(model.__doc__).split())}\n"
    yield from _HEADER
    inner = []
    for name, field in model.model_fields.items():
        key, children = field.alias or to_camel(name), models_in(field.annotation)
        path = f"`{title.strip('`')}.{key}`"
        kind = f"[keys](#{re.sub(r'[^a-z]', '', path.lower())})" if children else _type(field.annotation)
        yield _row(key, field, kind)
        inner += [(path, child) for child in children]
    for path, child in inner:
        yield from _section(path, child)


def _row(key: str, field: FieldInfo, kind: str) -> str:
    example = f"`{_yaml(field.examples[0])}`" if field.examples else ""
    return f"| `{key}` | {kind} | {_default(field)} | {field.description} | {example} |"


def _kind(model: type[BaseModel]) -> str:
    return str(get_args(model.model_fields["kind"].annotation)[0])


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in arguments)
    names = {bool: "true or false", int: "number", str: "text", tuple: "list of texts", Mapping: "map"}
    return names.get(origin) or " or ".join(_type(choice) for choice in arguments if choice is not NoneType)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "*required*"
    if field.default is None or field.default in ("", (), {}) or isinstance(field.default, BaseModel):
        return ""
    return f"`{_yaml(field.default)}`"


def _yaml(value: Any) -> str:
    """In YAML's flow style, as in a stack file."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    plain = isinstance(value, str) and not value.isdigit() and not set(value) & set("*:,[]{}#&!|>'\"%@`")
    return value if plain or (isinstance(value, str) and value.startswith("arn:")) else json.dumps(value)


def actions(_: str = "") -> str:
    lines = [
        f"| action | {' | '.join(DOCUMENTS)} | needed for |",
        "|---|" + ":-:|" * len(DOCUMENTS) + "---|",
    ]
    for action in policies.ACTIONS:
        marks = " | ".join("x" if action.belongs_to(document) else "" for document in DOCUMENTS)
        unproven = f". *Not proven*: {action.unproven}" if action.unproven else ""
        lines.append(f"| `{action.name}` | {marks} | {action.why}{unproven} |")
    return "\n".join(lines)


def aws_keys(_: str = "") -> str:
    rows = [f"| `aws:{key.name}` | {key.use} | {key.why} |" for key in config_keys.KEYS]
    return "\n".join(["| key | | for what, or why |", "|---|---|---|", *rows])


def rooms(current: str) -> str:
    """The rooms in the layers of import-linter's contract, with the descriptions that the page has."""
    descriptions = dict(re.findall(r"^\|(?: *\d+ *\|)? *`(\w+)` *\| *(.*?) *\|$", current, re.MULTILINE))
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    lines = ["| layer | room | holds |", "|---|---|---|"]
    for number, layer in zip(range(len(layers), 0, -1), layers, strict=True):
        for module in re.split(r" [|:] ", layer):
            room = module.removeprefix("packinfra.")
            lines.append(f"| {number} | `{room}` | {descriptions.get(room, UNDESCRIBED)} |")
    return "\n".join(lines)


def errors(_: str = "") -> str:
    """The tree at the top of packinfra/errors.py: the indented part of its docstring."""
    lines = str(packinfra.errors.__doc__).splitlines()
    tree = [line for line in lines if line.startswith("    ")]
    return f"```\n{textwrap.dedent(chr(10).join(tree))}\n```"


def artifact_rules(_: str = "") -> str:
    """The rules for charts, policies and files."""
    header = ("| rule | severity | requirement | why | what to do | source |", "|---|---|---|---|---|---|")
    return "\n".join([*header, *rule_rows(RULES)])


PARTS: Mapping[str, Callable[[str], str]] = {
    "settings": settings,
    "iam": actions,
    "aws-config": aws_keys,
    "architecture": rooms,
    "errors": errors,
    "artifacts": artifact_rules,
}
"""Page -> the function that generates its part from the current part."""


def pages() -> dict[Path, str]:
    """File -> its text with the generated part renewed. The rest of the page is kept."""
    return {DOCS / f"{name}.md": _renewed(name) for name in PARTS}


def _renewed(name: str) -> str:
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    pattern = re.compile(r"(<!-- (\w+):begin -->\n)(.*?)(<!-- \2:end -->)", re.DOTALL)
    renewed, count = pattern.subn(lambda part: f"{part[1]}{PARTS[name](part[3])}\n{part[4]}", text)
    if count != 1:
        raise SystemExit(f"docs/{name}.md must have one generated part: <!-- {name}:begin --> ... <!-- {name}:end -->")
    return renewed


def main() -> int:
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
        print(f"wrote {page.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
