"""Rules about pack.json."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packinfra.packs.contents import METADATA, Contents
from packinfra.packs.rules.rule import FORMAT, MEASURED, Rule
from packinfra.packs.rules.schema import LAYERS, deviations, kind
from packinfra.packs.violations import RuleViolation, shown

REPOSITORY_COMPONENT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
"""A path component of an ECR repository name (ECR API reference, CreateRepository)."""
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""An OCI tag (distribution specification, "Pulling manifests")."""
LONGEST_NAME = 100
"""With a base path of 128 and /spectro-packs/archive/ it fits ECR's 256; with a version of 128, a file name's 255."""
ADDON_TYPES = (
    "logging", "monitoring", "load balancer", "authentication", "ingress", "security",  # add-custom-packs
    "ai", "app services", "network", "storage", "registry", "servicemesh", "system app",  # pack-constraints
    "csi", "cni", "integration",  # the filter of the Terraform provider
)  # fmt: skip

_NUMBER = r"(?:0|[1-9]\d*)"
_SEMVER = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII)


def _required(contents: Contents) -> Iterator[RuleViolation]:
    if not contents.metadata_read:
        return
    for key in ("name", "displayName", "version", "layer"):
        value, line = contents.metadata.get(key), contents.lines.get((key,))
        if key not in contents.metadata:
            yield RuleViolation("required-key", f'"{key}" is missing', METADATA)
        elif not isinstance(value, str):
            yield RuleViolation("required-key", f'"{key}" is {kind(value)}, not a string', METADATA, line)
        elif not value.strip():
            yield RuleViolation("required-key", f'"{key}" is empty', METADATA, line)


def _string(contents: Contents, key: str) -> str | None:
    value = contents.metadata.get(key)
    return value if isinstance(value, str) and value.strip() else None


def _layer(contents: Contents) -> Iterator[RuleViolation]:
    if (layer := _string(contents, "layer")) and layer not in LAYERS:
        message = f'"layer" is {shown(layer)}, not one of {", ".join(LAYERS)}'
        yield RuleViolation("layer-unknown", message, METADATA, contents.lines.get(("layer",)))


def _name(contents: Contents) -> Iterator[RuleViolation]:
    if not (name := _string(contents, "name")):
        return
    line = contents.lines.get(("name",))
    if not REPOSITORY_COMPONENT.fullmatch(name):
        yield RuleViolation(
            "name-not-a-repository", f"the name {shown(name)} cannot end a repository name", METADATA, line
        )
    elif len(name) > LONGEST_NAME:
        message = f"the name has {len(name)} characters; {LONGEST_NAME} are allowed"
        yield RuleViolation("name-not-a-repository", message, METADATA, line)


def _version(contents: Contents) -> Iterator[RuleViolation]:
    if (version := _string(contents, "version")) and not TAG.fullmatch(version):
        if "+" in version:
            why = "contains a +"
        elif len(version) > 128:
            why = f"has {len(version)} characters; 128 are allowed"
        else:
            why = "contains a character that no tag may have"
        message = f"the version {shown(version)} cannot be an OCI tag: it {why}"
        yield RuleViolation("version-not-a-tag", message, METADATA, contents.lines.get(("version",)))


def _semver(contents: Contents) -> Iterator[RuleViolation]:
    version = _string(contents, "version")
    if version and TAG.fullmatch(version) and not _SEMVER.fullmatch(version):
        why = "begins with a v" if version[0] in "vV" else "is no semantic version"
        message = f"the version {shown(version)} {why}"
        yield RuleViolation("version-not-semver", message, METADATA, contents.lines.get(("version",)))


def _dashes(contents: Contents) -> Iterator[RuleViolation]:
    if (name := _string(contents, "name")) and "--" in name:
        line = contents.lines.get(("name",))
        yield RuleViolation("name-double-dash", f"the name {shown(name)} contains --", METADATA, line)


def _addon_type(contents: Contents) -> Iterator[RuleViolation]:
    addon_type = contents.metadata.get("addonType")
    if contents.metadata.get("layer") == "addon" and addon_type in (None, ""):
        yield RuleViolation("addon-type", 'a pack of the layer addon has no "addonType"', METADATA)
    elif isinstance(addon_type, str) and addon_type and addon_type not in ADDON_TYPES:
        message = f'"addonType" is {shown(addon_type)}'
        yield RuleViolation("addon-type", message, METADATA, contents.lines.get(("addonType",)))


def _schema(contents: Contents) -> Iterator[RuleViolation]:
    for path, message in deviations(contents.metadata):
        line = next((contents.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in contents.lines), None)
        yield RuleViolation("metadata-schema", message, METADATA, line)


RULES: tuple[Rule, ...] = (
    Rule(
        "folder-missing", "error", "the pack folder exists",
        "there is nothing to read", f"give the folder that holds {METADATA}", FORMAT,
    ),
    Rule(
        "metadata-missing", "error", f"{METADATA} stands at the top of the folder",
        "Palette reads name, version and layer from it",
        f"add {METADATA}, or give the folder that holds it", FORMAT,
    ),
    Rule(
        "metadata-invalid", "error", f"{METADATA} is one JSON object in UTF-8",
        "Palette could not read it either", "correct the JSON", FORMAT,
    ),
    Rule(
        "metadata-duplicate-key", "error", f"no key stands twice in {METADATA}",
        "readers differ in which of the two they take", "remove one of the two", "RFC 8259, section 4",
    ),
    Rule(
        "required-key", "error", "`name`, `displayName`, `version` and `layer` are strings with text",
        "both published schemas require exactly these", f"set it in {METADATA}", FORMAT, _required,
    ),
    Rule(
        "layer-unknown", "error", f"`layer` is one of {', '.join(LAYERS)}",
        "Palette offers a pack by its layer", 'use "addon" for anything that is not part of the cluster itself',
        FORMAT, _layer,
    ),
    Rule(
        "name-not-a-repository", "error",
        f"`name` can be the last component of an ECR repository name, and has at most {LONGEST_NAME} characters",
        "the repository's last component must equal the pack's name",
        "use lower-case letters and digits, with single . _ or - between them",
        "Palette documentation, Add a Pack to an ECR Registry; ECR API reference, CreateRepository", _name,
    ),
    Rule(
        "version-not-a-tag", "error", "`version` can be an OCI tag",
        "the tag must equal the version, and a tag has at most 128 of A-Z a-z 0-9 . _ - and no + (SemVer build "
        "metadata)",
        "write the version without + and other special characters, for example 1.2.3-build.4",
        "distribution specification, Pulling manifests", _version,
    ),
    Rule(
        "version-not-semver", "warning", "`version` is a semantic version without a leading v",
        "Palette and Terraform sort versions, and pack-central refuses the v; 21 of 220 public packs differ",
        "write three numbers without leading zeros, for example 1.4.0", "semver.org 2.0.0; " + MEASURED, _semver,
    ),
    Rule(
        "name-double-dash", "warning", "`name` contains no --",
        "Palette and Terraform split the names of profiles at it", "use a single -",
        "terraform-provider-spectrocloud, data_source_pack.go", _dashes,
    ),
    Rule(
        "addon-type", "warning", "`addonType` is one of " + ", ".join(ADDON_TYPES),
        "Palette groups and filters add-on packs by it", 'choose the nearest one, for example "app services"',
        "Palette documentation, Add-on Packs and Pack Constraints", _addon_type,
    ),
    Rule(
        "metadata-schema", "warning", f"{METADATA} keeps to the published schema",
        "Palette may not understand what deviates", "correct the value, or remove the key", FORMAT, _schema,
    ),
)  # fmt: skip
