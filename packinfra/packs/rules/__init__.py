"""The rules for packs, one entry each. All are checked; none stops at the first violation.

Only what a push, or Palette's first look at the pack, cannot do without is an error: 61 of 220 public packs fail
pack-central's own validator, so stricter errors would reject packs that work. A setting raises a warning to an error or
switches it off, by the rule's id; errors stay errors.

docs/rules.md is the table of all of them: `packinfra check --rules` prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Literal, cast

from packinfra.errors import PackinfraError
from packinfra.packs.contents import Contents
from packinfra.packs.rules import charts, extras, folder, listed, manifests, metadata, values, wiring
from packinfra.packs.rules.rule import Problem, Rule
from packinfra.text import printable, quoted

RULES: tuple[Rule, ...] = (
    *metadata.RULES, *listed.RULES, *charts.RULES, *manifests.RULES, *values.RULES, *wiring.RULES, *folder.RULES,
    *extras.RULES,
)  # fmt: skip
RuleSettings = Mapping[str, Literal["error", "warning", "off"]]
"""Other severities than those of RULES: rule id -> severity, or "off"."""

_BY_ID = {rule.id: (position, rule) for position, rule in enumerate(RULES)}


class RuleError(PackinfraError, ValueError):
    """Settings name a rule that doesn't exist, or change one that can't be changed."""


def check_settings(rules: Mapping[str, str]) -> RuleSettings:
    """`rules`, if they can be used. Raises RuleError with every problem in them."""
    problems = [problem for name, severity in rules.items() if (problem := _problem(name, severity))]
    if problems:
        raise RuleError("; ".join(problems))
    return cast("RuleSettings", rules)


def validate(contents: Contents, rules: RuleSettings | None = None) -> tuple[Problem, ...]:
    """All problems of a pack: errors first, each group in the order of the rules. Raises RuleError for wrong `rules`."""
    rules = check_settings(rules or {})
    violations = [*contents.violations]
    for rule in RULES if contents.is_pack else ():  # of any other folder, the rules would say much that is of no use
        if rule.check and rules.get(rule.id, rule.severity) != "off":
            violations += rule.check(contents)
    problems: list[Problem] = []
    for violation in sorted(violations, key=lambda v: _BY_ID[v.rule][0]):
        rule = _BY_ID[violation.rule][1]
        severity = rules.get(rule.id, rule.severity)
        if severity != "off":
            message = printable(violation.message)
            remedy = printable(violation.remedy or rule.remedy)
            problems.append(Problem(rule.id, severity, message, remedy, violation.file, violation.line))
    return tuple(sorted(problems, key=lambda p: p.severity))  # "error" sorts before "warning"; the sort is stable


def _problem(name: str, severity: str) -> str:
    if name not in _BY_ID:
        near = get_close_matches(name, _BY_ID, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; docs/rules.md has all"
        return f"there is no rule {quoted(name)}{hint}"
    if severity not in ("error", "warning", "off"):
        return f"rule {name} can be error, warning or off, not {quoted(str(severity))}"
    if _BY_ID[name][1].severity == "error" and severity != "error":
        return f"rule {name} is always an error: without it the pack would not work"
    return ""
