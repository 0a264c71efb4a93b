r"""Sets single values in a values.yaml, and changes no other byte of it.

    >>> edit("a:   1   # why\nb: {}\n", {"a": 2, "b.c": "x"})
    Edited(text='a:   2   # why\nb: {c: x}\n', added=('b.c',))

A path's parts are separated by dots; a dot inside a key is escaped (`a\.b`), a number counts the items of a list from 0.

The parser's events say where each value stands, so only those characters are replaced; what follows is parsed again and
must have the same events but for the value. Writing the parsed tree anew would change more: a round trip of ruamel.yaml 0.19
wraps long lines, aligns indentation and lists, moves comments, and changes `{{ .spectro.var.x }}` without quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STARTS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class EditError(ValueError):
    """A value can't be set. `str()` says why, in terms of the path."""


class Edited(NamedTuple):
    """added: the paths that the text didn't have"""

    text: str
    added: tuple[str, ...]


Meanings = Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class _Node:
    """The indexes of its first and last event."""

    first: int
    last: int


def edit(text: str, changes: Mapping[str, Any]) -> Edited:
    """Raises EditError at the first change that can't be made."""
    added = []
    mark, text = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)  # the parser doesn't count it
    for path, value in changes.items():
        text, is_new = _edit_one(text, path, value)
        added += [path] if is_new else []
    return Edited(mark + text, tuple(added))


def split_path(path: str) -> list[str]:
    r"""Raises EditError for an empty part.

    >>> split_path(r"a.b\.c.0")
    ['a', 'b.c', '0']
    """
    parts = [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\)\.", path)]
    if not all(parts):
        raise EditError(f"{path}: a part of the path is empty; write a.b, and a\\.b for a dot inside a key")
    return parts


def _edit_one(text: str, path: str, value: Any) -> tuple[str, bool]:
    parts = split_path(path)
    events = _events(text, path)
    top = next((index for index, event in enumerate(events) if isinstance(event, yaml.NodeEvent)), None)
    if top is None:
        return _with_line_end(text) + _block(parts, value, 0, _line_end(text)), True
    node = _node(events, top)
    for depth, part in enumerate(parts):
        event, here = events[node.first], ".".join(parts[:depth]) or "the top"
        if isinstance(event, yaml.AliasEvent):
            raise EditError(f"{path}: {here} is *{event.anchor}, which stands for another place: set the value there")
        if isinstance(event, yaml.MappingStartEvent):
            found = _in_mapping(events, node, part)
            if found is None:
                return _inserted(text, path, events, node, parts=parts[depth:], value=value), True
            node = found
        elif isinstance(event, yaml.SequenceStartEvent):
            items = _children(events, node)
            if not part.isdigit() or int(part) >= len(items):
                raise EditError(f"{path}: {here} is a list of {len(items)}: write the number of an item, from 0")
            node = items[int(part)]
        elif _is_null(event):
            return _replaced(text, path, events, node, _nested(parts[depth:], value)), True
        else:
            raise EditError(f"{path}: {here} is a single value, so nothing can be below it")
    return _replaced(text, path, events, node, value), False


def _events(text: str, path: str) -> list[Any]:
    try:
        return list(yaml.parse(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        template = ", perhaps because of a template: give the complete text instead" if "{{" in text else ""
        raise EditError(f"{path}: the values are not YAML{where}{template}") from None


def _node(events: Sequence[Any], first: int) -> _Node:
    if not isinstance(events[first], _STARTS):
        return _Node(first, first)
    depth = 0
    for index in range(first, len(events)):
        depth += isinstance(events[index], _STARTS) - isinstance(events[index], _ENDS)
        if depth == 0:
            return _Node(first, index)
    raise AssertionError("a collection ends")


def _children(events: Sequence[Any], node: _Node) -> list[_Node]:
    children, index = [], node.first + 1
    while index < node.last:
        children.append(_node(events, index))
        index = children[-1].last + 1
    return children


def _in_mapping(events: Sequence[Any], node: _Node, key: str) -> _Node | None:
    """The value of a key; of the last one if it is there twice, as most readers take it."""
    children = _children(events, node)
    found = None
    for name, value in zip(children[::2], children[1::2], strict=True):
        event = events[name.first]
        if isinstance(event, yaml.ScalarEvent) and event.value == key:
            found = value
    return found


def _is_null(event: Any) -> bool:
    return (
        isinstance(event, yaml.ScalarEvent) and event.implicit[0] and event.value in ("", "~", "null", "Null", "NULL")
    )


def _replace(text: str, events: Sequence[Any], node: _Node, value: Any) -> str:
    start, end = events[node.first].start_mark.index, _content_end(events, node)
    end = max(start, len(text[:end].rstrip()))  # the blank lines after a block text are part of it
    before, after = text[:start], text[end:]
    first = events[node.first]
    if getattr(first, "anchor", None) and not isinstance(first, yaml.AliasEvent):
        before += f"&{first.anchor} "
    new = _flow(value, first)
    if before and not before[-1].isspace() and before[-1] not in "[{,":
        new = f" {new}"
    if start == end and (after[:1] == "#" or (after and not after[0].isspace() and after[0] not in ",]}")):
        new += " "
    # a block collection that begins in a line of its own goes behind its key
    if isinstance(first, _STARTS) and not first.flow_style:
        before = before.rstrip() + " " if before.strip() else ""
        new = new.strip()
    return before + new + after


def _insert(text: str, events: Sequence[Any], node: _Node, parts: Sequence[str], value: Any) -> str:
    """A new entry at the end of a mapping."""
    start = events[node.first]
    if start.flow_style:
        end = events[node.last].start_mark.index
        kept = text[:end].rstrip()
        comma = "" if node.last == node.first + 1 else " " if kept.endswith(",") else ", "
        return f"{kept}{comma}{_flow(parts[0], None)}: {_flow(_nested(parts[1:], value), None)}{text[end:]}"
    has_mark = text[start.start_mark.index : start.start_mark.index + 1] == "?"  # "? key", as long keys are written
    column = (start if has_mark else events[node.first + 1]).start_mark.column
    end = _content_end(events, node)
    line_end = _line_end(text)
    at = end if text[:end].endswith("\n") else text.find("\n", end) + 1 or len(text)
    return _with_line_end(text[:at]) + _block(parts, value, column, line_end) + text[at:]


def _content_end(events: Sequence[Any], node: _Node) -> int:
    """After the last value inside, however deep."""
    index = node.last
    while isinstance(events[index], _ENDS) and not _is_flow_end(events, index):
        index -= 1
    return int(events[index].end_mark.index)


def _is_flow_end(events: Sequence[Any], index: int) -> bool:
    """The end of a flow collection has a character of its own."""
    return bool(events[index].end_mark.index > events[index].start_mark.index)


def _nested(parts: Sequence[str], value: Any) -> Any:
    """The value below these keys."""
    for part in reversed(parts):
        value = {part: value}
    return value


def _block(parts: Sequence[str], value: Any, column: int, line_end: str) -> str:
    lines = [f"{' ' * (column + 2 * depth)}{_flow(part, None)}:" for depth, part in enumerate(parts)]
    lines[-1] += f" {_flow(value, None)}"
    return "".join(line + line_end for line in lines)


def _flow(value: Any, old: Any) -> str:
    """The value in one line; a text keeps the quotes of the one that it replaces."""
    if isinstance(value, str):
        style = getattr(old, "style", None)
        if style == "'" and value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        return _double_quoted(value) if style == '"' else _scalar(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(str(key), None)}: {_flow(each, None)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_flow(each, None) for each in value) + "]"
    if isinstance(value, float):  # JSON's 5e-324 is text for YAML 1.1, which wants a dot
        return str(yaml.safe_dump(value)).partition("\n")[0]
    return json.dumps(value)


def _scalar(value: str) -> str:
    """Plain where every reader takes it for this text, even inside brackets."""
    if re.fullmatch(r"[A-Za-z_/][\w ./@+=-]*(:[\w./-]+)*", value) and value == value.strip():
        if yaml.safe_load(value) == value and value.lower() not in (
            "y",
            "n",
        ):  # YAML 1.1, which yaml here takes for text
            return value
    elif re.fullmatch(r"\d+\.\d+\.\d+[\w.+-]*", value):  # a version
        return value
    return _double_quoted(value)


def _double_quoted(value: str) -> str:
    if value.isprintable():
        return json.dumps(value, ensure_ascii=False)
    return str(yaml.safe_dump(value, default_style='"', width=10**9)).rstrip("\n")


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _with_line_end(text: str) -> str:
    return text if not text or text.endswith("\n") else text + _line_end(text)


def _replaced(text: str, path: str, events: Sequence[Any], node: _Node, value: Any) -> str:
    """Raises EditError unless the place says `value`, and everything else what it said."""
    new = _replace(text, events, node, value)
    head = [_meaning(event) for event in events[: node.first]]
    tail = [_meaning(event) for event in events[node.last + 1 :]]
    return _verified(new, path, events, head=head, changed=_meanings_of(value), tail=tail)


def _inserted(text: str, path: str, events: Sequence[Any], node: _Node, *, parts: Sequence[str], value: Any) -> str:
    """The same for a new entry."""
    new = _insert(text, events, node, parts, value)
    before = [_meaning(event) for event in events]
    added = [*_meanings_of(parts[0]), *_meanings_of(_nested(parts[1:], value))]
    return _verified(new, path, events, head=before[: node.last], changed=added, tail=before[node.last :])


def _meanings_of(value: Any) -> list[tuple[Any, ...]]:
    return [_meaning(event) for event in yaml.parse(_flow(value, None), Loader=_LOADER)][2:-2]  # of stream and document


def _verified(new: str, path: str, events: Sequence[Any], *, head: Meanings, changed: Meanings, tail: Meanings) -> str:
    try:
        after = [_meaning(event) for event in _events(new, path)]
    except EditError:
        after = []
    end = len(after) - len(tail)
    is_right = (
        after[: len(head)] == head
        and [(kind, *rest) for kind, _, *rest in after[len(head) : end]]
        == [(kind, *rest) for kind, _, *rest in changed]
        and after[max(end, 0) :] == tail
    )  # an anchor of the place itself stays
    lost = {event.anchor for event in events if isinstance(event, yaml.AliasEvent)} - {
        meaning[1] for meaning in after if meaning[0] is not yaml.AliasEvent and meaning[1]
    }
    if not is_right or lost:
        raise EditError(f"{path}: this place of the text can't be changed alone: give the complete text instead")
    return new


def _meaning(event: Any) -> tuple[Any, ...]:
    return type(event), getattr(event, "anchor", None), getattr(event, "tag", None), getattr(event, "value", None)
