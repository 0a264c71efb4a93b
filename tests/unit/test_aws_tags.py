"""AWS tags: what ECR and IAM would refuse in the middle of an `up` is found before it."""

from __future__ import annotations

import pytest

from packinfra.aws.tags import MOST, tag_problems, tags_together_problems

FIFTY = {f"k{number}": "v" for number in range(MOST)}


@pytest.mark.parametrize(
    "tags",
    [
        {"team": "platform"},
        {"Cost Center": "a_b.c:d/e=f+g-h@i"},
        {"k" * 128: "v" * 256},
        {"empty": ""},
        {"équipe": "グループ 7"},
        {"awsome": "myaws:value"},
        FIFTY,
    ],
)
def test_accepted(tags: dict[str, str]) -> None:
    assert not [*tag_problems(tags), *tags_together_problems(tags, {})]


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("Purpose", "packs (one, two)", '"Purpose": "packs (one, two)": AWS accepts letters, digits, spaces and _.:'),
        ("Purpose", "packs (one, two)", 'in values, not "(" ")" ","'),
        ("who?", "me", '"who?": "me": AWS accepts letters, digits, spaces and _.:/=+-@ in keys, not "?"'),
        ("a", "b\tc", r'in values, not "\t"'),
        ("a", "b\x1b[2J", r'not "\x1b" "["'),
        ("", "b", "AWS accepts keys of 1 to 128 characters, and this one has 0"),
        ("k" * 129, "b", "AWS accepts keys of 1 to 128 characters, and this one has 129"),
        ("a", "v" * 257, "AWS accepts values of up to 256 characters, and this one has 257"),
        ("AWS:created", "b", "AWS keeps keys that begin with aws: for itself"),
        ("a", "aws:b", "AWS keeps values that begin with aws: for itself"),
    ],
)  # fmt: skip
def test_refused(key: str, value: str, problem: str) -> None:
    (found,) = tag_problems({key: value})
    assert problem in found
    assert found.isprintable()


def test_together() -> None:
    (problem,) = tags_together_problems({**FIFTY, "one": "more"}, {})
    assert problem == "51 tags: AWS accepts 50 for each resource"
    (problem,) = tags_together_problems(FIFTY, {"one": "more", "k1": "replaced"})
    assert problem == "51 tags, 1 of them from aws:defaultTags: AWS accepts 50 for each resource"
    (problem,) = tags_together_problems({"team": "a"}, {"Team": "b"})
    assert problem == '"Team", "team": an IAM role takes these for one key, since only upper and lower case differ'
