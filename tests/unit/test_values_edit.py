"""Single values are set in a values.yaml, and no other byte changes."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from packinfra.lifecycle.profiles.values_edit import EditError, edit, split_path

REAL = """\
# Defaults of the chart.
pack:
  namespace: "hello"   # created
  content:
    images:
    - image: ghcr.io/x/y:1.0.12
    -   image:   'ghcr.io/x/z:1'

charts:
   hello:            # three spaces
      replicas:   1  # aligned
      on: yes
      empty:
      nothing: ~   # really
      list: [a, b,   c]
      flow: {k: v,  z: '{{.spectro.var.x}}'}
      un: {{ .spectro.var.y }}
      anchor: &a
        deep: 1
      alias: *a
      named: &n text
      again: *n
      script: |
         #!/bin/sh
           echo "a: b"

      folded: >-
        one
        two
      a.b/c: 3
      "quoted key": x
# the end
"""


def changed_lines(old: str, new: str) -> list[str]:
    diff = list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""))[2:]
    return [line for line in diff if not line.startswith("@@")]


@pytest.mark.parametrize(
    ("path", "value", "lines"),
    [
        ("pack.namespace", "web", ['-  namespace: "hello"   # created', '+  namespace: "web"   # created']),
        ("pack.content.images.0.image", "r/y:2.0", ["-    - image: ghcr.io/x/y:1.0.12", "+    - image: r/y:2.0"]),
        ("pack.content.images.1.image", "it's", ["-    -   image:   'ghcr.io/x/z:1'", "+    -   image:   'it''s'"]),
        ("charts.hello.replicas", 3, ["-      replicas:   1  # aligned", "+      replicas:   3  # aligned"]),
        ("charts.hello.on", False, ["-      on: yes", "+      on: false"]),
        ("charts.hello.on", "yes", ["-      on: yes", '+      on: "yes"']),
        ("charts.hello.on", "1.10", ["-      on: yes", '+      on: "1.10"']),
        ("charts.hello.on", "1.0.12", ["-      on: yes", "+      on: 1.0.12"]),
        ("charts.hello.empty", "x", ["-      empty:", "+      empty: x"]),
        ("charts.hello.empty.a.b", 1, ["-      empty:", "+      empty: {a: {b: 1}}"]),
        ("charts.hello.nothing", None, ["-      nothing: ~   # really", "+      nothing: null   # really"]),
        ("charts.hello.list", ["x"], ["-      list: [a, b,   c]", "+      list: [x]"]),
        ("charts.hello.list.1", 2, ["-      list: [a, b,   c]", "+      list: [a, 2,   c]"]),
        ("charts.hello.flow.k", "{{.spectro.var.r}}", ["-      flow: {k: v,  z: '{{.spectro.var.x}}'}",
                                                       '+      flow: {k: "{{.spectro.var.r}}",  z: \'{{.spectro.var.x}}\'}']),
        ("charts.hello.flow.new.deep", "d", ["-      flow: {k: v,  z: '{{.spectro.var.x}}'}",
                                             "+      flow: {k: v,  z: '{{.spectro.var.x}}', new: {deep: d}}"]),
        ("charts.hello.un", "t", ["-      un: {{ .spectro.var.y }}", "+      un: t"]),
        ("charts.hello.alias", 1, ["-      alias: *a", "+      alias: 1"]),
        ("charts.hello.named", "x", ["-      named: &n text", "+      named: &n x"]),
        ("charts.hello.anchor.deep", 2, ["-        deep: 1", "+        deep: 2"]),
        ("charts.hello.script", "true", ["-      script: |", "-         #!/bin/sh", '-           echo "a: b"', '+      script: "true"']),
        ("charts.hello.folded", "x", ["-      folded: >-", "-        one", "-        two", "+      folded: x"]),
        ("charts.hello.a\\.b/c", 4, ["-      a.b/c: 3", "+      a.b/c: 4"]),
        ("charts.hello.quoted key", "z", ['-      "quoted key": x', '+      "quoted key": z']),
        ("charts.hello.new", "n", ['+      new: "n"']),
        ("charts.other.x", 1, ["+   other:", "+     x: 1"]),
        ("top", {"a": [1, "b"]}, ["+top: {a: [1, b]}"]),
        ("pack.content", {}, ["-  content:", "-    images:", "-    - image: ghcr.io/x/y:1.0.12",
                              "-    -   image:   'ghcr.io/x/z:1'", "+  content: {}"]),
    ],
)  # fmt: skip
def test_one_value_changes(path: str, value: Any, lines: list[str]) -> None:
    assert changed_lines(REAL, edit(REAL, {path: value}).text) == lines
    crlf = REAL.replace("\n", "\r\n")
    assert edit(crlf, {path: value}).text.replace("\r\n", "\n") == edit(REAL, {path: value}).text
    assert "\n" not in edit(crlf, {path: value}).text.replace("\r\n", "")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("charts.hello.alias.deep", "charts.hello.alias is *a, which stands for another place"),
        ("charts.hello.on.x", "charts.hello.on is a single value"),
        ("charts.hello.list.3", "is a list of 3"),
        ("charts.hello.list.x", "is a list of 3"),
        ("charts..x", "a part of the path is empty"),
        ("", "a part of the path is empty"),
    ],
)
def test_what_cannot_be_set_says_why(path: str, reason: str) -> None:
    with pytest.raises(EditError) as caught:
        edit(REAL, {path: 1})
    assert reason in str(caught.value)


def test_an_anchor_that_others_refer_to_stays() -> None:
    with pytest.raises(EditError, match="can't be changed alone"):
        edit("a: {x: &n 1}\nb: *n\n", {"a": 1})


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("a: # why\n  b: 1\n", "a", {"z": 1}),  # would become a part of the comment
        ("a: {\n  b: 1 # why\n}\n", "a.c", 1),
    ],
)
def test_a_place_where_the_value_would_get_lost(text: str, path: str, value: Any) -> None:
    with pytest.raises(EditError, match="can't be changed alone"):
        edit(text, {path: value})


def test_odd_forms() -> None:
    assert edit("\ufeffa: 1\nb: 2\n", {"b": 3}).text == "\ufeffa: 1\nb: 3\n"
    assert edit("? a\n: 1\n", {"b": 2}).text == "? a\n: 1\nb: 2\n"
    assert edit("a: {b: 1,}\n", {"a.c": 2}).text == "a: {b: 1, c: 2}\n"


def test_text_that_is_not_yaml() -> None:
    with pytest.raises(EditError, match="not YAML in line 3, perhaps because of a template"):
        edit("a: 1\n{{- if x }}\nb: 2\n", {"a": 2})


@pytest.mark.parametrize("text", ["", "# only a comment\n", "# no line end"])
def test_nothing_there_yet(text: str) -> None:
    edited = edit(text, {"a.b": 1})
    assert edited.added == ("a.b",)
    assert yaml.safe_load(edited.text) == {"a": {"b": 1}}
    assert edited.text.startswith(text)


@pytest.mark.parametrize("number", [5e-324, 1e22, 0.1, -0.0, float("inf")])
def test_a_number_stays_a_number(number: float) -> None:
    assert yaml.safe_load(edit("a: 1\n", {"a": number}).text) == {"a": number}


def test_a_dot_inside_a_key() -> None:
    assert split_path(r"a\.b.c") == ["a.b", "c"]


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=5)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False, allow_infinity=False)
)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4), TREES, st.data(), st.booleans(), st.integers(2, 5))
def test_any_value_at_any_place(tree: dict[str, Any], value: Any, data: st.DataObject, flow: bool, indent: int) -> None:
    text = yaml.safe_dump(tree, default_flow_style=flow, indent=indent, allow_unicode=True)
    key = data.draw(st.sampled_from(sorted(tree)) | KEYS)
    path = key.replace("\\", "\\\\").replace(".", "\\.")
    edited = edit(text, {path: value})
    read = yaml.safe_load(text)  # not `tree`: PyYAML doesn't write every character so that it reads it back
    assert yaml.safe_load(edited.text) == {**read, key: value}
