"""YAML as a tree with lines, read with a bound and with patience for templates.

Only the tree is made, no Python values: libyaml judges the syntax as Palette's reader does (Go's yaml is a port of it),
aliases stay references, so none of them can multiply, and a date or a number is never misunderstood. Nesting and size
are counted on the stream of events before a tree is made.

Palette replaces macros (`{{ .spectro... }}`) before anything is deployed, so a text that would be YAML without its
templates isn't broken; it is only noted (`templated`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml

TEXT_LIMIT = 4 << 20
"""Bytes that are read; the largest values.yaml of 220 public packs has 289 kB."""
_DEEPEST = 100
_MOST_EVENTS = 200_000
"""Of the parser; a key, a value, the beginning and the end of a list or mapping are one each."""
_NULLS = ("", "~", "null", "Null", "NULL")
_ACTION = re.compile(r"\{\{[^{}\n]*\}\}")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads trees only, so it need not ask of every scalar whether it is a number or a date."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


@dataclass(frozen=True)
class YamlText:
    """A YAML text that was read.

    documents: the trees, one per document; those of the text without its templates where only these are in the way
    problem:   why it is no YAML, at `line`; "" if it is
    templated: the problem is a template's, which Palette may well replace with something readable
    """

    documents: tuple[yaml.Node, ...]
    problem: str = ""
    line: int | None = None
    templated: bool = False

    @property
    def top(self) -> yaml.Node | None:
        """The first document, which is the one that readers take; None if there is nothing in it."""
        first = self.documents[0] if self.documents else None
        return None if first is None or _is_null(first) else first


class _BrokenError(Exception):
    def __init__(self, problem: str, line: int | None, around: tuple[int, ...] = ()) -> None:
        super().__init__(problem)
        self.problem, self.line, self.around = problem, line, around


def read_yaml(raw: bytes) -> YamlText:
    """Never raises."""
    if len(raw) > TEXT_LIMIT:
        return YamlText((), f"it is larger than {TEXT_LIMIT >> 20} MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return YamlText((), "it is not UTF-8 text", raw.count(b"\n", 0, error.start) + 1)
    try:
        return YamlText(_compose(text))
    except _BrokenError as error:
        if "{{" not in text:
            return YamlText((), error.problem, error.line)
        first = error
    try:
        return YamlText(_compose(_without_templates(text)), first.problem, first.line, templated=True)
    except _BrokenError as error:
        lines = text.split("\n")
        near = any("{{" in lines[line - 1] for line in error.around if line <= len(lines))
        return YamlText((), error.problem, error.line, templated=near)


def entries(node: yaml.Node | None) -> Iterator[tuple[str, int, yaml.Node]]:
    """Key, line and value of a mapping's entries; nothing for anything else."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key.value, key.start_mark.line + 1, value


def child(node: yaml.Node | None, *path: str) -> yaml.Node | None:
    """The node below `path`; None if there is none, or only null."""
    for part in path:
        node = next((value for key, _, value in entries(node) if key == part), None)
    return None if node is None or _is_null(node) else node


def scalar(node: yaml.Node | None) -> str | None:
    """The text of a scalar; None for everything else, null included."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) and not _is_null(node) else None


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value in _NULLS and node.style not in ("'", '"', "|", ">")


def _compose(text: str) -> tuple[yaml.Node, ...]:
    try:
        depth = 0
        for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST or count > _MOST_EVENTS:
                much = f"is nested more than {_DEEPEST} deep" if depth > _DEEPEST else "has too many entries"
                line = event.start_mark.line + 1 if event.start_mark else None
                raise _BrokenError(f"it {much}", line)
        return tuple(node for node in yaml.compose_all(text, Loader=_Loader) if node is not None)
    except yaml.YAMLError as error:
        marks = [m for m in (getattr(error, "problem_mark", None), getattr(error, "context_mark", None)) if m]
        around = tuple(mark.line + 1 for mark in marks)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML"
        raise _BrokenError(f"it is not YAML: {what}", around[0] if around else None, around) from None


def _without_templates(text: str) -> str:
    """The text as it might look once templates are replaced: lines of templates only vanish, others get a word."""

    def line(text: str) -> str:
        return _ACTION.sub("x", text) if _ACTION.sub("", text).strip() else ""

    return "\n".join(line(each) if "{{" in each else each for each in text.split("\n"))
