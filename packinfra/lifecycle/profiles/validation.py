"""What is wrong with a profile, as far as it can be known without Palette: every problem, in terms of its keys.

The sources are Palette's documentation (Create Cluster Profiles, Profile Variables) and terraform-provider-spectrocloud;
what only Palette knows is left to its dry run.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packinfra.lifecycle.profiles.references import undefined
from packinfra.lifecycle.profiles.values_edit import EditError, split_path
from packinfra.palette.profile import TYPES
from packinfra.text import listed, quoted

CORE = ("kernel", "os", "k8s", "cni", "csi")
"""The layers of an infrastructure profile, in Palette's order."""
_REQUIRED = ("os", "k8s", "cni")
_NUMBER = r"(?:0|[1-9]\d*)"
_IDENTIFIER = rf"(?:{_NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_CLOUD = re.compile(r"[a-z][a-z0-9-]*")
_VARIABLE = re.compile(r"[A-Za-z][\w-]*")


def is_semver(version: str) -> bool:
    """Strictly: Palette's console rejects v1.2."""
    return bool(_SEMVER.fullmatch(version))


def by_semver(version: str) -> tuple[Any, ...]:
    """Sorts by precedence: a prerelease comes before its release. Of other texts, the numbers count."""
    core, _, pre = version.partition("+")[0].partition("-")
    numbers = tuple(int(number) for number in re.findall(r"\d+", core))
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split("."))
    return numbers, not pre, parts


def profile_problems(props: Mapping[str, Any]) -> list[str]:
    """Of a profile's properties; values that aren't known yet are left out."""
    problems = [*_head(props)]
    layers = _known(props.get("layers"))
    if isinstance(props.get("layers") or [], list):
        problems += _layers(layers)
    known = [str(layer["layer"]) for layer in layers if layer.get("layer")]
    if known and isinstance(kind := props.get("type"), str):
        problems += order_problems(kind, known, complete=len(known) == len(layers))
    variables, sensitive = _known(props.get("variables")), props.get("sensitiveDefaults") or {}
    problems += _variables(variables, sensitive if isinstance(sensitive, Mapping) else {})
    values = {str(layer.get("name")): layer["values"] for layer in layers if isinstance(layer.get("values"), str)}
    return [*problems, *undefined(values, [str(variable.get("name")) for variable in variables])]


def _known(entries: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


def _head(props: Mapping[str, Any]) -> Iterator[str]:
    name, version, kind, cloud = (props.get(key) for key in ("profileName", "version", "type", "cloud"))
    if isinstance(name, str) and not re.fullmatch(r"[A-Za-z0-9](?:[\w .-]*[A-Za-z0-9])?", name):
        yield f"name: {quoted(name)}: use letters and digits, with - . _ or a space between them"
    if isinstance(version, str) and not is_semver(version):
        yield f'version: {quoted(version)} is not SemVer: write three numbers, as in "1.2.0" (or "1.2.0-rc.1")'
    if isinstance(kind, str) and kind not in TYPES:
        yield f"type: {quoted(kind)}: write {', '.join(TYPES)}"
    elif isinstance(cloud, str):
        if not _CLOUD.fullmatch(cloud):
            yield f"cloud: {quoted(cloud)}: write Palette's name of the cloud, such as aws, eks, azure, vsphere, edge-native"
        elif cloud == "all" and kind != "add-on":
            yield f"cloud: all is only for type: add-on: a profile of type {kind} is for one cloud, for example aws"
    keep = props.get("keepVersions")
    if isinstance(keep, int | float) and keep < 1:
        yield f"keepVersions: {keep:g}: keep at least 1, or all"


def _layers(layers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not layers:
        yield "packs: name at least one pack"
    for name, count in Counter(str(layer.get("name")) for layer in layers).items():
        if count > 1:
            yield f"packs: {name} is there {count} times: a profile has each pack once"
    for layer in layers:
        if not layer.get("version"):
            yield f"pack {layer.get('name')}: give its version"
        for path in layer.get("set") or ():
            try:
                split_path(path)
            except EditError as error:
                yield f"pack {layer.get('name')}: set: {error}"


def order_problems(kind: str, layers: Sequence[str], *, complete: bool) -> Iterator[str]:
    """Of the kinds of the layers, in order. complete: all of them are known"""
    core = [layer for layer in layers if layer in CORE]
    if kind == "add-on":
        if core:
            yield f"packs: a profile of type add-on has no layer {listed(core)}: take it out, or use type: full or infra"
        return
    for layer, count in Counter(core).items():
        if count > 1:
            yield f"packs: {count} packs are of the layer {layer}, of which there is only one"
    ranks = [CORE.index(layer) if layer in CORE else len(CORE) for layer in layers]
    if ranks != sorted(ranks):
        yield f"packs: the layers are in the order {', '.join(layers)}; Palette's order is {', '.join(CORE)}, then add-ons"
    if kind == "infra" and len(core) < len(layers):
        yield "packs: a profile of type infra has no add-ons: use type: full, or a profile of type add-on for them"
    if complete and (missing := [layer for layer in _REQUIRED if layer not in core]):
        yield f"packs: a profile of type {kind} needs a pack of each layer {', '.join(_REQUIRED)}; it has no {', '.join(missing)}"


def _variables(variables: Sequence[Mapping[str, Any]], sensitive: Mapping[str, Any]) -> Iterator[str]:
    shown = Counter(str(variable.get("displayName") or variable.get("name")) for variable in variables)
    for name, count in shown.items():
        if count > 1:
            yield f"variables: {count} have the display name {quoted(name)}; it must be unique"
    for variable in variables:
        name = str(variable.get("name"))
        default = sensitive.get(name) if variable.get("sensitive") else variable.get("default")
        for problem in _one_variable(variable, name, default):
            yield f"variable {name}: {problem}"


def _one_variable(variable: Mapping[str, Any], name: str, default: Any) -> Iterator[str]:
    if not _VARIABLE.fullmatch(name):
        yield "use letters, digits, - and _ in its name, with a letter first"
    dropdown, options = variable.get("inputType") == "dropdown", variable.get("options") or ()
    reasons = [
        reason
        for reason, holds in (
            ("hidden and required", variable.get("hidden") and variable.get("required")),
            ("immutable", variable.get("immutable")),
            ("a dropdown", dropdown),
        )
        if holds
    ]
    if reasons and not default:
        yield f"it is {' and '.join(reasons)}, so it needs a default"
    if dropdown != bool(options):
        yield "a dropdown needs options" if dropdown else "options are for inputType: dropdown"
    if not isinstance(default, str) or not default:
        return
    shown = "its default" if variable.get("sensitive") else f"its default {quoted(default)}"
    if dropdown and options and default not in options:
        yield f"{shown} is not one of its options"
    if not _has_format(str(variable.get("format") or "string"), default):
        yield f"{shown} does not match format: {variable.get('format')}"


def _has_format(kind: str, text: str) -> bool:
    if "{{" in text:  # a macro
        return True
    try:
        if kind == "number":
            float(text)
        elif kind == "ipv4":
            ipaddress.IPv4Address(text)
        elif kind == "ipv4cidr":
            ipaddress.IPv4Network(text, strict=False)
            return "/" in text
        elif kind == "ipv6":
            ipaddress.IPv6Address(text)
    except ValueError:
        return False
    if kind == "boolean":
        return text in ("true", "false")
    return kind != "version" or is_semver(text.removeprefix("v"))
