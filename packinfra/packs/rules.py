"""The rules a pack must keep, one entry each. All are evaluated; none stops at the first finding.

Only what a push, or Palette's first look at the pack, cannot do without is an error: 61 of 220 public packs fail
pack-central's own validator, so anything stricter would refuse packs that work.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from packinfra.packs.contents import METADATA, VALUES, Contents, Finding

Severity = Literal["error", "warning"]

LAYERS = ("kernel", "os", "k8s", "cni", "csi", "addon")
REPOSITORY_COMPONENT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
"""A path component of an ECR repository name (ECR API reference, CreateRepository)."""
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""An OCI tag (distribution specification, "Pulling manifests")."""

Check = Callable[[Contents], Iterable[Finding]]


@dataclass(frozen=True)
class Problem:
    """One finding about a pack: which rule, how bad, what, what to do, and where."""

    rule: str
    severity: Severity
    message: str
    remedy: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = "" if self.file is None else f"{self.file}{'' if self.line is None else f':{self.line}'}: "
        return f"{place}{self.message} [{self.rule}]\n      -> {self.remedy}"


@dataclass(frozen=True)
class Rule:
    """One rule: what it demands, why, what to do about a violation, and where the rule comes from."""

    id: str
    severity: Severity
    demands: str
    why: str
    remedy: str
    source: str
    check: Check | None = None
    """None: reading the folder finds it."""


def judge(contents: Contents) -> tuple[Problem, ...]:
    """All problems of a pack: errors first, each group in the order of the rules."""
    known = {rule.id: rule for rule in RULES}
    findings = [*contents.findings]
    for rule in RULES:
        if rule.check:
            findings += rule.check(contents)
    problems = [
        Problem(f.rule, known[f.rule].severity, f.message, known[f.rule].remedy, f.file, f.line) for f in findings
    ]
    return tuple(sorted(problems, key=lambda p: p.severity))  # "error" sorts before "warning"; the sort is stable


def _required(contents: Contents) -> Iterator[Finding]:
    if any(f.rule.startswith("metadata-") for f in contents.findings):
        return  # nothing could be read, which has been said
    for key in ("name", "displayName", "version", "layer"):
        value = contents.metadata.get(key)
        if key not in contents.metadata:
            yield Finding("required-key", f'"{key}" is missing', METADATA)
        elif not isinstance(value, str):
            yield Finding("required-key", f'"{key}" is {_kind(value)}, not a string', METADATA)
        elif not value.strip():
            yield Finding("required-key", f'"{key}" is empty', METADATA)


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(type(value), "null")


def _string(contents: Contents, key: str) -> str | None:
    value = contents.metadata.get(key)
    return value if isinstance(value, str) and value.strip() else None


def _layer(contents: Contents) -> Iterator[Finding]:
    if (layer := _string(contents, "layer")) and layer not in LAYERS:
        yield Finding("layer-unknown", f'"layer" is "{layer}", not one of {", ".join(LAYERS)}', METADATA)


def _name(contents: Contents) -> Iterator[Finding]:
    if (name := _string(contents, "name")) and not REPOSITORY_COMPONENT.fullmatch(name):
        yield Finding("name-not-a-repository", f'the name "{name}" cannot end a repository name', METADATA)


def _version(contents: Contents) -> Iterator[Finding]:
    if (version := _string(contents, "version")) and not TAG.fullmatch(version):
        if "+" in version:
            why = "contains a +"
        elif len(version) > 128:
            why = f"has {len(version)} characters; 128 are allowed"
        else:
            why = "contains a character that no tag may have"
        yield Finding("version-not-a-tag", f'the version "{version}" cannot be an OCI tag: it {why}', METADATA)


def _values(contents: Contents) -> Iterator[Finding]:
    if VALUES not in contents.files and not any(f.file == VALUES for f in contents.findings):
        yield Finding("values-missing", f"the folder has no {VALUES}")


def _listed(contents: Contents) -> Iterator[Finding]:
    for key in ("charts", "kubeManifests"):
        listed = contents.metadata.get(key)
        if listed is None:
            continue
        if not isinstance(listed, list) or not all(isinstance(path, str) for path in listed):
            yield Finding("listed-file-missing", f'"{key}" is not a list of paths', METADATA)
            continue
        for path in listed:
            inside = posixpath.normpath(path)
            if path.startswith("/") or inside == ".." or inside.startswith("../"):
                yield Finding("listed-file-missing", f'"{key}" lists "{path}", which lies outside the pack', METADATA)
            elif inside not in contents.files:
                yield Finding("listed-file-missing", f'"{key}" lists "{path}", which the pack lacks', METADATA)


_FORMAT = "Palette documentation, Add-on Packs; JSON schema of pack-central's validator"
_ARCHIVE = "docs/architecture.md, The archive"

RULES: tuple[Rule, ...] = (
    Rule(
        "metadata-missing", "error", f"{METADATA} stands at the top of the folder",
        "Palette reads name, version and layer from it",
        f"add {METADATA}, or give the folder that holds it", _FORMAT,
    ),
    Rule(
        "metadata-invalid", "error", f"{METADATA} is one JSON object in UTF-8",
        "Palette could not read it either", "correct the JSON", _FORMAT,
    ),
    Rule(
        "metadata-duplicate-key", "error", f"no key stands twice in {METADATA}",
        "readers differ in which of the two they take", "remove one of the two", "RFC 8259, section 4",
    ),
    Rule(
        "required-key", "error", "name, displayName, version and layer are strings with text",
        "both published schemas require exactly these", f"set it in {METADATA}", _FORMAT, _required,
    ),
    Rule(
        "layer-unknown", "error", f"layer is one of {', '.join(LAYERS)}",
        "Palette offers a pack by its layer", 'use "addon" for anything that is not part of the cluster itself',
        _FORMAT, _layer,
    ),
    Rule(
        "name-not-a-repository", "error", "name can be the last component of an ECR repository name",
        "the repository's last component must equal the pack's name",
        "use lower-case letters and digits, with single . _ or - between them",
        "Palette documentation, Add a Pack to an ECR Registry; ECR API reference, CreateRepository", _name,
    ),
    Rule(
        "version-not-a-tag", "error", "version can be an OCI tag",
        "the tag must equal the version, and a tag has at most 128 of A-Z a-z 0-9 . _ - and no + (SemVer build "
        "metadata)",
        "write the version without + and other special characters, for example 1.2.3-build.4",
        "distribution specification, Pulling manifests", _version,
    ),
    Rule(
        "values-missing", "error", f"{VALUES} stands at the top of the folder; it may be empty",
        "Palette requires it of every pack", f"add {VALUES}, empty if the pack has no parameters", _FORMAT, _values,
    ),
    Rule(
        "listed-file-missing", "error", "every chart and manifest that pack.json lists is in the pack",
        "Palette deploys what the lists name", "add the file, or correct the list", _FORMAT, _listed,
    ),
    Rule(
        "link-leaves-pack", "error", "links stay inside the pack",
        "the file behind it may be private, and other machines don't have it",
        "put the file itself into the pack", _ARCHIVE,
    ),
    Rule("link-loop", "error", "no link leads to a folder above it", "the pack would never end",
         "remove the link", _ARCHIVE),
    Rule("special-file", "error", "a pack holds regular files and folders", "nothing else can be archived",
         "remove it", _ARCHIVE),
    Rule("unreadable", "error", "every file can be read", "an archive without it would be another pack",
         "give yourself read permission, or remove the file", _ARCHIVE),
    Rule("changing", "error", "no file changes while it is read", "the digest would name bytes that never were",
         "run again when whatever writes the file has finished", _ARCHIVE),
    Rule("name-not-utf8", "error", "file names are UTF-8", "other machines would read another name",
         "rename the file", _ARCHIVE),
    Rule("name-control-character", "error", "file names have no control characters",
         "they cannot be told apart in any listing", "rename the file", _ARCHIVE),
)  # fmt: skip
