"""One operation on one repository with copies: copy an artifact, withdraw tags, or look whether they are there.

A tag that exists is never simply overwritten. With our digest it is adopted; with another one it is refused, unless
`overwrite` is set.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from oras.defaults import annotation_title

from packinfra.artifacts.pack import LAYER_MEDIA_TYPE
from packinfra.errors import PackinfraError
from packinfra.lifecycle.clients import RegistryClients, is_ecr
from packinfra.lifecycle.copies.state import CopiedTag, Entry, Tags
from packinfra.lifecycle.registry_access import EcrAccess
from packinfra.lifecycle.results import Props
from packinfra.lifecycle.run import Run
from packinfra.lifecycle.status import now_and_then
from packinfra.oci.copy import Copied, Copier, End
from packinfra.oci.deletion import Removal
from packinfra.oci.errors import RegistryError, is_refusal
from packinfra.oci.manifest import Manifest
from packinfra.oci.raw import INDEXES, RawManifest, read_raw
from packinfra.oci.reference import Reference, split
from packinfra.oci.referrers import take_off_list
from packinfra.packs.archive import archive_title
from packinfra.text import format_size, listed, printable


class CopyError(PackinfraError):
    """An artifact can't be copied as requested; no tag was written."""


class Transfer:
    """props: the resource's properties (new inputs, or old outputs for read and delete)

    sources: clients for the registries that are copied from; new: the resource is being created
    """

    def __init__(
        self, clients: RegistryClients, sources: RegistryClients, props: Props, run: Run, *, new: bool = False
    ) -> None:
        self.repository = str(props["repository"])
        self._host, self._path = split(self.repository)
        self._access = props.get("registryAccess")
        self._clients, self._sources = clients, sources
        self._client = clients.get(self.repository, self._access)
        self._props, self._new = props, new
        self._reporter = run.reporter(props)

    def look_up(self, entry: Entry, tags: Collection[str], before: Tags) -> list[str]:
        """Those of the tags that carry the artifact already. Raises CopyError if one carries another, and may not be moved."""
        there = []
        for tag in tags:
            digest = self._client.resolve(self._at(tag), publishing=True)
            if digest == entry.source.digest:
                there.append(tag)
            elif digest and not entry.overwrite:
                ours = tag in before and before[tag].manifestDigest == digest
                raise CopyError(
                    f"{entry.source} was not copied: {self.repository}:{tag} is already there with another digest, and "
                    f"{'was copied' if ours else 'was not written'} by this resource{' before' if ours else ''}.\n"
                    f"  in the registry {digest}\n  to be copied {entry.source.digest}\n"
                    "  -> give it another tag, or remove that one, or set overwrite: true in the entry (in a repository "
                    "that isn't immutable)"
                )
        return there

    def copy(
        self, entry: Entry, planned: Mapping[str, CopiedTag], there: Collection[str], before: Tags
    ) -> tuple[dict[str, CopiedTag], RegistryError | None]:
        """Makes the tags carry the artifact; returns what state records of them, and why the target refused what refers to
        it. Raises CopyError or RegistryError.

        there: of the tags, those that carry it already
        """
        start, what = time.monotonic(), f"{self._name} {', '.join(planned)}"

        def line(sent: int, size: int) -> str:
            return f"{what}: {sent * 100 // max(1, size)} % of a blob of {format_size(size)}"

        copier = Copier(
            self._source(entry),
            End(self._client, self._host, self._path, "target"),
            entry.source.digest,
            new_repository=self._new,
            progress=now_and_then(start, self._reporter.status, line),
        )
        if self._props.get("pack"):
            self._check_pack(entry, copier.manifest(), [*planned])
        missing = [tag for tag in planned if tag not in there]
        if missing:
            self._reporter.status(f"{what}: copying {entry.source}")
            self._check_source_tag(entry)
        copied = copier.run(missing, referrers=entry.referrers)
        seconds = f"{format_size(copied.sent)}, {time.monotonic() - start:.1f} s"
        if missing:
            self._reporter.info(f"{self._name} {', '.join(missing)}: copied {entry.source} ({seconds})")
        if there:
            self._reporter.info(
                f"{self._name} {', '.join(there)}: adopted {entry.source.digest}, which the registry already had"
            )
        recorded = {tag: _recorded(record, copied, before.get(tag), tag in there) for tag, record in planned.items()}
        refused = copied.refused[0] if copied.refused else None
        return recorded, refused

    def withdraw(self, tags: Tags, kept: Tags) -> RegistryError | None:
        """Removes each tag that still carries what was copied, else reports why it stays; then what belonged to it, unless
        `kept` or anything else in the repository needs it. Returns the first refusal of the registry, which leaves its
        artifact."""
        removal, refusal = self._client.removal(self._at("latest")), None
        # What an index names goes after it: ECR refuses it before.
        depth = {
            record.manifestDigest: sum(record.manifestDigest in other.parts for other in tags.values())
            for record in tags.values()
        }
        for digest in sorted(depth, key=lambda digest: depth[digest]):
            needed = next((tag for tag, record in kept.items() if digest in record.parts), "")
            ours = {tag: record for tag, record in tags.items() if record.manifestDigest == digest}
            along = [tag for tag in ours if removal.resolve(tag) == digest]
            try:
                for tag in ours:
                    carried = removal.resolve(tag)
                    if carried == digest:
                        removal.delete(tag, digest, along=along, needed=needed)
                    elif carried:
                        self._reporter.warning(
                            f"{self.repository}:{tag} stays: it no longer carries what was copied ({digest}), but {carried}"
                        )
                if along:
                    self._reporter.info(f"{self.repository}: removed {', '.join(along)} ({digest})")
                self._remove_parts(removal, digest, ours, kept)
            except RegistryError as error:
                if not is_refusal(error):
                    raise
                refusal = refusal or error
        return refusal

    def seen(self, tag: str, record: CopiedTag) -> CopiedTag | None:
        """The record, marked if a part is gone; None if the tag no longer carries what was copied. Raises a RegistryError where
        the registry doesn't say."""
        digest, at = self._resolve(tag), f"{self.repository}:{tag}"
        current = tag in (self._props.get("currentVersions") or ())
        next_up = "; the next up copies it again" if current else ", and no entry has this tag any more"
        if digest == record.manifestDigest:
            lost = [part for part in record.parts if self._resolve(part) is None]
            if lost:
                self._reporter.warning(f"of {at}, {listed(lost, 3)} is gone from the registry{next_up}")
            return replace(record, incomplete=bool(lost))
        if digest is None:
            self._reporter.warning(f"{at} is gone from the registry{next_up}")
        else:
            self._reporter.warning(
                f"{at} was moved by somebody else: copied was {record.manifestDigest}, now it carries {digest}. It no longer "
                "counts as copied by this resource; the next up treats it as foreign"
            )
        return None

    def is_left(self, tag: str, record: CopiedTag) -> bool:
        """Does the tag of an artifact that is to be withdrawn still carry it?"""
        return self._resolve(tag) == record.manifestDigest

    def _remove_parts(self, removal: Removal, digest: str, tags: Tags, kept: Tags) -> None:
        """Of an artifact whose tags are gone: what names something goes before that."""
        records = tags.values()
        referrers = dict.fromkeys(part for record in records for part in record.referrerDigests)
        parts = dict.fromkeys(
            part
            for record in records
            for part in (*reversed(record.referrerDigests), *reversed(record.children), *record.replacedDigests)
        )
        if not parts or removal.tags_with(digest):  # somebody else tagged it too
            return
        needed = {part for record in kept.values() for part in (record.manifestDigest, *record.parts)}
        needed |= self._needed_by_others([*tags, *kept])
        for subject in (digest, *referrers):
            if referrers and subject not in needed:
                take_off_list(self._client, self._at, removal, subject, [*referrers])
        for part in parts:
            if part not in needed and not removal.tags_with(part):
                try:
                    removal.delete(part, part)
                except RegistryError as error:
                    if not is_refusal(error):
                        raise
                    self._reporter.warning(f"{self.repository}@{part}, a part of what was removed, stays: {error}")

    def _needed_by_others(self, ours: Collection[str]) -> set[str]:
        """The digests that indexes under other tags of the repository name, directly or not."""
        tags = [tag for tag in self._client.tags(self._at("latest")) if tag not in ours]
        names, needed = [tag for tag in tags if not tag.startswith("sha256-")], set[str]()
        while names:
            manifest = read_raw(self._client.call(self._at(names.pop())))
            for child in manifest.children if manifest else ():
                if child.digest not in needed:
                    needed.add(child.digest)
                    names += [child.digest] if child.media_type in INDEXES else []
        return needed

    def _source(self, entry: Entry) -> End:
        """With the target's own login where both are one registry, unless the entry has one of its own."""
        host, path = split(entry.source.repository)
        if host == self._host and not entry.access:
            return End(self._client, host, path, "source")
        return End(self._sources.get(entry.source.repository, self._source_access(entry)), host, path, "source")

    def _source_access(self, entry: Entry) -> Mapping[str, Any] | None:
        """A source in ECR is read with the identity that writes the target, an explicit provider's too, unless its entry has
        one of its own."""
        target = self._access if self._access and self._access["kind"] == EcrAccess.kind else {}
        if entry.access is None:
            return target if target and is_ecr(entry.source.repository) else None
        provider = {key: target[key] for key in ("provider",) if key in target}
        return {**entry.access, **(provider if entry.access["kind"] == EcrAccess.kind else {})}

    def _check_source_tag(self, entry: Entry) -> None:
        source, tag = self._source(entry), entry.source.tag
        if tag and (digest := source.client.resolve(source.at(tag))) != entry.source.digest:
            now = f"now carries {digest}" if digest else "is gone"
            self._reporter.warning(
                f"{source.at(tag)} {now}; copied is what the entry says, {entry.source.digest}\n"
                "  -> if the new one is wanted, change the digest in the entry, and the tag it gets"
            )

    def _check_pack(self, entry: Entry, manifest: RawManifest, tags: Sequence[str]) -> None:
        """Palette finds packs by the titles of their layers, so what doesn't look like one is no use there."""
        title = archive_title(self._name, tags[0])
        try:
            layers = Manifest.parse(manifest.body, manifest.media_type).layers
        except ValueError as error:
            reason = str(error)
        else:
            titles = [printable(layer.annotations.get(annotation_title, "")[:200]) for layer in layers]
            if titles == [title] and layers[0].media_type == LAYER_MEDIA_TYPE:
                return
            reason = (
                f"its layers have the titles {titles} and types {[printable(layer.media_type) for layer in layers]}"
            )
        raise CopyError(
            f"{entry.source} was not copied: it is not the pack {self._name} {tags[0]}\n  {reason}; such a pack has one layer "
            f"of type {LAYER_MEDIA_TYPE} with the title {title}\n"
            "  -> correct to (the pack's name) or tags (its version); or leave out pack: true, if it is none"
        )

    def _at(self, reference: str) -> Reference:
        return Reference.of(self.repository, reference)

    def _resolve(self, reference: str) -> str | None:
        return self._client.resolve(self._at(reference), confirm_missing=True)

    @property
    def _name(self) -> str:
        return self.repository.rpartition("/")[2]


def _recorded(planned: CopiedTag, copied: Copied, was: CopiedTag | None, adopted: bool) -> CopiedTag:
    """With the digests that the tag carried before, and without `referrers` if not all could be copied: then the next run
    tries again."""
    digest = planned.manifestDigest
    same = was is not None and was.manifestDigest == digest
    before = (was.manifestDigest, *reversed(was.parts), *was.replacedDigests) if was else ()
    present = {digest, *copied.children, *copied.referrers, *(was.parts if was and same else ())}
    return replace(
        planned,
        referrers=planned.referrers and not copied.refused,
        adopted=was.adopted if was and same else adopted,
        children=copied.children,
        referrerDigests=tuple(dict.fromkeys((*copied.referrers, *(was.referrerDigests if was and same else ())))),
        replacedDigests=tuple(part for part in dict.fromkeys(before) if part not in present),
    )
