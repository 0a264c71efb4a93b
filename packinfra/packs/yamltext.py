"""YAML as a tree with lines, within bounds, and tolerant of templates.

Only the tree is built, no Python values: libyaml checks the syntax as Palette's reader does (Go's yaml is a port of it),
aliases stay references, so they cannot multiply, and dates and numbers stay text. Nesting and size are limited while
the tree is built.

Palette replaces macros (`{{ .spectro... }}`) before it deploys, so a text that is YAML without its templates isn't
broken; it is only marked (`templated`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

TEXT_LIMIT = 4 << 20
"""Bytes of a file that are read; the largest values.yaml of 220 public packs has 289 kB."""
_DEEPEST = 100
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_EVENTS = 200_000
"""Of the parser: each key, each value, each beginning and end of a list or mapping."""
_NULLS = ("", "~", "null", "Null", "NULL")
_ACTION = re.compile(r"\{\{[^{}\n]*\}\}")


class Scalar(NamedTuple):
    """A single value, as it is written; `null` if it is empty or one of null's names without quotes. `plain`: without
    quotes and tag, so that it may be a number or a boolean."""

    text: str
    line: int
    null: bool
    plain: bool = False


class List(NamedTuple):
    """A sequence."""

    items: list[Node]
    line: int


class Map(NamedTuple):
    """A mapping; `flat`: keys and values by turns."""

    flat: list[Node]
    line: int


Node = Scalar | List | Map
# Tuples: of PyYAML's nodes, four objects each, the garbage collector alone took as long as all the reading.


@dataclass(frozen=True)
class YamlText:
    """A YAML text.

    documents: the trees, one per document; if templates break the syntax, those of the text without them
    problem:   why it is not YAML, at `line`; "" if it is
    templated: a template causes the problem, so the text may be YAML once Palette has replaced it
    """

    documents: tuple[Node, ...]
    problem: str = ""
    line: int | None = None
    templated: bool = False
    limited: bool = False
    """The problem is a limit of this reader."""

    @property
    def top(self) -> Node | None:
        """The first document, which is the one that readers use; None if it is empty."""
        first = self.documents[0] if self.documents else None
        return None if first is None or _is_null(first) else first


class _BrokenError(Exception):
    def __init__(self, problem: str, line: int | None, around: tuple[int, ...] = (), *, limited: bool = False) -> None:
        super().__init__(problem)
        self.problem, self.line, self.around, self.limited = problem, line, around, limited


def read_yaml(raw: bytes) -> YamlText:
    """Never raises."""
    if len(raw) > TEXT_LIMIT:
        return YamlText((), f"it is larger than {TEXT_LIMIT >> 20} MiB", limited=True)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return YamlText((), "it is not UTF-8 text", raw.count(b"\n", 0, error.start) + 1)
    try:
        return YamlText(_compose(text))
    except _BrokenError as error:
        if "{{" not in text or error.limited:
            return YamlText((), error.problem, error.line, limited=error.limited)
        first = error
    try:
        return YamlText(_compose(_without_templates(text)), first.problem, first.line, templated=True)
    except _BrokenError as error:
        lines = text.split("\n")
        near = any("{{" in lines[line - 1] for line in error.around if line <= len(lines))
        return YamlText((), error.problem, error.line, templated=near, limited=error.limited)


def entries(node: Node | None) -> Iterator[tuple[str, int, Node]]:
    """Key, line and value of a mapping's entries; nothing for anything else."""
    if isinstance(node, Map):
        for key, value in zip(node.flat[::2], node.flat[1::2], strict=True):
            if isinstance(key, Scalar):
                yield key.text, key.line, value


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """All lists and mappings, each once, however many aliases lead to it."""
    done: set[int] = set()
    todo = list(reversed(nodes))
    while todo:
        node = todo.pop()
        if isinstance(node, Scalar) or id(node) in done:
            continue
        done.add(id(node))
        yield node
        todo += reversed(node.items if isinstance(node, List) else node.flat[1::2])


def repeated_keys(top: Node | None) -> Iterator[tuple[str, int, int]]:
    """The path of each key that its mapping has already, and the lines of both."""
    done: set[int] = set()  # an alias makes one node part of many
    todo: list[tuple[str, Node]] = [] if top is None else [("", top)]
    while todo:
        path, node = todo.pop()
        if isinstance(node, Scalar) or id(node) in done:
            continue
        done.add(id(node))
        if isinstance(node, List):
            todo += [
                (f"{path}[{index}]", item) for index, item in enumerate(node.items) if not isinstance(item, Scalar)
            ]
            continue
        lines: dict[str, int] = {}
        for key, line, value in entries(node):
            inner = f"{path}.{key}" if path else key
            if key in lines and key != "<<" and "{{" not in key:
                yield inner, lines[key], line
            lines.setdefault(key, line)
            if not isinstance(value, Scalar):
                todo.append((inner, value))


def child(node: Node | None, *path: str) -> Node | None:
    """The node below `path`; None if there is none, or only null."""
    for part in path:
        node = next((value for key, _, value in entries(node) if key == part), None)
    return None if node is None or _is_null(node) else node


def scalar(node: Node | None) -> str | None:
    """The text of a scalar; None for everything else, null included."""
    return node.text if isinstance(node, Scalar) and not node.null else None


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.null


def _compose(text: str) -> tuple[Node, ...]:
    try:
        return _documents(iter(_LOADER(text).get_event, None))  # half the cost of yaml.parse, which asks twice
    except yaml.YAMLError as error:
        marks = [m for m in (getattr(error, "problem_mark", None), getattr(error, "context_mark", None)) if m]
        around = tuple(mark.line + 1 for mark in marks)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
        raise _BrokenError(f"it is not YAML: {reason}", around[0] if around else None, around) from None


def _documents(events: Iterator[Any]) -> tuple[Node, ...]:
    """The trees. PyYAML's own composer is recursive, so a deeply nested text would overflow the stack."""
    documents: list[Node] = []
    anchors: dict[str, Node] = {}
    open_: list[list[Node]] = [documents]  # the collections that are open, the innermost last
    for count, event in enumerate(events):
        kind = type(event)
        if kind is yaml.ScalarEvent:
            unquoted = event.style not in ("'", '"', "|", ">")
            null = unquoted and event.value in _NULLS
            node: Node = Scalar(event.value, event.start_mark.line + 1, null, unquoted and event.tag is None)
            open_[-1].append(node)
        elif kind is yaml.SequenceStartEvent or kind is yaml.MappingStartEvent:
            inside: list[Node] = []
            line = event.start_mark.line + 1
            node = List(inside, line) if kind is yaml.SequenceStartEvent else Map(inside, line)
            open_[-1].append(node)
            open_.append(inside)
            if len(open_) > _DEEPEST + 1:
                raise _BrokenError(f"it is nested more than {_DEEPEST} levels deep", line, limited=True)
        elif kind is yaml.AliasEvent:
            if event.anchor not in anchors:
                raise _BrokenError(f"it is not YAML: *{event.anchor} refers to no anchor", event.start_mark.line + 1)
            open_[-1].append(anchors[event.anchor])
            continue
        else:
            if kind is yaml.SequenceEndEvent or kind is yaml.MappingEndEvent:
                open_.pop()
            elif kind is yaml.DocumentStartEvent:
                anchors = {}
            continue
        if event.anchor:
            anchors[event.anchor] = node
        if count > _MOST_EVENTS:
            raise _BrokenError("it has too many entries", node.line, limited=True)
    return tuple(documents)


def _without_templates(text: str) -> str:
    """The text as it could be after templating: lines of templates only are removed, other templates become a word."""

    def line(text: str) -> str:
        return _ACTION.sub("x", text) if _ACTION.sub("", text).strip() else ""

    return "\n".join(line(each) if "{{" in each else each for each in text.split("\n"))
