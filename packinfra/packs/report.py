"""What is said about packs that were checked: a report for people, JSON for programs, the table of all rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from packinfra.packs.pack import Pack, Problem
from packinfra.packs.rules import RULES
from packinfra.packs.violations import printable

_MOST_LEFT_OUT = 10


@dataclass
class Checked:
    """A folder that was checked: the pack in it, or the problem that kept it from being read.

    notes: what else happened to it, such as where its archive was written
    """

    path: str
    pack: Pack | None
    problems: Sequence[Problem]
    notes: list[str] = field(default_factory=list)

    def count(self, severity: str) -> int:
        return sum(problem.severity == severity for problem in self.problems)


def as_json(checked: Sequence[Checked]) -> dict[str, Any]:
    """Exactly this shape is documented (docs/checking-packs.md); keys may be added, none changed."""
    return {
        "packs": [
            {
                "path": each.path,
                "name": each.pack.name if each.pack else "",
                "version": each.pack.version if each.pack else "",
                "contentDigest": each.pack.content_digest if each.pack else None,
                "problems": [
                    {
                        "rule": problem.rule,
                        "severity": problem.severity,
                        "file": problem.file,
                        "line": problem.line,
                        "message": problem.message,
                        "remedy": problem.remedy,
                    }
                    for problem in each.problems
                ],
            }
            for each in checked
        ]
    }


def as_text(checked: Sequence[Checked]) -> str:
    """Pack by pack, the worst first, and a closing count."""
    worst_first = sorted(checked, key=lambda each: (-each.count("error"), -each.count("warning")))
    return "\n\n".join([*map(_pack, worst_first), _closing(checked)])


def _pack(each: Checked) -> str:
    called = f"  {printable(f'{each.pack.name} {each.pack.version}')}" if each.pack and each.pack.name else ""
    lines = [f"{printable(each.path)}{called}: {_verdict(each)}"]
    for problem in each.problems:
        place = f"{problem.place}: " if problem.place else ""
        lines += [
            f"  {problem.severity:8} {place}{problem.message}  [{problem.rule}]",
            f"           -> {problem.remedy}",
        ]
    if each.pack and each.pack.left_out:
        names = [f"{printable(path)} ({by})" for path, by in each.pack.left_out]
        more = len(names) - _MOST_LEFT_OUT
        names = [*names[:_MOST_LEFT_OUT], f"and {more} more"] if more > 0 else names
        lines.append(f"  left out {', '.join(names)}")
    if each.pack and not each.count("error"):
        size = sum(file.size for file in each.pack.files)
        lines.append(f"  content  {each.pack.content_digest}, {_number(len(each.pack.files), 'file')}, {_bytes(size)}")
    return "\n".join([*lines, *(f"  {note}" for note in each.notes)])


def _verdict(each: Checked) -> str:
    errors, warnings = each.count("error"), each.count("warning")
    parts = [_number(n, what) for n, what in ((errors, "error"), (warnings, "warning")) if n]
    return ", ".join(parts) or "good"


def _closing(checked: Sequence[Checked]) -> str:
    broken = sum(each.count("error") > 0 for each in checked)
    warned = sum(each.count("error") == 0 and each.count("warning") > 0 for each in checked)
    good = len(checked) - broken - warned
    parts = [(broken, "cannot be published"), (warned, "could be better"), (good, "good")]
    return f"{_number(len(checked), 'pack')}: " + ", ".join(f"{n} {what}" for n, what in parts if n) + "."


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _bytes(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def rules_table() -> str:
    """docs/rules.md."""
    words = {"error": "error", "warning": "warning", "off": "off unless switched on"}
    rows = [
        f"| `{rule.id}` | {words[rule.severity]} | {rule.demands} | {rule.why} | {rule.remedy} | {rule.source} |"
        for rule in RULES
    ]
    return "\n".join([_ABOUT_RULES, *rows])


_ABOUT_RULES = """# The rules a pack must keep

All are evaluated for every pack, and everything found is reported at once. An *error* keeps a pack from being
published; a *warning* is what real packs do and Palette tolerates. Whoever wants more turns a warning into an error,
and whoever disagrees silences it, by its id:

```yaml
packinfra:packs:
  - path: packs/*
    rules: {readme-missing: error, version-not-semver: "off", images-missing: warning}
```

```bash
python -m packinfra.packs --rule readme-missing=error --rule version-not-semver=off packs/*
```

Errors stay errors: without them the pack would not work.

<!-- made by: python -m packinfra.packs --rules > docs/rules.md -->

| rule | severity | a pack keeps it if | why | what to do | source |
|---|---|---|---|---|---|"""
