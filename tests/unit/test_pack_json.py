"""pack.json as text and against its schema: what is wrong, in the same words and line on every Python."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from packinfra.packs.jsonsyntax import syntax_error
from packinfra.packs.jsontext import RepeatedKey, parse
from packinfra.packs.metadata_schema import schema, schema_errors

SYNTAX = [
    ('{"a": 1,\n}', "there is a comma before the closing }", 1),
    ('{"a": [1,\n2,\n]\n}', "there is a comma before the closing ]", 2),
    ('{"a": 1\n"b": 2}', "a comma is missing", 1),
    ("[1\n2]", "a comma is missing", 1),
    ('{"a": 1,,\n"b": 2}', "there is a comma where a key belongs", 1),
    ("[,1]", "there is a comma where a value belongs", 1),
    ('{"a"\n1}', "a colon is missing after the key", 1),
    ('{"a":\n}', "a key has no value", 1),
    ('{"a"}', "a key has no value", 1),
    ('{"a": 1: 2}', "there is a colon where a comma belongs", 1),
    ("[:]", "there is a colon where a value belongs", 1),
    ("{\na: 1}", "the key a is not in double quotes", 2),
    ("{1: 2}", "a key is not in double quotes", 1),
    ("{'a': 1}", "there are single quotes, where JSON has double quotes", 1),
    ("// x\n{}", "there is a comment, which JSON does not allow", 1),
    ('{"a": 1 # x\n}', "there is a comment, which JSON does not allow", 1),
    ('{"a": True}', "True is not a JSON value", 1),
    ('{"a": NaN}', "NaN is not a JSON value", 1),
    ('{"a": 01}', "01 is not a JSON value", 1),
    ('{"a": -}', "- is not a JSON value", 1),
    ('{"a": "b" c}', "there is c where a comma belongs", 1),
    ('{"a": [1}', "there is a } where a ] belongs", 1),
    ('{"a": 1}}', "there is a } that closes nothing", 1),
    ("1 2", "there is more text after its end", 1),
    ('{"a": 1}\nx', "there is more text after its end", 2),
    ('{\n"a": 1,\n"b": [2\n', "the closing ] is missing", 3),
    ("", "the file is empty", 1),
    ("\n\n", "the file is empty", 1),
    ('{\n"a": "b\n}', "a string has no closing quote", 2),
    ('{"a": "b', "a string has no closing quote", 1),
    ('{"a": "\t"}', "a string contains a tab", 1),
    ('{"a": "\x01"}', "a string contains a control character", 1),
    ('{"a": "\\x"}', "a string has a \\ that begins no escape of JSON", 1),
    ('{"a":\n' + "1" * 5000 + "}", "a number has too many digits", 2),
]


@pytest.mark.parametrize(("text", "problem", "line"), SYNTAX, ids=[text[:12] for text, _, _ in SYNTAX])
def test_syntax(text: str, problem: str, line: int) -> None:
    parsed = parse(text.encode())
    assert (parsed.problem, parsed.line) == (f"it is not JSON: {problem}", line)
    assert parsed.value is None


@given(
    text=st.lists(
        st.sampled_from(
            ['"', "{", "}", "[", "]", ",", ":", '"a"', "1", "-", "1e5", "null", "\\", "\n", " ", "\x00", "\xa0"]
        ),
        max_size=12,
    ).map("".join)
)
def test_every_text_that_json_refuses_has_a_place(text: str) -> None:
    """And what json accepts, so does the scanner: it finds no other error than that the text is read to its end."""
    try:
        json.loads(text)
    except ValueError:
        problem, offset = syntax_error(text)
        assert problem
        assert 0 <= offset <= len(text)
        assert parse(text.encode()).problem == f"it is not JSON: {problem}"
    else:
        assert parse(text.encode()).problem == ""


def test_bounds() -> None:
    assert parse(b"\xef\xbb\xbf{}").problem == "it begins with a byte order mark, which JSON does not allow"
    assert (broken := parse(b'{"a":\n"\xff"}')).problem == "it is not UTF-8 text"
    assert broken.line == 2
    for depth in (101, 5000, 100_000):  # Pythons differ in how deep their parsers go
        assert parse(b"[" * depth + b"]" * depth).problem == "it is nested more than 100 levels deep"
    assert parse(b"[" * 100 + b"]" * 100).problem == ""


def test_repeated_keys_have_paths() -> None:
    parsed = parse(b'{"a": 1,\n"x": [{"b": 1}, {"b": 2,\n"b": 3}],\n"a": 2}')
    assert parsed.repeated == (RepeatedKey(("x", 1, "b"), 2, 3), RepeatedKey(("a",), 1, 4))


VALID: dict[str, Any] = {"name": "a", "displayName": "A", "version": "1.0.0", "layer": "addon"}
CONFORMING = [
    {},
    {"addonType": None, "eol": "", "cloudTypes": None, "cloudType": None, "annotations": None, "constraints": None},
    {"eol": " ", "group": "LTS", "ansibleRoles": ["a"], "anything": [{}]},
    {"constraints": {"dependencies": [{"packName": "k", "layer": "k8s", "type": "required", "minVersion": ""}]}},
    {"constraints": {"resources": [{"type": "cpu", "minLimit": 0.5, "components": [{"scheduleType": "master"}]}]}},
]
VIOLATING = [
    ({"name": None}, '"name" is null, not a string'),
    ({"displayName": "\t"}, '"displayName" is empty'),
    ({"layer": 5}, '"layer" is a number, not a string'),
    ({"layer": "x"}, '"layer" is "x", not one of kernel, os, k8s, cni, csi, addon'),
    ({"eol": "2027-1-31"}, '"eol" is "2027-1-31", not a date such as 2027-01-31'),
    ({"cloudTypes": ["all", "moon"]}, '"cloudTypes[1]" is "moon", not one of all, aws,'),
    ({"cloudTypes": {}}, '"cloudTypes" is an object, not a list'),
    ({"charts": ["a", 1]}, '"charts[1]" is a number, not a string'),
    ({"charts": [""]}, '"charts[0]" is empty'),
    ({"annotations": {"x": True}}, '"annotations.x" is true or false, not a string'),
    (
        {"constraints": {"dependencies": [{"layer": "csi", "type": "x"}]}},
        '"constraints.dependencies[0]" has no "packName"',
    ),
    ({"constraints": {"dependencies": ["x"]}}, '"constraints.dependencies[0]" is a string, not an object'),
    ({"constraints": {"resources": [{"type": "cpu", "minLimit": True}]}}, '.minLimit" is true or false, not a number'),
]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("change", CONFORMING)
def test_conforming(change: dict[str, Any]) -> None:
    assert schema_errors({**VALID, **change}) == ()


@pytest.mark.parametrize(("change", "message"), VIOLATING, ids=[message for _, message in VIOLATING])
def test_violating(change: dict[str, Any], message: str) -> None:
    assert message in schema_errors({**VALID, **change})[0].message


def test_all_missing_keys_are_named() -> None:
    assert [error.message for error in schema_errors({})] == [
        '"name" is missing', '"displayName" is missing', '"version" is missing', '"layer" is missing',
    ]  # fmt: skip
