"""The published schema of pack.json, beyond the four required keys: what each key may hold.

Taken from the schema in pack-central's validator, widened by what newer documentation and public packs use: the clouds
`tencent` and `custom`, and `control-plane` beside `master`. Unknown keys are allowed, as in both published schemas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from packinfra.packs.violations import shown

LAYERS = ("kernel", "os", "k8s", "cni", "csi", "addon")
CLOUDS = (
    "all", "aws", "azure", "gcp", "vsphere", "openstack", "baremetal", "maas", "aks", "eks", "tke", "edge", "libvirt",
    "edge-native", "coxedge", "tencent", "custom",
)  # fmt: skip
DEPENDENCIES = ("required", "optional", "notSupported", "upgrade")
RESOURCES = ("cpu", "memory", "diskSize")
SCHEDULES = ("all", "worker", "control-plane", "master")

Path = tuple[str | int, ...]
Deviation = tuple[Path, str]


def deviations(metadata: Mapping[str, Any]) -> Iterator[Deviation]:
    """Where pack.json leaves the schema, and how."""
    for key in ("addonType", "addonSubType", "group", "eol"):
        yield from _string(metadata, key, ())
    yield from _one_of(metadata, "cloudType", CLOUDS, ())
    yield from _eol(metadata.get("eol"))
    wrong: list[Deviation] = []
    for index, cloud in _items(metadata, "cloudTypes", wrong):
        if cloud not in CLOUDS:
            yield ("cloudTypes", index), f'"cloudTypes" holds {_value(cloud)}, not one of {", ".join(CLOUDS)}'
    for index, role in _items(metadata, "ansibleRoles", wrong):
        if not isinstance(role, str):
            yield ("ansibleRoles", index), f'"ansibleRoles" holds {kind(role)}, not a string'
    yield from wrong
    yield from _annotations(metadata.get("annotations"))
    yield from _constraints(metadata.get("constraints"))


def kind(value: object) -> str:
    """A JSON value's type as people say it."""
    kinds = {
        bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object", str: "a string",
    }  # fmt: skip
    return kinds.get(type(value), "null")


def _value(value: object) -> str:
    return shown(value) if isinstance(value, str) else kind(value)


def _string(holder: Mapping[str, Any], key: str, where: Path) -> Iterator[Deviation]:
    if holder.get(key) is not None and not isinstance(holder[key], str):
        yield (*where, key), f'"{key}" is {kind(holder[key])}, not a string'


def _one_of(holder: Mapping[str, Any], key: str, allowed: tuple[str, ...], where: Path) -> Iterator[Deviation]:
    if holder.get(key) is not None and holder[key] not in allowed:
        yield (*where, key), f'"{key}" is {_value(holder[key])}, not one of {", ".join(allowed)}'


def _eol(eol: object) -> Iterator[Deviation]:
    if isinstance(eol, str) and eol.strip():
        try:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", eol, re.ASCII):
                raise ValueError  # noqa: TRY301 - fromisoformat accepts other forms, too
            date.fromisoformat(eol)
        except ValueError:
            yield ("eol",), f'"eol" is {shown(eol)}, not a date such as 2027-01-31'


def _items(holder: Mapping[str, Any], key: str, wrong: list[Deviation], where: Path = ()) -> Iterator[tuple[int, Any]]:
    """The items of the list `key`; if it is no list, that goes to `wrong`."""
    value = holder.get(key)
    if isinstance(value, list):
        yield from enumerate(value)
    elif value is not None:
        wrong.append(((*where, key), f'"{key}" is {kind(value)}, not a list'))


def _annotations(annotations: object) -> Iterator[Deviation]:
    if isinstance(annotations, dict):
        for key, value in annotations.items():
            if not isinstance(value, str):
                yield ("annotations", key), f"the annotation {shown(key)} is {kind(value)}, not a string"
    elif annotations is not None:
        yield ("annotations",), f'"annotations" is {kind(annotations)}, not an object'


def _constraints(constraints: object) -> Iterator[Deviation]:
    if constraints is None:
        return
    if not isinstance(constraints, dict):
        yield ("constraints",), f'"constraints" is {kind(constraints)}, not an object'
        return
    wrong: list[Deviation] = []
    for index, entry in _items(constraints, "dependencies", wrong, ("constraints",)):
        yield from _dependency(entry, ("constraints", "dependencies", index))
    for index, entry in _items(constraints, "resources", wrong, ("constraints",)):
        yield from _resource(entry, ("constraints", "resources", index))
    yield from wrong


def _dependency(entry: object, where: Path) -> Iterator[Deviation]:
    if not isinstance(entry, dict):
        yield where, f"a dependency is {kind(entry)}, not an object"
        return
    given = {key: value for key, value in entry.items() if value not in (None, "")}
    for key in ("packName", "layer", "type"):
        if key not in given:
            yield where, f'a dependency has no "{key}"'
    for key in ("packName", "minVersion", "maxVersion"):
        yield from _string(given, key, where)
    yield from _one_of(given, "layer", LAYERS, where)
    yield from _one_of(given, "type", DEPENDENCIES, where)


def _resource(entry: object, where: Path) -> Iterator[Deviation]:
    if not isinstance(entry, dict):
        yield where, f"a resource is {kind(entry)}, not an object"
        return
    if entry.get("type") is None:
        yield where, 'a resource has no "type"'
    yield from _one_of(entry, "type", RESOURCES, where)
    limit = entry.get("minLimit")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, float))):
        yield (*where, "minLimit"), f'"minLimit" is {kind(limit)}, not a number'
    wrong: list[Deviation] = []
    for index, component in _items(entry, "components", wrong, where):
        place = (*where, "components", index)
        if not isinstance(component, dict):
            yield place, f"a component is {kind(component)}, not an object"
        elif component.get("scheduleType") is None:
            yield place, 'a component has no "scheduleType"'
        else:
            yield from _one_of(component, "scheduleType", SCHEDULES, place)
    yield from wrong
