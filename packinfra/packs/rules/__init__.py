"""The rules a pack must keep, one entry each. All are evaluated; none stops at the first finding.

Only what a push, or Palette's first look at the pack, cannot do without is an error: 61 of 220 public packs fail
pack-central's own validator, so anything stricter would refuse packs that work. Whoever wants more raises a warning to
an error, and whoever disagrees silences it, by its id; errors stay errors.

docs/rules.md is the table of all of them: `python -m packinfra.packs --rules` prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal, cast

from packinfra.errors import PackinfraError
from packinfra.packs.contents import Contents
from packinfra.packs.rules import extras, folder, listed, metadata, values
from packinfra.packs.rules.metadata import REPOSITORY_COMPONENT, TAG
from packinfra.packs.rules.rule import Problem, Rule, Severity
from packinfra.packs.rules.schema import LAYERS
from packinfra.packs.violations import printable, shown

__all__ = [
    "LAYERS", "REPOSITORY_COMPONENT", "RULES", "TAG", "Problem", "Rule", "RuleError", "RuleSettings", "Severity",
    "check_settings", "judge",
]  # fmt: skip

RULES: tuple[Rule, ...] = (*metadata.RULES, *listed.RULES, *values.RULES, *folder.RULES, *extras.RULES)
RuleSettings = Mapping[str, Literal["error", "warning", "off"]]
"""How rules are judged that are no errors by themselves: rule id -> severity, or "off"."""

_KNOWN = {rule.id: rule for rule in RULES}


class RuleError(PackinfraError, ValueError):
    """Settings name a rule that doesn't exist, or change one that can't be changed."""


def check_settings(rules: Mapping[str, str]) -> RuleSettings:
    """`rules`, if they can be used. Raises RuleError with all that is wrong in them."""
    mistakes = [text for name, wanted in rules.items() if (text := _mistake(name, wanted))]
    if mistakes:
        raise RuleError("; ".join(mistakes))
    return cast("RuleSettings", rules)


def judge(contents: Contents, rules: RuleSettings | None = None) -> tuple[Problem, ...]:
    """All problems of a pack: errors first, each group in the order of the rules. Raises RuleError for wrong `rules`."""
    rules = check_settings(rules or {})
    findings = [*contents.findings]
    for rule in RULES:
        if rule.check and rules.get(rule.id, rule.severity) != "off":
            findings += rule.check(contents)
    order = list(_KNOWN)
    problems: list[Problem] = []
    for found in sorted(findings, key=lambda f: order.index(f.rule)):
        rule = _KNOWN[found.rule]
        severity = rules.get(rule.id, rule.severity)
        if severity != "off":
            problems.append(Problem(rule.id, severity, printable(found.message), rule.remedy, found.file, found.line))
    return tuple(sorted(problems, key=lambda p: p.severity))  # "error" sorts before "warning"; the sort is stable


def _mistake(name: str, wanted: str) -> str:
    if name not in _KNOWN:
        near = get_close_matches(name, _KNOWN, n=1)
        return f"there is no rule {shown(name)}" + (f"; did you mean {near[0]}?" if near else "; docs/rules.md has all")
    if wanted not in ("error", "warning", "off"):
        return f"rule {name} can be error, warning or off, not {shown(str(wanted))}"
    if _KNOWN[name].severity == "error" and wanted != "error":
        return f"rule {name} is always an error: without it the pack would not work"
    return ""
