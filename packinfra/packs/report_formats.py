"""The result of checking packs for programs: JSON, GitHub, GitLab, SARIF, JUnit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from packinfra.packs.report import CheckedFolder, as_text
from packinfra.packs.rules import RULES
from packinfra.packs.rules.rule import Problem
from packinfra.text import plural, printable

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_json(checked: Sequence[CheckedFolder]) -> str:
    """The shape is documented in docs/checking-packs.md: keys can be added, never changed."""
    return json.dumps({"packs": [_pack(each) for each in checked]}, indent=2)


def _pack(each: CheckedFolder) -> dict[str, Any]:
    pack = each.pack
    return {
        "path": each.path,
        "kind": each.noun,
        "name": pack.name if pack else "",
        "version": pack.version if pack else "",
        "contentDigest": pack.content_digest if pack and pack.files else None,
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
        "leftOut": [{"path": path, "reason": reason} for path, reason in (pack.left_out if pack else ())],
    }


def as_github(checked: Sequence[CheckedFolder]) -> str:
    """Workflow commands of GitHub Actions, which become annotations, and the report."""
    lines = []
    for each, problem in _problems(checked):
        properties = {"file": _path(each, problem), "line": problem.line, "title": problem.rule}
        shown = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
        lines.append(f"::{problem.severity} {shown}::{_data(f'{problem.message} -> {problem.remedy}')}")
    return "\n".join([*lines, as_text(checked)])


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_gitlab(checked: Sequence[CheckedFolder]) -> str:
    """A Code Quality report of GitLab."""
    return json.dumps(
        [
            {
                "description": f"{problem.message} -> {problem.remedy}",
                "check_name": problem.rule,
                "fingerprint": _fingerprint(each, problem),
                "severity": "critical" if problem.severity == "error" else "minor",
                "location": {"path": _path(each, problem), "lines": {"begin": problem.line or 1}},
            }
            for each, problem in _problems(checked)
        ],
        indent=2,
    )


def as_sarif(checked: Sequence[CheckedFolder]) -> str:
    """SARIF 2.1.0, for code scanning."""
    used = {rule.id: rule for known in (RULES, *(each.rules for each in checked)) for rule in known}
    positions = {rule: position for position, rule in enumerate(used)}
    rules = [
        {
            "id": rule.id,
            "shortDescription": {"text": rule.requires},
            "fullDescription": {"text": f"{rule.requires}: {rule.why}"},
            "help": {"text": f"{rule.remedy} ({rule.source})"},
            "defaultConfiguration": {
                "enabled": rule.severity != "off",
                "level": "warning" if rule.severity == "off" else rule.severity,
            },
        }
        for rule in used.values()
    ]
    results = [
        {
            "ruleId": problem.rule,
            "ruleIndex": positions[problem.rule],
            "level": problem.severity,
            "message": {"text": f"{problem.message} -> {problem.remedy}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(_path(each, problem))},
                        **({"region": {"startLine": problem.line}} if problem.line else {}),
                    }
                }
            ],
            "partialFingerprints": {"problem/v1": _fingerprint(each, problem)},
        }
        for each, problem in _problems(checked)
    ]
    run = {
        "tool": {"driver": {"name": "packinfra", "rules": rules}},
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def as_junit(checked: Sequence[CheckedFolder]) -> str:
    """JUnit XML: a test case for each pack, which fails if the pack has errors."""
    failures = sum(each.count("error") > 0 for each in checked)
    suite = ET.Element("testsuite", name="packinfra check", tests=str(len(checked)), failures=str(failures))
    for each in checked:
        case = ET.SubElement(suite, "testcase", classname="packinfra", name=printable(each.path))
        texts = {
            severity: "\n".join(str(problem) for problem in each.problems if problem.severity == severity)
            for severity in ("error", "warning")
        }
        if errors := each.count("error"):
            ET.SubElement(case, "failure", message=plural(errors, "error")).text = texts["error"]
        if texts["warning"]:
            ET.SubElement(case, "system-out").text = texts["warning"]
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False)


FORMATS: dict[str, Callable[[Sequence[CheckedFolder]], str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "gitlab": as_gitlab,
    "sarif": as_sarif,
    "junit": as_junit,
}


def _problems(checked: Sequence[CheckedFolder]) -> Iterator[tuple[CheckedFolder, Problem]]:
    return ((each, problem) for each in checked for problem in each.problems)


def _path(each: CheckedFolder, problem: Problem) -> str:
    """From the working directory. A problem of the whole is shown at its main file."""
    file = problem.file or (each.main if each.pack and each.pack.files else "")
    return printable(f"{each.path.rstrip('/')}/{file}" if file else each.path).removeprefix("./")


def _uri(path: str) -> str:
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in path.encode("utf-8", "surrogatepass"))


def _fingerprint(each: CheckedFolder, problem: Problem) -> str:
    """The same while the problem stays, wherever its line moves."""
    text = f"{_path(each, problem)}\n{problem.rule}\n{problem.message}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
