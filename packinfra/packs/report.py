"""The result of checking packs for people, and the table of all rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from packinfra.packs.contents import METADATA, PackFile
from packinfra.packs.files import LeftOut
from packinfra.packs.rules import RULES
from packinfra.packs.rules.rule import Problem, Rule
from packinfra.text import format_size, plural, printable

_MOST_LEFT_OUT = 3


class Checked(Protocol):
    """A pack, or what else can be published."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def content_digest(self) -> str: ...
    @property
    def files(self) -> Sequence[PackFile]: ...
    @property
    def left_out(self) -> Sequence[LeftOut]: ...


@dataclass
class CheckedFolder:
    """A folder and its pack; without a pack, `problems` has the reason.

    notes: more lines for the report, for example where its archive is
    noun:  what it is; main: the file at which problems of the whole are shown, "" = at the path; rules: by which it was
           checked
    """

    path: str
    pack: Checked | None
    problems: Sequence[Problem]
    notes: list[str] = field(default_factory=list)
    noun: str = "pack"
    main: str = METADATA
    rules: Sequence[Rule] = RULES

    def count(self, severity: str) -> int:
        return sum(problem.severity == severity for problem in self.problems)


def as_text(checked: Sequence[CheckedFolder]) -> str:
    """Pack by pack, the worst first, good ones in a line each, and a closing count."""
    worst_first = sorted(checked, key=lambda each: (-each.count("error"), -each.count("warning")))
    blocks = [_pack(each) for each in worst_first]
    long = [block for each, block in zip(worst_first, blocks, strict=True) if each.problems]
    good = [block for each, block in zip(worst_first, blocks, strict=True) if not each.problems]
    return "\n\n".join([*long, *(["\n".join(good)] if good else []), _closing(checked)])


def _pack(each: CheckedFolder) -> str:
    title = f"  {printable(f'{each.pack.name} {each.pack.version}')}" if each.pack and each.pack.name else ""
    lines = [f"{printable(each.path)}{title}: {_verdict(each)}"]
    for problem in each.problems:
        place = f"{problem.place}: " if problem.place else ""
        lines += [
            f"  {problem.severity:8} {place}{problem.message}  [{problem.rule}]",
            f"           -> {problem.remedy}",
        ]
    return "\n".join([*lines, *(f"  {note}" for note in each.notes)])


def _verdict(each: CheckedFolder) -> str:
    errors, warnings = each.count("error"), each.count("warning")
    parts = [plural(count, noun) for count, noun in ((errors, "error"), (warnings, "warning")) if count] or ["good"]
    if each.pack and not errors:
        parts += [plural(len(each.pack.files), "file"), format_size(sum(file.size for file in each.pack.files))]
    left_out = [printable(path) for path, _ in each.pack.left_out] if each.pack else []
    if left_out:
        more = len(left_out) - _MOST_LEFT_OUT
        left_out = [*left_out[:_MOST_LEFT_OUT], f"{more} more"] if more > 0 else left_out
        parts.append(f"without {', '.join(left_out)}")
    return ", ".join(parts)


def _closing(checked: Sequence[CheckedFolder]) -> str:
    broken = sum(each.count("error") > 0 for each in checked)
    warned = sum(each.count("error") == 0 and each.count("warning") > 0 for each in checked)
    good = len(checked) - broken - warned
    parts = [(broken, "cannot be published"), (warned, "could be better"), (good, "good")]
    nouns = {each.noun for each in checked}
    return (
        f"{plural(len(checked), nouns.pop() if len(nouns) == 1 else 'source')}: "
        + ", ".join(f"{n} {verdict}" for n, verdict in parts if n)
        + "."
    )


def rules_table() -> str:
    """docs/rules.md."""
    return "\n".join([_ABOUT_RULES, *rule_rows(RULES)])


def rule_rows(rules: Sequence[Rule]) -> list[str]:
    """The table's rows, in Markdown."""
    words = {"error": "error", "warning": "warning", "off": "off unless switched on"}
    return [
        f"| `{rule.id}` | {words[rule.severity]} | {rule.requires} | {rule.why} | {rule.remedy} | {rule.source} |"
        for rule in rules
    ]


_ABOUT_RULES = """# The rules for packs

Every rule is checked for every pack, and all problems are reported at once. An *error* keeps a pack from being
published; a *warning* is about something that real packs do and Palette tolerates. A setting turns a warning into an
error, or switches it off, by the rule's id:

```yaml
packinfra:packs:
  - path: packs/*
    rules: {readme-missing: error, version-not-semver: "off", images-missing: warning}
```

```bash
packinfra check --rule readme-missing=error --rule version-not-semver=off packs/*
```

Errors stay errors: without them the pack would not work.

<!-- generated: packinfra check --rules > docs/rules.md -->

| rule | severity | requirement | why | what to do | source |
|---|---|---|---|---|---|"""
