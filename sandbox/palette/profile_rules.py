"""What Palette accepts as layers and variables (palette/behaviour.md PAL-92 to 98, PAL-102)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from sandbox.palette.errors import ApiError, invalid
from sandbox.palette.index import Pack
from sandbox.palette.spec import Json
from sandbox.palette.state import Registry

Problem = tuple[str, str, str]  # pack, code, message
MANIFEST_PACK = "spectro-manifest-pack"
SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*)?(\+[\dA-Za-z-]+(\.[\dA-Za-z-]+)*)?"
)
_CORE = ("kernel", "os", "k8s", "cni", "csi")
_REFERENCE = re.compile(r"\{\{\s*\.spectro\.var\.([A-Za-z0-9_-]+)")
_FORMATS = ("string", "number", "boolean", "ipv4", "ipv4cidr", "ipv6", "version", "base64")
_INPUTS = ("text", "dropdown", "multiline")


def checked_packs(data: Any) -> list[Json]:
    """The packs of a template in the right form. Raises ApiError."""
    packs = data if data is not None else []
    if not isinstance(packs, list):
        raise invalid("template.packs must be a list")
    names = ("name", "type", "layer", "registryUid", "uid", "tag", "values")
    for pack in packs:
        if not isinstance(pack, dict) or not pack.get("name"):
            raise invalid("template.packs[].name is required")
        if not all(isinstance(pack.get(name) or "", str) for name in names):
            raise invalid(f"pack {pack['name']}: {', '.join(names)} must be strings")
        for manifest in pack.get("manifests") or []:
            if not isinstance(manifest, dict) or not isinstance(manifest.get("name"), str):
                raise invalid(f"pack {pack['name']}: manifests[].name is required")
    return packs


def find_pack(registries: Iterable[Registry], pack: Json) -> tuple[Registry, Pack] | None:
    """By registry, uid and name; "a--b" is another layer of the pack b."""
    names = pack["name"], pack["name"].partition("--")[2]
    for registry in registries:
        if pack.get("registryUid") in ("", None, registry.uid):
            for found in registry.packs:
                if found.uid == pack.get("uid") and found.name in names:
                    return registry, found
    return None


def problems(
    packs: list[Json], type_: str, cloud: str, registries: list[Registry], *, partial_values: bool
) -> list[Problem]:
    result: list[Problem] = []
    layers: list[str] = []
    for number, pack in enumerate(packs):
        name = pack["name"]
        if name in (each["name"] for each in packs[:number]):
            result.append((name, "DuplicatePack", f"the pack {name} is in the profile twice"))
        if pack.get("type") == "manifest":
            layers.append(pack.get("layer") or "addon")
            if pack.get("uid") != MANIFEST_PACK:
                result.append((name, "PackNotFound", f"pack uid must be {MANIFEST_PACK} for type manifest"))
            continue
        found = find_pack(registries, pack)
        if found is None or pack.get("tag") not in (found[1].version, found[1].tag):
            where = f"{name} {pack.get('tag')} with uid '{pack.get('uid') or ''}'"
            result.append((name, "PackNotFound", f"pack {where} is not in registry '{pack.get('registryUid') or ''}'"))
            layers.append(pack.get("layer") or "addon")
            continue
        registry, known = found
        layers.append(str(known.about.get("layer") or "addon"))
        if (sent := pack.get("type") or "spectro") != registry.pack_type:
            text = f"PackType '{sent}' is not matching with registry type '{registry.pack_type}'"
            result.append((name, "PackTypeMismatch", text))
        clouds = known.about.get("cloudTypes", [])
        if clouds and "all" not in clouds and cloud not in clouds:
            result.append((name, "CloudTypeMismatch", f"pack {name} is not for cloud {cloud}"))
        if not partial_values:
            result += [
                (name, "PackValuesInvalid", f"Parameter {path} value is required")
                for path in sorted(_paths(known.values) - _paths(pack.get("values") or ""))
            ]
    return result + _layer_problems(layers, type_, cloud)


def _layer_problems(layers: list[str], type_: str, cloud: str) -> list[Problem]:
    core = [layer for layer in layers if layer in _CORE]
    if type_ == "add-on":
        return [("", "InvalidLayers", f"an add-on profile has no core layer: {', '.join(core)}")] if core else []
    result: list[Problem] = []
    if cloud == "all":
        result.append(("", "CloudTypeMismatch", f"cloudType all is for add-on profiles, not for type {type_}"))
    required = ["os", "k8s", "cni", "csi"]
    if [layer for layer in core if layer != "kernel"] != required or layers[: len(core)] != core:
        text = (
            f"core layers must be {', '.join(required)}, in this order and before add-ons; they are {', '.join(core)}"
        )
        result.append(("", "InvalidLayers", text))
    return result


def _paths(text: str) -> set[str]:
    """The parameters of a values.yaml: its leaves, lists as a whole."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return set()

    def leaves(node: Any, path: str) -> Iterable[str]:
        if isinstance(node, dict) and node:
            for key, value in node.items():
                yield from leaves(value, f"{path}.{key}" if path else str(key))
        elif path:
            yield path

    return set(leaves(document, ""))


def undefined(packs: Iterable[Json] | None, variables: Iterable[Json]) -> None:
    """Raises ApiError for a reference to a variable that isn't defined (PAL-98)."""
    defined = {variable["name"] for variable in variables}
    for pack in packs or []:
        text = str(pack.get("values") or "") + "".join(str(m.get("content") or "") for m in pack.get("manifests") or [])
        if missing := sorted(set(_REFERENCE.findall(text)) - defined):
            text = f"pack {pack['name']}: variables are not defined: {', '.join(missing)}"
            raise ApiError(400, "PackVariablesUndefined", text)


def checked_variables(data: Any) -> list[Json]:
    """Raises ApiError (PAL-102)."""
    variables = data if data is not None else []
    if not isinstance(variables, list) or not all(isinstance(each, dict) for each in variables):
        raise invalid("variables must be a list of objects")
    seen: Mapping[str, set[str]] = {"name": set(), "displayName": set()}
    for variable in variables:
        name = variable.get("name")
        if not isinstance(name, str) or not name:
            raise invalid("variables[].name is required")
        for key, values in seen.items():
            value = str(variable.get(key) or name)
            if value in values:
                raise _bad(f"{key} {value} is there twice")
            values.add(value)
        if (variable.get("format") or "string") not in _FORMATS:
            raise _bad(f"{name}: format must be one of {', '.join(_FORMATS)}")
        if (variable.get("inputType") or "text") not in _INPUTS:
            raise _bad(f"{name}: inputType must be one of {', '.join(_INPUTS)}")
        needs_default = (
            (variable.get("hidden") and variable.get("required")) or variable.get("immutable")
            or variable.get("inputType") == "dropdown"
        )  # fmt: skip
        if needs_default and not variable.get("defaultValue"):
            raise _bad(f"{name}: defaultValue is required")
    return variables


def _bad(message: str) -> ApiError:
    return ApiError(400, "InvalidVariable", f"variable {message}")
