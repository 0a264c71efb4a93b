"""A rule, and a problem that it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from packinfra.packs.contents import Contents
from packinfra.packs.violations import RuleViolation
from packinfra.text import printable

Severity = Literal["error", "warning"]
Check = Callable[[Contents], Iterable[RuleViolation]]

FORMAT = "Palette documentation, Add-on Packs; JSON schema of pack-central's validator"
ARCHIVE = "docs/architecture.md, The archive"
MEASURED = "220 public packs, measured"
HELM = "Helm 3.16, helm template"
KUBERNETES = "Kubernetes documentation, Objects; kubectl apply"


@dataclass(frozen=True)
class Problem:
    """A problem of a pack.

    Attributes:
        rule: The id of the violated rule.
        severity: An error keeps the pack from being published.
        message: What is wrong.
        remedy: What to do.
        file: The file, as a path in the pack; None if the pack as a whole is meant.
        line: The line in that file, if there is one to name.
    """

    rule: str
    severity: Severity
    message: str
    remedy: str
    file: str | None = None
    line: int | None = None

    @property
    def place(self) -> str:
        """`file:line`, as editors and CI systems understand it; "" where the whole pack is meant."""
        return "" if self.file is None else printable(self.file) + ("" if self.line is None else f":{self.line}")

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{place}{self.message} [{self.rule}]\n      -> {self.remedy}"


@dataclass(frozen=True)
class Rule:
    """A rule: what it requires, why, what to do about a violation, and where the rule comes from.

    severity: "off" for a rule that only settings switch on
    check:    None where reading the folder finds violations
    """

    id: str
    severity: Severity | Literal["off"]
    requires: str
    why: str
    remedy: str
    source: str
    check: Check | None = None
