"""What reading a pack and its rules report."""

from __future__ import annotations

from typing import NamedTuple


class RuleViolation(NamedTuple):
    """A rule that a pack violates: the rule's id, what is wrong in this pack, and where.

    remedy: instead of the rule's own, where the cause is known
    """

    rule: str
    message: str
    file: str | None = None
    line: int | None = None
    remedy: str | None = None
