"""Rules about pack.json."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from packinfra.packs.contents import METADATA, Contents
from packinfra.packs.metadata_schema import SchemaError, schema
from packinfra.packs.rules.rule import FORMAT, Rule
from packinfra.packs.similar import similar
from packinfra.packs.versions import is_version
from packinfra.packs.violations import RuleViolation
from packinfra.text import quoted

_KEYS: dict[str, Any] = schema()["properties"]
LAYERS: tuple[str, ...] = tuple(schema()["$defs"]["layer"]["enum"])
REPOSITORY_COMPONENT = re.compile(_KEYS["name"]["pattern"])
"""A path component of an ECR repository name (ECR API reference, CreateRepository)."""
LONGEST_NAME: int = _KEYS["name"]["maxLength"]
"""With a base path of 128 and /spectro-packs/archive/ it fits ECR's 256; with a version of 128, a file name's 255."""
TAG = re.compile(_KEYS["version"]["pattern"])
"""An OCI tag (distribution specification, "Pulling manifests")."""
LONGEST_TAG = 128
ADDON_TYPES = (
    "logging", "monitoring", "load balancer", "authentication", "ingress", "security",  # add-custom-packs
    "ai", "app services", "network", "storage", "registry", "servicemesh", "system app",  # pack-constraints
    "csi", "cni", "integration",  # the filter of the Terraform provider
)  # fmt: skip
_SYNONYMS = {"manifests": "kubeManifests", "manifest": "kubeManifests", "roles": "ansibleRoles", "clouds": "cloudTypes"}
_MOST_UNKNOWN = 20


def conforms(rule: str, contents: Contents) -> Iterator[RuleViolation]:
    """Where pack.json doesn't conform to its JSON Schema, as far as `rule` covers it."""
    for error in contents.schema_errors:
        if _rule(error) == rule:
            ways = (error.path[:length] for length in range(len(error.path), 0, -1))  # from the value outwards
            line = next((contents.lines[path] for path in ways if path in contents.lines), None)
            yield RuleViolation(rule, error.message, METADATA, line)


def _rule(error: SchemaError) -> str:
    """The id of the rule that covers an error of the JSON Schema; "" where another check says it better."""
    key = error.path[0] if error.path else None
    if key in ("name", "version") and error.keyword != "type" and not error.message.endswith("is empty"):
        return ""  # _name and _version
    if key in ("charts", "kubeManifests"):
        return "listed-file-missing"
    if error.path == ("layer",) and error.keyword == "enum":
        return "layer-unknown"
    return "required-key" if key in (None, *schema()["required"]) else "metadata-schema"


def _string(contents: Contents, key: str) -> str | None:
    value = contents.metadata.get(key)
    return value if isinstance(value, str) and value.strip() else None


def _name(contents: Contents) -> Iterator[RuleViolation]:
    if not (name := _string(contents, "name")):
        return
    line = contents.lines.get(("name",))
    if not REPOSITORY_COMPONENT.fullmatch(name):
        message = f"the name {quoted(name)} cannot be the last component of a repository name"
        yield RuleViolation("name-not-a-repository", message, METADATA, line)
    elif len(name) > LONGEST_NAME:
        message = f"the name has {len(name)} characters; {LONGEST_NAME} are allowed"
        yield RuleViolation("name-not-a-repository", message, METADATA, line)


def _version(contents: Contents) -> Iterator[RuleViolation]:
    if (version := _string(contents, "version")) and not TAG.fullmatch(version):
        if "+" in version:
            reason = "contains a +"
        elif len(version) > LONGEST_TAG:
            reason = f"has {len(version)} characters; {LONGEST_TAG} are allowed"
        else:
            reason = "contains a character that no tag can have"
        message = f"the version {quoted(version)} cannot be an OCI tag: it {reason}"
        yield RuleViolation("version-not-a-tag", message, METADATA, contents.lines.get(("version",)))


def _semver(contents: Contents) -> Iterator[RuleViolation]:
    version, line = _string(contents, "version"), contents.lines.get(("version",))
    if not version or not TAG.fullmatch(version):
        return
    if version[0] in "vV" and is_version(version[1:]):
        message = f"the version {quoted(version)} begins with a v"
        yield RuleViolation("version-not-semver", message, METADATA, line, f'write "{version[1:]}"')
    elif not is_version(version):
        message = (
            f"the version {quoted(version)} is not a semantic version, so Terraform cannot sort the pack's versions"
        )
        yield RuleViolation("version-not-semver", message, METADATA, line)


def unknown_keys(contents: Contents) -> dict[str, str]:
    """Keys that were probably meant to be others, which pack.json doesn't have: {"manifests": "kubeManifests"}."""
    unknown = [key for key in contents.metadata if key not in _KEYS][:_MOST_UNKNOWN]
    free = [key for key in _KEYS if key not in contents.metadata]
    near = {key: similar(_SYNONYMS.get(key, key), free, 0.85) for key in unknown}
    return {key: other for key, other in near.items() if other}


def _unknown(contents: Contents) -> Iterator[RuleViolation]:
    for key, other in unknown_keys(contents).items():
        message = f"{quoted(key)} is not a key that Palette knows"
        yield RuleViolation(
            "metadata-unknown-key", message, METADATA, contents.lines.get((key,)), f"did you mean {other}?"
        )


def _dashes(contents: Contents) -> Iterator[RuleViolation]:
    if (name := _string(contents, "name")) and "--" in name:
        line = contents.lines.get(("name",))
        yield RuleViolation("name-double-dash", f"the name {quoted(name)} contains --", METADATA, line)


def _addon_type(contents: Contents) -> Iterator[RuleViolation]:
    addon_type = contents.metadata.get("addonType")
    if contents.metadata.get("layer") == "addon" and addon_type in (None, ""):
        yield RuleViolation("addon-type", 'a pack of the layer addon has no "addonType"', METADATA)
    elif isinstance(addon_type, str) and addon_type and addon_type not in ADDON_TYPES:
        near = similar(addon_type, ADDON_TYPES)
        message, remedy = f'"addonType" is {quoted(addon_type)}', f'did you mean "{near}"?' if near else None
        yield RuleViolation("addon-type", message, METADATA, contents.lines.get(("addonType",)), remedy)


RULES: tuple[Rule, ...] = (
    Rule(
        "folder-missing", "error", "the pack folder exists",
        "there is nothing to read", f"give the folder that contains {METADATA}", FORMAT,
    ),
    Rule(
        "metadata-missing", "error", f"{METADATA} is in the root folder",
        "Palette reads name, version and layer from it",
        f"add {METADATA}, or give the folder that contains it", FORMAT,
    ),
    Rule(
        "metadata-invalid", "error", f"{METADATA} is one JSON object in UTF-8",
        "Palette cannot read anything else", "correct the JSON", FORMAT,
    ),
    Rule(
        "metadata-duplicate-key", "error", f"no object in {METADATA} has a key twice",
        "readers differ in which of the two they take", "remove one of the two", "RFC 8259, section 4",
    ),
    Rule(
        "annotations-duplicate-key", "warning", f"no annotation in {METADATA} is there twice",
        "readers differ in which of the two they take", "remove one of the two", "RFC 8259, section 4",
    ),
    Rule(
        "required-key", "error", "`name`, `displayName`, `version` and `layer` are strings with text",
        "both published schemas require exactly these", f"set it in {METADATA}", FORMAT,
        partial(conforms, "required-key"),
    ),
    Rule(
        "layer-unknown", "error", f"`layer` is one of {', '.join(LAYERS)}",
        "Palette offers a pack by its layer", 'use "addon" for anything that is not part of the cluster itself',
        FORMAT, partial(conforms, "layer-unknown"),
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
        f"the tag must equal the version, and a tag has at most {LONGEST_TAG} of A-Z a-z 0-9 . _ - and no + (SemVer "
        "build metadata)",
        "write the version without + and other special characters, for example 1.2.3-build.4",
        "distribution specification, Pulling manifests", _version,
    ),
    Rule(
        "version-not-semver", "warning",
        "`version` is one to three numbers, perhaps with a pre-release, and has no leading v",
        "one other version keeps Palette's Terraform provider from finding the latest of all; pack-central refuses the v",
        "write up to three numbers, for example 1.4.0, 22.04 or 1.4.0-rc.1",
        "Masterminds/semver, NewVersion; terraform-provider-spectrocloud, data_source_pack.go", _semver,
    ),
    Rule(
        "metadata-unknown-key", "warning", f"no key of {METADATA} is nearly one that Palette knows",
        "Palette ignores keys that it does not know", "correct the key", FORMAT, _unknown,
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
        "metadata-schema", "warning", f"{METADATA} conforms to the published schema",
        "Palette may not understand other values", "correct the value, or remove the key", FORMAT,
        partial(conforms, "metadata-schema"),
    ),
)  # fmt: skip
