"""The copies of both registry components: one CopiedArtifact for each repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import pulumi

from packinfra.components._existing import existing, repositories_and_versions
from packinfra.lifecycle.registry_access import BasicAccess, EcrAccess, RegistryAccess
from packinfra.resources.copied_artifact import CopiedArtifact, CopyEntry
from packinfra.resources.published_names import VersionsOfName
from packinfra.settings import CopySettings, SettingsError, load_copies
from packinfra.settings.artifacts import FAMILIES
from packinfra.settings.copies import CopyTarget, by_target

T = TypeVar("T")
CopiesArgument = Sequence[CopySettings | Mapping[str, Any]]


class SelectedCopies(NamedTuple):
    """`to` -> what is copied there; `to` of those to remove."""

    targets: Mapping[str, CopyTarget]
    removed: Sequence[str]

    def names(self) -> dict[str, VersionsOfName]:
        """For PublishedNames."""
        return {
            to: VersionsOfName(
                sorted(tag for entry in target.entries for tag in entry.all_tags), target.unpublish, target.keep
            )
            for to, target in self.targets.items()
        }


@dataclass(frozen=True)
class CopiedArtifacts:
    """resources: `to` -> resource"""

    selected: SelectedCopies
    resources: Mapping[str, CopiedArtifact]

    def output(self) -> pulumi.Output[dict[str, dict[str, Any]]]:
        """`to` -> repository, and tag -> digest."""
        return repositories_and_versions(self.resources)

    @property
    def packs(self) -> Mapping[str, CopiedArtifact]:
        """The resources whose artifacts are packs."""
        return {to: self.resources[to] for to, target in self.selected.targets.items() if target.pack}

    def beside(self, of_packs: pulumi.Output[dict[str, T]], key: str) -> pulumi.Output[dict[str, T]]:
        """An output of the published packs, with those that are copies. key: of `output`"""
        if not self.packs:
            return of_packs
        return pulumi.Output.all(of_packs, repositories_and_versions(self.packs)).apply(
            lambda both: {**both[0], **{to: found[key] for to, found in both[1].items()}}
        )

    async def digests(self, base_path: str) -> dict[str, list[str]]:
        """For RemovalCheck: repository -> the digests that destroy removes, with all that belongs to them."""
        found: dict[str, list[str]] = {}
        for to, resource in (await existing(self.resources)).items():
            records = (await resource.versions.future() or {}).values()
            known = {record["manifestDigest"] for record in records}
            for record in records:
                known |= {digest for key in _PARTS for digest in str(record.get(key) or "").split()}
            found[f"{base_path}/{self.selected.targets[to].path}"] = sorted(known)
        return found


_PARTS = ("children", "referrerDigests", "replacedDigests")


def copies_or_error(copies: CopiesArgument, removed: Sequence[str]) -> SelectedCopies:
    """Those of the program, or one RunError with every problem."""
    try:
        settings = load_copies(copies, removed)
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None
    targets = {target.to: target for target in sorted(by_target(settings.copies), key=lambda target: target.to)}
    if both := [to for to in settings.removed_copies if to in targets]:
        raise pulumi.RunError(
            f"{', '.join(both)}: in removedCopies, but copies has it too\n      -> remove the entry of one of the two"
        )
    return SelectedCopies(targets, settings.removed_copies)


def copy_artifacts(
    name: str,
    selected: SelectedCopies,
    repositories: Mapping[str, pulumi.Input[str]],
    opts: Callable[[], pulumi.ResourceOptions],
    *,
    registry_access: RegistryAccess | None = None,
) -> CopiedArtifacts:
    """One CopiedArtifact for each `to`, in its repository ("host/path") of `repositories`."""
    resources = {
        to: CopiedArtifact(
            f"{name}-{logical_name(target)}",
            repository=repositories[to],
            copies=[_entry(entry) for entry in target.entries],
            unpublish=target.unpublish,
            keep_versions=target.keep,
            pack=target.pack,
            registry_access=registry_access,
            opts=opts(),
        )
        for to, target in selected.targets.items()
    }
    return CopiedArtifacts(selected, resources)


def logical_name(target: CopyTarget) -> str:
    """In logical names, and in importRepositories: that of the pack, chart, policy or artifact in the same repository, so
    that the repository stays where one becomes a copy. Any other has its own: an image may be called as a pack is."""
    beside_others = target.pack or target.to.startswith(tuple(f"{family}/" for family in FAMILIES))
    return target.to if beside_others else f"copies/{target.to}"


def _entry(entry: CopySettings) -> CopyEntry:
    access: RegistryAccess | None = None
    if entry.profile or entry.role_arn:
        access = EcrAccess(profile=entry.profile, publisher_role_arn=entry.role_arn)
    elif entry.ca_file or entry.plain_http or entry.token_host:
        access = BasicAccess(ca_file=entry.ca_file, plain_http=entry.plain_http, token_host=entry.token_host)
    return CopyEntry(entry.source, entry.all_tags, entry.referrers, entry.overwrite, access)
