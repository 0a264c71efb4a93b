"""`packinfra check` for packs (packinfra/packs/check_command.py), charts and policies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from packinfra.artifacts.chart import CHART, read_chart_source
from packinfra.artifacts.content import Content
from packinfra.artifacts.policies import read_bundle
from packinfra.artifacts.rules import RULES
from packinfra.packs import check_command
from packinfra.packs.chart import NO_CHART
from packinfra.packs.report import CheckedFolder

_ARCHIVES = (".tgz", ".tar.gz")
_ANY_VERSION = "0"
"""The version of a policy is in the stack file."""


def main(arguments: Sequence[str] | None = None, prog: str = "packinfra check") -> int:
    return check_command.main(arguments, prog, ChartsAndPolicies())


class ChartsAndPolicies:
    def find(self, path: str) -> str | None:
        if os.path.isdir(path):
            return path if _is_chart(path) or _has_policies(path) else None
        if not is_archive(path):
            return _chart_around(path)
        return path if os.path.isfile(path) and _may_be_meant(read(path)) else None

    def check(self, path: str) -> CheckedFolder:
        content = read(path)
        problems = content.problems
        if os.path.isfile(path):  # there is no file in it that an editor could open
            problems = tuple(
                replace(problem, file=None, line=None, message=f"{problem.file}: {problem.message}")
                if problem.file and problem.file != path
                else problem
                for problem in problems
            )
        main = "" if os.path.isfile(path) or content.noun != "chart" else CHART
        return CheckedFolder(path, content, problems, noun=content.noun, main=main, rules=RULES)


def _may_be_meant(content: Content) -> bool:
    """Not an archive of something else: a pre-commit hook names every file that changes."""
    return not any(
        problem.rule == "bundle-empty" or problem.message.startswith(NO_CHART) for problem in content.problems
    )


def is_archive(path: str) -> bool:
    """Whether the path has the name of a chart's or bundle's archive."""
    return path.endswith(_ARCHIVES)


def read(path: str) -> Content:
    """The chart or policy at the path."""
    is_chart = _is_chart(path) if os.path.isdir(path) else path.endswith(".tgz")
    return read_chart_source(path) if is_chart else read_bundle(path, _ANY_VERSION)


def _is_chart(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, CHART))


def _has_policies(folder: str) -> bool:
    return any(name.endswith(".rego") for _, _, names in os.walk(folder) for name in names)


def _chart_around(path: str) -> str | None:
    """The outermost chart that contains the file: its subcharts belong to it."""
    found, folder = None, os.path.dirname(path)
    while True:
        if _is_chart(folder or "."):
            found = folder or "."
        if folder in ("", "/"):
            return found
        folder = os.path.dirname(folder)
