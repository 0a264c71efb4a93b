"""The life of a resource that publishes: the versions of one pack, chart or other artifact in one repository.

check   reads and validates the sources; adds what will be published to the inputs. No network.   plan.py
diff    compares content digests; an unknown or changed repository is a replacement.
create  for each version, by the tag: our digest or our content = adopt; absent = push; else refuse.   publish.py
update  the same for versions whose content is new; removes withdrawn ones.
read    keeps what the registry still has under our digest; only a definite 404 is "gone".
delete  removes each tag that still carries our digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from packinfra.lifecycle.clients import RegistryClients, normalize_repository, repository_name, same_place
from packinfra.lifecycle.publishing.family import Family, Hashes, Words
from packinfra.lifecycle.publishing.file_changes import file_changes
from packinfra.lifecycle.publishing.plan import Plan, make_plan
from packinfra.lifecycle.publishing.progress import INCOMPLETE, PENDING, Progress, inputs_of, outputs_of
from packinfra.lifecycle.publishing.publish import Publisher
from packinfra.lifecycle.publishing.removals import replaced, withdrawn
from packinfra.lifecycle.publishing.state import (
    PublishedVersion,
    Versions,
    by_version,
    in_order,
    versions_from,
    versions_to_props,
)
from packinfra.lifecycle.results import (
    CheckOutcome,
    CreateOutcome,
    DiffOutcome,
    Props,
    ReadOutcome,
    changed_keys,
)
from packinfra.lifecycle.run import Config, Run
from packinfra.lifecycle.successors import claim_repository, handed_over
from packinfra.oci.errors import RegistryError, Step, is_refusal

_SETTINGS = ("overwrite", "unpublish", "keepVersions", "deleteAdopted", "created", "registryAccess")
_INPUTS_ONLY = ("sources", "fileHashes")
"""Not repeated in the outputs, since the engine writes all state after each step: only `check` needs them, which sees
the old inputs. Where `read` leaves the inputs as they are, so does the engine."""


class PublishedLife:
    """The life of one family's resources; each family has a subclass, which names it."""

    def __init__(self, run: Run, config: Config, family: Family) -> None:
        self._run, self._family = run, family
        self._clients = RegistryClients(config, run.reporter_of("").warning)

    def check(self, olds: Props, news: Props) -> CheckOutcome:
        repository, access = news.get("repository"), news.get("registryAccess")
        if isinstance(repository, str):
            news = {**news, "repository": normalize_repository(repository, access)}
        plan = make_plan(self._family, olds, news, self._run.archives)
        if plan.problems:
            return CheckOutcome(news, plan.problems)
        if isinstance(repository, str):
            if problems := claim_repository(self._run, news, list(plan.versions)):
                return CheckOutcome(news, problems)
            if same_place(olds, news):
                self._announce(olds, news, plan)
        inputs = {key: value for key, value in news.items() if key != "validated"}  # of this moment: not for state
        versions = versions_to_props(plan.versions)
        return CheckOutcome({**inputs, "fileHashes": plan.file_hashes, "versions": versions})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffOutcome:
        old, new = versions_from(olds), versions_from(news)
        # An unknown repository is one that is being created or replaced: even under the same name it will be empty.
        if not same_place(olds, news):
            alias = _path(olds) == _path(news)  # only the host is another one
            line, lost = replaced(
                self._family.words, str(olds.get("repository")), old, new, news.get("fileHashes") or {}, alias=alias
            )
            (self._run.warn_once if lost else self._run.info_once)(news, line)
            return DiffOutcome(changes=True, replaces=["repository"])
        if line := withdrawn(news["repository"], old, new, delete_adopted=bool(news.get("deleteAdopted"))):
            self._run.info_once(news, line)
        changes = (
            {v: record.contentDigest for v, record in old.items()} != {v: r.contentDigest for v, r in new.items()}
            or any(old[v].order != new[v].order for v in new)
            or bool(changed_keys(olds, news, ("repository", *_SETTINGS)))
            or bool(olds.get(INCOMPLETE))
        )
        if not changes and (pending := versions_from(olds, PENDING)):
            versions = sorted(pending, key=by_version)
            self._run.info_once(news, _still_pending(self._family.words, repository_name(olds), versions))
        return DiffOutcome(changes)

    def create(self, props: Props) -> CreateOutcome:
        publisher = self._publisher(props, new=True)
        progress = _progress(publisher.repository, props, {}, {})
        self._publish(publisher, versions_from(props), progress)
        return CreateOutcome(publisher.repository, progress.outputs())

    def update(self, id_: str, olds: Props, news: Props) -> Props:
        publisher, new = self._publisher(news), versions_from(news)
        progress = _progress(id_, news, versions_from(olds), versions_from(olds, PENDING))
        before, hashes = {**progress.pending, **progress.done}, news["fileHashes"]
        changed: dict[str, PublishedVersion] = {}
        for version, record in in_order(new):
            was = before.get(version)
            same = was and (was.contentDigest == record.contentDigest or version not in hashes)
            # One whose withdrawal was refused may have been removed by hand since.
            if was and same and (version in progress.done or publisher.carries(version, was)):
                progress.keep(version, replace(was, order=record.order))
            elif version in hashes:  # else a failed run planned it, and its folder is gone
                changed[version] = record
        self._publish(publisher, changed, progress, before)
        for version in sorted({**progress.pending, **progress.done}.keys() - new.keys(), key=by_version):
            with progress.recorded_if_it_fails():
                self._withdraw(publisher, version, before[version], progress)
        return progress.outputs()

    def read(self, _id: str, props: Props) -> ReadOutcome | None:
        publisher, recorded = self._publisher(props), versions_from(props)
        there = {v: record for v, record in in_order(recorded) if publisher.is_there(v, record)}
        pending = {v: r for v, r in versions_from(props, PENDING).items() if publisher.is_left(v, r)}
        if not there and not pending:
            return None
        current = [version for version in props.get("currentVersions") or () if version in there]
        outputs = _outputs(props, there, current, pending)
        if len(there) == len(recorded) and not props.get(INCOMPLETE):
            return ReadOutcome(outputs)
        # Without their hashes: the next check reads the folders again.
        return ReadOutcome(outputs, {**inputs_of(outputs), "fileHashes": {version: {} for version in current}})

    def delete(self, _id: str, props: Props) -> None:
        published = in_order({**versions_from(props, PENDING), **versions_from(props)})
        holder = self._family.words.holder
        if handed_over(
            self._run, self._clients, props, [version for version, _ in published],
            left=f"stays published, but no {holder} holds it", remedy=f"put its {holder} back",
        ):  # fmt: skip
            return
        publisher, refusal = self._publisher(props), None
        for version, record in published:
            try:
                publisher.withdraw(version, record)
            except RegistryError as error:
                if not is_refusal(error):
                    raise
                refusal = refusal or error
        if refusal:
            raise refusal

    def _publisher(self, props: Props, *, new: bool = False) -> Publisher:
        return Publisher(self._family, self._clients, props, self._run, new=new)

    def _publish(
        self,
        publisher: Publisher,
        records: Versions,
        progress: Progress[PublishedVersion],
        before: Versions | None = None,
    ) -> None:
        """All tags are looked up before the first push, so that nothing is published where one is refused."""
        before = before or {}
        adopted = {v: publisher.adopt(v, record, before.get(v)) for v, record in in_order(records)}
        progress.done.update({v: record for v, record in adopted.items() if record})
        for version, record in in_order(records):
            with progress.recorded_if_it_fails():
                try:
                    progress.keep(version, adopted[version] or publisher.push(version, record, before.get(version)))
                except RegistryError as error:
                    # The registry may have written the tag, and only the response was lost.
                    if error.step is Step.PUBLISH and not is_refusal(error) and version not in progress.done:
                        progress.pending[version] = record
                    raise

    def _withdraw(
        self, publisher: Publisher, version: str, record: PublishedVersion, progress: Progress[PublishedVersion]
    ) -> None:
        try:
            publisher.withdraw(version, record)
        except RegistryError as error:
            if not is_refusal(error):
                raise
            progress.postpone(version, record)
            self._run.reporter(progress.props).warning(
                f"{repository_name(progress.props)} {version} stays published: {error}\n"
                f"  Removing it is tried again with the next change of this {self._family.words.one}, and by pulumi destroy"
            )
        else:
            progress.forget(version)

    def _announce(self, olds: Props, news: Props, plan: Plan) -> None:
        """Which versions the next update publishes, and which files make the difference."""
        old = versions_from(olds)
        for version, record in plan.versions.items():
            if version not in old or old[version].contentDigest != record.contentDigest:
                since = _changes_since(version, old, olds.get("fileHashes") or {}, plan)
                again = " again" if version in old else ""
                self._run.reporter(news).info(
                    f"{repository_name(news)} {version} will be published{again} as {record.manifestDigest}{since}"
                )


def _changes_since(version: str, old: Versions, old_hashes: Mapping[str, Hashes], plan: Plan) -> str:
    """Compared with the same version, or else with the one that was current before."""
    known = {v: listed for v, listed in old_hashes.items() if listed}
    base = version if version in known else max(known, key=lambda v: old[v].order if v in old else 0, default=None)
    changes = file_changes(known[base], plan.file_hashes[version], plan.files.get(version)) if base else ""
    return f"; since {base}: {changes}" if base else ""


def _path(props: Props) -> str:
    """The repository without its host."""
    return str(props.get("repository")).partition("/")[2]


def _still_pending(words: Words, name: str, versions: list[str]) -> str:
    return (
        f"{name} {', '.join(versions)} could not be withdrawn and stays published; removing it is tried again with the "
        f"next change of this {words.one}, and by pulumi destroy"
    )


def _progress(
    id_: str, props: Props, done: dict[str, PublishedVersion], pending: dict[str, PublishedVersion]
) -> Progress[PublishedVersion]:
    return Progress(
        id_, props, done, pending, lambda done, pending: _outputs(props, done, props["fileHashes"], pending)
    )


def _outputs(props: Props, versions: Versions, current: Iterable[str], pending: Versions) -> Props:
    """current: the versions that a source holds"""
    return outputs_of(
        props, versions_to_props(versions), sorted(current, key=by_version), versions_to_props(pending),
        inputs_only=_INPUTS_ONLY,
    )  # fmt: skip
