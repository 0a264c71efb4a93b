"""A program's profiles as the inputs of ClusterProfile, from its settings, its packs and their folders; no network.

The packs of this stack are known here: version, values.yaml and layer come from the folder. Of other packs Palette says
what they are, at `up`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from packinfra.lifecycle.profiles.references import unused
from packinfra.lifecycle.profiles.validation import by_semver, profile_problems
from packinfra.lifecycle.profiles.values_edit import EditError, edit
from packinfra.packs.pack import Pack
from packinfra.packs.similar import similar
from packinfra.settings.profiles import ProfilePackSettings, ProfileSettings, VariableSettings
from packinfra.text import listed, quoted

Packs = Mapping[str, Sequence[Pack]]
"""Name -> its versions, each a folder."""
_LARGEST = 4 << 20
_UNKNOWN = "0.0.0-unknown"
"""Of a pack without folder, which is a problem of its own."""


class PlannedProfile(NamedTuple):
    """props: inputs of ClusterProfile; own: names of its packs that are of this stack; warnings: for the user"""

    props: dict[str, Any]
    own: Sequence[str]
    warnings: Sequence[str]


def plan_profiles(
    profiles: Mapping[str, ProfileSettings], packs: Packs, registry: str, root: Path
) -> tuple[dict[str, PlannedProfile], list[str]]:
    """(profile's name -> its plan; every problem of every profile)

    Args:
        registry: The name of this stack's registry in Palette.
        root: The folder that `values` are relative to.
    """
    planned, problems = {}, list[str]()
    for name, settings in profiles.items():
        plan, found = _plan(name, settings, packs, registry, root)
        planned[name] = plan
        problems += [f"profile {name}: {problem}" for problem in dict.fromkeys(found)]
    return planned, problems


def _plan(
    name: str, settings: ProfileSettings, packs: Packs, registry: str, root: Path
) -> tuple[PlannedProfile, list[str]]:
    planner = _Layers(packs, registry, root)
    layers = [planner.layer(entry) for entry in settings.packs]
    problems, warnings = planner.problems, planner.warnings
    _clouds(settings, layers, packs, problems)
    props = {
        "profileName": name,
        "project": settings.project,
        "type": settings.type,
        "cloud": settings.cloud,
        "version": _version(settings, layers, registry, problems),
        "description": settings.description,
        "tags": {key: value or "" for key, value in settings.tags.items()},
        "variables": [_variable(variable, of) for variable, of in settings.variables.items()],
        "sensitiveDefaults": {
            variable: of.default
            for variable, of in settings.variables.items()
            if of.sensitive and of.default is not None
        },
        "layers": layers,
        "keepVersions": settings.keep,
        "immutable": settings.immutable,
    }
    problems += profile_problems(props)
    values = {str(layer["name"]): layer["values"] for layer in layers if "values" in layer}
    if len(values) == len(layers) and (idle := unused(values, settings.variables)):
        warnings.append(f"no pack's values use the variable{'s' if len(idle) > 1 else ''} {listed(idle)}")
    own = [str(layer["name"]) for layer in layers if layer["registry"] == registry and layer["name"] in packs]
    return PlannedProfile(
        {key: value for key, value in props.items() if value not in (None, {})}, own, warnings
    ), problems


@dataclass(frozen=True)
class _Layers:
    """Reads the layers of one profile, and collects what is wrong with them."""

    packs: Packs
    registry: str
    root: Path
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def layer(self, entry: ProfilePackSettings) -> dict[str, Any]:
        pack, version = None, entry.version
        # A pack of this registry without a folder is Palette's to know: copied, or of another stack.
        if entry.registry is None or (entry.registry == self.registry and entry.name in self.packs):
            pack = self._folder(entry)
            version = version or (pack.version if pack else _UNKNOWN)
        layer: dict[str, Any] = {
            "name": entry.name,
            "registry": entry.registry or self.registry,
            "version": version or "",
        }
        if pack:
            layer["layer"] = pack.layer
        values = self._read_values(entry) if entry.values else pack.values if pack else None
        if values is None:
            return {**layer, **({"set": dict(entry.set)} if entry.set else {})}
        try:
            values, added = edit(values, dict(sorted(entry.set.items())))
        except EditError as error:
            self._problem(entry, f"set: {error}")
            added = ()
        if added:
            self.warnings.append(
                f"pack {entry.name}: set: {listed(added)}: not in its values so far, so it is added: is it spelled right?"
            )
        return {**layer, "values": values}

    def _folder(self, entry: ProfilePackSettings) -> Pack | None:
        """The pack's folder. None: there is none of this version, which may be published all the same."""
        versions = self.packs.get(entry.name)
        if not versions:
            near = similar(entry.name, self.packs)
            meant = f"did you mean {near}? Or " if near else ""
            self._problem(
                entry,
                f"no folder of this stack holds it: {meant}bring its folder back, or name its registry, as in registry: "
                f'"Public Repo"; or registry: {quoted(self.registry)}, and its version, if packinfra:copies or another '
                "stack brings it there",
            )
            return None
        if entry.version is None:
            return max(versions, key=lambda pack: by_semver(pack.version))
        return next((pack for pack in versions if pack.version == entry.version), None)

    def _read_values(self, entry: ProfilePackSettings) -> str | None:
        path = self.root / str(entry.values)
        try:
            if path.stat().st_size <= _LARGEST:
                return path.read_bytes().decode("utf-8-sig")
            reason = f"it is larger than {_LARGEST >> 20} MiB"
        except UnicodeDecodeError:
            reason = "it is not UTF-8 text"
        except FileNotFoundError:
            reason = "there is no such file; the path is relative to the project"
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except ValueError:
            reason = "a path has no null characters"
        self._problem(entry, f"values: {entry.values}: {reason}")
        return None

    def _problem(self, entry: ProfilePackSettings, text: str) -> None:
        self.problems.append(f"pack {entry.name}: {text}")


def _version(
    settings: ProfileSettings, layers: Sequence[Mapping[str, Any]], registry: str, problems: list[str]
) -> str | None:
    if isinstance(settings.version, str):
        return settings.version
    wanted = settings.version.pack
    for layer in layers:
        if layer["name"] == wanted and layer["registry"] == registry:
            return layer["version"] or None
    own = [str(layer["name"]) for layer in layers if layer["registry"] == registry]
    there = f"; of this stack there are {listed(own)}" if own else ""
    problems.append(f"version: from: {wanted}: the profile has no pack of this name of this stack{there}")
    return None


def _clouds(settings: ProfileSettings, layers: Sequence[Mapping[str, Any]], packs: Packs, problems: list[str]) -> None:
    for layer in layers:
        for pack in packs.get(str(layer["name"]), ()):
            clouds = pack.metadata.get("cloudTypes") or []
            if "layer" in layer and pack.version == layer["version"] and not fits_cloud(settings.cloud, clouds):
                problems.append(
                    f"pack {pack.name} {pack.version} is for {listed(clouds)}, the profile for {settings.cloud}: set "
                    "cloud to one of those, or cloudTypes in its pack.json"
                )


def fits_cloud(cloud: str, clouds: Sequence[str]) -> bool:
    """Whether a pack for these clouds can be in a profile for that one; none named: for all."""
    return cloud == "all" or not clouds or "all" in clouds or cloud in clouds


def _variable(name: str, of: VariableSettings) -> dict[str, Any]:
    values = {
        "name": name, "displayName": of.display_name, "description": of.description, "format": of.format,
        "inputType": of.input_type, "regex": of.regex, "options": list(of.options), "required": of.required,
        "hidden": of.hidden, "immutable": of.immutable, "sensitive": of.sensitive,
        "default": None if of.sensitive else of.default,
    }  # fmt: skip
    return {key: value for key, value in values.items() if value not in (None, "", [], False)}
