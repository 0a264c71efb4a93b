"""The life of a PublishedPack: the versions of one pack in one repository.

check   reads and validates the folders; adds what will be published to the inputs. No network.   plan.py
diff    compares content digests; an unknown or changed repository is a replacement.
create  for each version, by the tag: our digest or our content = adopt; absent = push; else refuse.   publish.py
update  the same for versions whose content is new; removes withdrawn ones.
read    keeps what the registry still has under our digest; only a definite 404 is "gone".
delete  removes each tag that still carries our digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from packinfra.lifecycle.clients import RegistryClients
from packinfra.lifecycle.packs.file_changes import file_changes
from packinfra.lifecycle.packs.plan import Hashes, Plan, make_plan
from packinfra.lifecycle.packs.publish import PackPublisher
from packinfra.lifecycle.packs.removals import replaced, withdrawn
from packinfra.lifecycle.packs.state import (
    PublishedVersion,
    Versions,
    by_version,
    in_order,
    versions_from,
    versions_to_props,
)
from packinfra.lifecycle.results import CheckOutcome, CreateOutcome, DiffOutcome, Props, ReadOutcome, changed_keys
from packinfra.lifecycle.run import Config, Run, own_urn

_SETTINGS = ("overwrite", "unpublish", "keepVersions", "deleteAdopted", "created", "registryAccess")
_INPUTS_ONLY = ("sources", "fileHashes")
"""Not repeated in the outputs, since the engine writes all state after each step: only `check` needs them, which sees
the old inputs. Where `read` leaves the inputs as they are, so does the engine."""


class PublishedPackLifecycle:
    def __init__(self, run: Run, config: Config) -> None:
        self._run = run
        self._clients = RegistryClients(config, run.reporter_of("").warning)

    def check(self, olds: Props, news: Props) -> CheckOutcome:
        plan = make_plan(olds, news, self._run.archives)
        if plan.problems:
            return CheckOutcome(news, plan.problems)
        repository = news.get("repository")
        if isinstance(repository, str):
            for version in plan.versions:
                self._run.ownership.claim(repository, version, own_urn(news))
            if repository == olds.get("repository"):
                self._announce(olds, news, plan)
        inputs = {key: value for key, value in news.items() if key != "validated"}  # of this moment: not for state
        versions = versions_to_props(plan.versions)
        return CheckOutcome({**inputs, "fileHashes": plan.file_hashes, "versions": versions})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffOutcome:
        old, new = versions_from(olds), versions_from(news)
        # An unknown repository is one that is being created or replaced: even under the same name it will be empty.
        if not isinstance(news.get("repository"), str) or news["repository"] != olds.get("repository"):
            line, lost = replaced(str(olds.get("repository")), old, new, news.get("fileHashes") or {})
            (self._run.warn_once if lost else self._run.info_once)(news, line)
            return DiffOutcome(changes=True, replaces=["repository"])
        if line := withdrawn(news["repository"], old, new, delete_adopted=bool(news.get("deleteAdopted"))):
            self._run.info_once(news, line)
        changes = (
            {v: record.contentDigest for v, record in old.items()} != {v: r.contentDigest for v, r in new.items()}
            or any(old[v].order != new[v].order for v in new)
            or bool(changed_keys(olds, news, _SETTINGS))
        )
        return DiffOutcome(changes)

    def create(self, props: Props) -> CreateOutcome:
        publisher = self._publisher(props, new=True)
        published = {v: publisher.publish(v, record) for v, record in in_order(versions_from(props))}
        return CreateOutcome(publisher.repository, _outputs(props, published, props["fileHashes"]))

    def update(self, _id: str, olds: Props, news: Props) -> Props:
        publisher, old, new = self._publisher(news), versions_from(olds), versions_from(news)
        published: dict[str, PublishedVersion] = {}
        for version, record in in_order(new):
            was = old.get(version)
            if was and was.contentDigest == record.contentDigest:
                published[version] = replace(was, order=record.order)
                publisher.claim(version)
            else:
                published[version] = publisher.publish(version, record)
        for version in sorted(old.keys() - new.keys()):
            publisher.release(version)
            publisher.withdraw(version, old[version])
        return _outputs(news, published, news["fileHashes"])

    def read(self, _id: str, props: Props) -> ReadOutcome | None:
        publisher, recorded = self._publisher(props), versions_from(props)
        there = {v: record for v, record in in_order(recorded) if publisher.is_there(v, record)}
        if not there:
            return None
        current = [version for version in props.get("currentVersions") or () if version in there]
        outputs = _outputs(props, there, current)
        if len(there) == len(recorded):
            return ReadOutcome(outputs)
        # Without their hashes: the next check reads the folders again.
        inputs = {key: value for key, value in outputs.items() if key != "currentVersions"}
        return ReadOutcome(outputs, {**inputs, "fileHashes": {version: {} for version in current}})

    def delete(self, _id: str, props: Props) -> None:
        publisher = self._publisher(props)
        for version, record in in_order(versions_from(props)):
            publisher.withdraw(version, record)

    def _publisher(self, props: Props, *, new: bool = False) -> PackPublisher:
        client = self._clients.get(str(props["repository"]), props.get("registryAccess"))
        return PackPublisher(client, props, self._run, new=new)

    def _announce(self, olds: Props, news: Props, plan: Plan) -> None:
        """Which versions the next update publishes, and which files make the difference."""
        old = versions_from(olds)
        for version, record in plan.versions.items():
            if version not in old or old[version].contentDigest != record.contentDigest:
                since = _changes_since(version, old, olds.get("fileHashes") or {}, plan)
                again = " again" if version in old else ""
                self._run.reporter(news).info(
                    f"{_pack_name(news)} {version} will be published{again} as {record.manifestDigest}{since}"
                )


def _changes_since(version: str, old: Versions, old_hashes: Mapping[str, Hashes], plan: Plan) -> str:
    """Compared with the same version, or else with the one that was current before."""
    known = {v: listed for v, listed in old_hashes.items() if listed}
    base = version if version in known else max(known, key=lambda v: old[v].order if v in old else 0, default=None)
    changes = file_changes(known[base], plan.file_hashes[version], plan.files.get(version)) if base else ""
    return f"; since {base}: {changes}" if base else ""


def _pack_name(props: Props) -> str:
    return str(props.get("repository") or "").rpartition("/")[2]


def _outputs(props: Props, versions: Versions, current: Iterable[str]) -> Props:
    """current: the versions that a folder holds"""
    kept = {key: value for key, value in props.items() if key not in _INPUTS_ONLY}
    return {**kept, "versions": versions_to_props(versions), "currentVersions": sorted(current, key=by_version)}
