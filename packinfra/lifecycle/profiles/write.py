"""Writes one version of a profile: packs are looked up, Palette's dry run comes first, and what it kept is compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from packinfra.errors import PackinfraError
from packinfra.lifecycle.profiles.plan import fits_cloud
from packinfra.lifecycle.profiles.references import undefined
from packinfra.lifecycle.profiles.state import layer_to_props, to_version
from packinfra.lifecycle.profiles.validation import order_problems
from packinfra.lifecycle.profiles.values_edit import EditError, edit
from packinfra.lifecycle.run import Reporter
from packinfra.palette.errors import PackMissing
from packinfra.palette.packs import PackLookup
from packinfra.palette.profile import Layer, ProfileVersion, StoredProfile
from packinfra.palette.profile_differences import differences
from packinfra.palette.profiles import ProfileClient
from packinfra.text import listed, plural, printable


class ProfileRefused(PackinfraError):  # noqa: N818 - reads as what happened
    """A profile can't be written, or not removed, as requested. `str()` lists every reason."""


class Resolved(NamedTuple):
    """wanted: the complete content; layers: the same as state records them"""

    wanted: ProfileVersion
    layers: list[dict[str, Any]]


def resolve(props: Mapping[str, Any], lookup: PackLookup) -> Resolved:
    """Raises ProfileRefused with every layer that can't be, PaletteError if Palette can't be asked."""
    layers: list[Layer] = []
    problems: list[str] = []
    for declared in props["layers"]:
        try:
            layers.append(_layer(declared, lookup, str(props["cloud"]), problems))
        except PackMissing as error:
            problems.append(str(error))
    if not problems:
        problems += order_problems(str(props["type"]), [layer.layer or "addon" for layer in layers], complete=True)
        variables = [str(variable["name"]) for variable in props.get("variables") or ()]
        problems += undefined({layer.name: layer.values for layer in layers}, variables)
    if problems:
        raise _refused(props, "can't be written", problems)
    recorded = [layer_to_props(layer, declared) for layer, declared in zip(layers, props["layers"], strict=True)]
    return Resolved(to_version(props, layers), recorded)


def _layer(declared: Mapping[str, Any], lookup: PackLookup, cloud: str, problems: list[str]) -> Layer:
    name, version = str(declared["name"]), str(declared["version"])
    pack = lookup.resolve(str(declared["registry"]), name, version)
    if not fits_cloud(cloud, pack.clouds):
        problems.append(f"pack {name} {version} is for {listed(pack.clouds)}, the profile for {cloud}")
    values = declared.get("values")
    if values is None:
        values = pack.values
        try:
            values = edit(pack.values, dict(sorted((declared.get("set") or {}).items()))).text
        except EditError as error:
            problems.append(f"pack {name} {version}: set: {error}")
    return Layer(
        name=name, version=version, registry_uid=pack.registry.uid, pack_uid=pack.uid, type=pack.registry.type,
        layer=pack.layer, values=str(values),
    )  # fmt: skip


class ProfileWriter:
    """Writes the versions of one profile."""

    def __init__(self, client: ProfileClient, props: Mapping[str, Any], reporter: Reporter) -> None:
        self._client, self._props, self._reporter = client, props, reporter

    def write(self, wanted: ProfileVersion, uid: str | None, *, force: bool) -> tuple[str, bool]:
        """Creates the version, or updates the one with this uid. Returns (its uid, whether anything was written).

        force: write it even if Palette shows the same content

        A version that somebody else made is adopted if it has the same content. One that was deleted is made again.
        """
        stored = get_ours(self._client, uid, wanted.name, wanted.version, self._reporter) if uid else None
        if stored is None:
            stored = self._found(wanted)
        if stored and stored.is_published and not force and not differences(stored.content, wanted):
            return stored.uid, False
        self._dry_run(wanted)
        if stored:
            self._client.update(stored, wanted)
            return stored.uid, True
        return self._client.create(wanted), True

    def _found(self, wanted: ProfileVersion) -> StoredProfile | None:
        """A version of the same name and version that isn't in state. Raises ProfileRefused if it is another one."""
        versions = self._client.find(wanted.name)
        for version in [wanted.version] if wanted.version in versions else list(versions)[:1]:
            stored = self._client.get(versions[version])
            if stored is None:
                continue
            self._require_same_kind(stored.content, wanted)
            if version != wanted.version:
                continue
            found = differences(stored.content, wanted)
            if found and not _is_ours_unfinished(stored, wanted):
                raise _refused(
                    self._props,
                    "is in Palette already, and this stack did not write it; it differs",
                    found,
                    "give the profile another version or name; or make it the same there, and it is taken over; or delete "
                    "that version in Palette",
                )
            self._reporter.info(
                f"profile {wanted.name} {wanted.version} was in Palette already, with the same content: it is taken over, and "
                "destroy will delete it"
            )
            return stored
        return None

    def _require_same_kind(self, theirs: ProfileVersion, wanted: ProfileVersion) -> None:
        kinds = [(f"type {each.type}", f"cloud {each.cloud}") for each in (theirs, wanted)]
        if kinds[0] != kinds[1]:
            problem = f"Palette has {theirs.name} {theirs.version} of {', '.join(kinds[0])}"
            raise _refused(
                self._props, f"can't be of {', '.join(kinds[1])}", [problem],
                "these are fixed once a profile is created: give this one another name",
            )  # fmt: skip

    def _dry_run(self, wanted: ProfileVersion) -> None:
        faults = self._client.validate(wanted)
        if faults:
            problems = [f"{f'pack {each.pack}: ' if each.pack else ''}{each.code}: {each.message}" for each in faults]
            raise _refused(self._props, "was not written: Palette's validation rejects it", problems)

    def verify(self, stored: StoredProfile, wanted: ProfileVersion) -> None:
        """Warns of what Palette did not keep as it was written."""
        if kept := differences(wanted, stored.content):
            self._reporter.warning(
                f"Palette keeps profile {wanted.name} {wanted.version} in another form than it was written: {listed(kept, 5)}"
            )
        for layer in stored.content.layers:
            if layer.invalid:
                self._reporter.warning(
                    f"profile {wanted.name} {wanted.version}: {printable(layer.name)}: {printable(layer.invalid)}"
                )


def _is_ours_unfinished(stored: StoredProfile, wanted: ProfileVersion) -> bool:
    """Whether it is what a run that was killed leaves: the same layers, but without variables or not published."""
    rest = [text for text in differences(stored.content, wanted) if not text.startswith("variable ")]
    return not rest and not stored.content.variables


def renamed(stored: StoredProfile, name: str, version: str) -> str:
    """What to say of a version that has another name or version in Palette now; "" if it has not. Renaming it back would take
    it away from whoever renamed it."""
    theirs = f"{stored.content.name} {stored.content.version}"
    if theirs == f"{name} {version}":
        return ""
    return (
        f"{name} {version} was renamed to {printable(theirs)} in Palette: it stays there, and this stack lets go of it"
    )


def get_ours(client: ProfileClient, uid: str, name: str, version: str, reporter: Reporter) -> StoredProfile | None:
    """The version of that uid; None if it is gone, or was renamed, which is said."""
    stored = client.get(uid)
    if stored and (other := renamed(stored, name, version)):
        reporter.warning(other)
        return None
    return stored


def in_use(stored: StoredProfile) -> str:
    """By whom; "" by nobody."""
    parts = [
        f"{plural(len(users), what)} ({listed([printable(user.name or user.uid) for user in users], 5)})"
        for what, users in (("cluster", stored.clusters), ("cluster template", stored.templates))
        if users
    ]
    return " and ".join(parts)


def _refused(props: Mapping[str, Any], what: str, problems: list[str], remedy: str = "") -> ProfileRefused:
    lines = "".join(f"\n  {problem}" for problem in dict.fromkeys(problems))
    return ProfileRefused(
        f"profile {props['profileName']} {props['version']} {what}:{lines}" + (f"\n  -> {remedy}" if remedy else "")
    )
