"""Lifecycle policies: the order of their rules, and which images they expire."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from packinfra.aws.lifecycle_policy import NEVER, lifecycle_policy

ALL = lifecycle_policy(protect_tags=("1.*", "*-lts"), expire_untagged_after_days=14, keep_newest=2)


def expired(policy: dict[str, Any], images: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The images that expire, by ECR's documentation. `images`: newest first, each its tags; untagged ones are old."""
    gone: list[tuple[str, ...]] = []
    free = list(images)
    for rule in policy["rules"]:
        selection = rule["selection"]
        if selection["tagStatus"] == "untagged":
            matched = [tags for tags in free if not tags]
        else:
            (pattern,) = selection["tagPatternList"]
            matched = [tags for tags in free if any(fnmatchcase(tag, pattern) for tag in tags)]
        free = [tags for tags in free if tags not in matched]
        by_count = selection["countType"] == "imageCountMoreThan"
        gone += matched[selection["countNumber"] :] if by_count else matched
    return gone


def test_rules_in_their_order() -> None:
    rules = ALL["rules"]
    assert [rule["rulePriority"] for rule in rules] == [1, 2, 3, 4]
    assert [rule["selection"]["countNumber"] for rule in rules] == [NEVER, NEVER, 14, 2]
    assert {rule["action"]["type"] for rule in rules} == {"expire"}


def test_protected_tags_are_out_of_reach() -> None:
    images = [("3.0",), ("2.9-lts",), ("2.1",), ("2.0",), (), ("1.9",), ("1.0", "latest")]
    assert expired(ALL, images) == [(), ("2.0",)]


def test_untagged_alone_touches_no_version() -> None:
    policy = lifecycle_policy(expire_untagged_after_days=1)
    assert expired(policy, [("1.0",), (), ("0.9",)]) == [()]
