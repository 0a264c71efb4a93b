"""The life of a CopiedArtifact: tags in one repository, each copied by digest from somewhere else.

check   reads the entries; adds what will be copied to the inputs. No network.   plan.py
diff    compares digests; an unknown or changed repository is a replacement.
create  by the tag: the digest = adopt; absent = copy; else refuse.   transfer.py
update  the same for tags with another digest; removes withdrawn ones.
read    keeps what the registry still has, with all its parts; only a definite 404 is "gone". Asks no source.
delete  removes each tag that still carries what was copied, and then what belonged to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from packinfra.lifecycle.clients import RegistryClients, normalize_repository, repository_name, same_place
from packinfra.lifecycle.copies.plan import Plan, make_plan
from packinfra.lifecycle.copies.state import CopiedTag, Tags, entries_from, in_order, tags_from, tags_to_props
from packinfra.lifecycle.copies.transfer import Transfer
from packinfra.lifecycle.publishing.progress import INCOMPLETE, PENDING, Progress, inputs_of, outputs_of
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
from packinfra.text import listed

_SETTINGS = ("unpublish", "keepVersions", "pack", "registryAccess")

_REFUSED = (
    "the artifact itself is copied, and what refers to it (signatures, SBOMs) isn't: see whether the registry takes manifests "
    "with a subject, then run again; or leave out referrers: true"
)


class CopiedArtifactLifecycle:
    def __init__(self, run: Run, config: Config) -> None:
        self._run, warn = run, run.reporter_of("").warning
        self._clients, self._sources = RegistryClients(config, warn), RegistryClients(config, warn, foreign=True)

    def check(self, olds: Props, news: Props) -> CheckOutcome:
        repository, access = news.get("repository"), news.get("registryAccess")
        if isinstance(repository, str):
            news = {**news, "repository": normalize_repository(repository, access)}
        plan = make_plan(olds, news)
        if plan.problems:
            return CheckOutcome(news, plan.problems)
        if isinstance(repository, str) and (problems := claim_repository(self._run, news, list(plan.tags))):
            return CheckOutcome(news, problems)
        self._announce(olds if same_place(olds, news) else {}, news, plan)
        return CheckOutcome({**news, "versions": tags_to_props(plan.tags)})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffOutcome:
        old, new = tags_from(olds), tags_from(news)
        # An unknown repository is one that is being created or replaced: even under the same name it will be empty.
        if not same_place(olds, news):
            line, lost = _replaced(str(olds.get("repository")), old, new.keys() - _current(news))
            (self._run.warn_once if lost else self._run.info_once)(news, line)
            return DiffOutcome(changes=True, replaces=["repository"])
        if gone := old.keys() - new.keys():
            line = f"{news['repository']}: {listed(sorted(gone))} will be withdrawn and no longer be pullable"
            self._run.info_once(news, line)
        changes = (
            {tag: _wanted(record) for tag, record in old.items()} != {tag: _wanted(r) for tag, r in new.items()}
            or bool(changed_keys(olds, news, ("repository", *_SETTINGS)))
            or any(old[tag].incomplete for tag in old.keys() & _current(news))  # others can't be completed
            or bool(olds.get(INCOMPLETE))
        )
        return DiffOutcome(changes)

    def create(self, props: Props) -> CreateOutcome:
        transfer = self._transfer(props, new=True)
        progress = _progress(transfer.repository, props, {}, {})
        self._copy(transfer, tags_from(props), progress, {})
        return CreateOutcome(transfer.repository, progress.outputs())

    def update(self, id_: str, olds: Props, news: Props) -> Props:
        transfer, new = self._transfer(news), tags_from(news)
        progress = _progress(id_, news, tags_from(olds), tags_from(olds, PENDING))
        before = {**progress.pending, **progress.done}
        changed: dict[str, CopiedTag] = {}
        for tag, record in new.items():
            was = progress.done.get(tag)
            complete = was and not was.incomplete and not olds.get(INCOMPLETE)
            # A tag without an entry is only in state.
            if was and ((complete and _wanted(was)[:2] == _wanted(record)[:2]) or tag not in _current(news)):
                progress.keep(tag, replace(was, order=record.order))
            else:
                changed[tag] = record
        self._copy(transfer, changed, progress, before)
        if gone := {tag: before[tag] for tag in before.keys() - new.keys()}:
            with progress.recorded_if_it_fails():
                self._withdraw(transfer, gone, progress)
        return progress.outputs()

    def read(self, _id: str, props: Props) -> ReadOutcome | None:
        transfer, recorded = self._transfer(props), tags_from(props)
        looked_at = {tag: transfer.seen(tag, record) for tag, record in in_order(recorded.items())}
        there = {tag: record for tag, record in looked_at.items() if record}
        pending = {tag: r for tag, r in tags_from(props, PENDING).items() if transfer.is_left(tag, r)}
        if not there and not pending:
            return None
        current = [tag for tag in props.get("currentVersions") or () if tag in there]
        outputs = _outputs(props, there, current, pending)
        if len(there) == len(recorded) and not props.get(INCOMPLETE):
            return ReadOutcome(outputs)
        return ReadOutcome(outputs, inputs_of(outputs))

    def delete(self, _id: str, props: Props) -> None:
        copied = {**tags_from(props, PENDING), **tags_from(props)}
        left, remedy = "stays, but no entry has it", "add it to an entry"
        if handed_over(self._run, self._clients, props, sorted(copied), left=left, remedy=remedy):
            return
        if refusal := self._transfer(props).withdraw(copied, {}):
            raise refusal

    def _transfer(self, props: Props, *, new: bool = False) -> Transfer:
        return Transfer(self._clients, self._sources, props, self._run, new=new)

    def _copy(self, transfer: Transfer, wanted: Tags, progress: Progress[CopiedTag], before: Tags) -> None:
        """All tags are looked up before the first copy, so that nothing is copied where one is refused."""
        work = [
            (entry, tags, transfer.look_up(entry, tags, before))
            for entry in entries_from(progress.props)
            if (tags := {tag: wanted[tag] for tag in entry.tags if tag in wanted})
        ]
        for entry, tags, there in work:
            with progress.recorded_if_it_fails():
                try:
                    recorded, refused = transfer.copy(entry, tags, there, before)
                except RegistryError as error:
                    # The registry may have written the tag, and only the response was lost.
                    if error.step is Step.PUBLISH and not is_refusal(error):
                        progress.pending |= {tag: record for tag, record in tags.items() if tag not in progress.done}
                    raise
                for tag, record in recorded.items():
                    progress.keep(tag, record)
                if refused:
                    raise refused.recast(type(refused), remedy=_REFUSED)

    def _withdraw(self, transfer: Transfer, gone: Tags, progress: Progress[CopiedTag]) -> None:
        refusal = transfer.withdraw(gone, {tag: record for tag, record in progress.done.items() if tag not in gone})
        for tag, record in gone.items():
            if refusal and transfer.is_left(tag, record):
                progress.postpone(tag, record)
            else:
                progress.forget(tag)
        if refusal:
            self._run.reporter(progress.props).warning(
                f"{repository_name(progress.props)} {', '.join(sorted(progress.pending))} stays: {refusal}\n"
                "  Removing it is tried again with the next change of this copy, and by pulumi destroy"
            )

    def _announce(self, olds: Props, news: Props, plan: Plan) -> None:
        """What will be copied: of all that a preview shows, what the user must see."""
        old, name = tags_from(olds), repository_name(news)
        what = f"{name} " if name else ""  # it is unknown while it is being made
        for entry in entries_from(news):
            tags = [tag for tag in entry.tags if tag not in old or _wanted(old[tag])[:2] != _wanted(plan.tags[tag])[:2]]
            if tags:
                along = ", with what refers to it" if entry.referrers else ""
                self._run.reporter(news).info(
                    f"{what}{', '.join(tags)} will be copied from {entry.source.repository} as "
                    f"{entry.source.digest}{along}"
                )


def _wanted(record: CopiedTag) -> tuple[str, bool, int]:
    """What makes a tag another one. Where it came from doesn't: the digest says what it is."""
    return record.manifestDigest, record.referrers, record.order


def _current(props: Props) -> set[str]:
    """The tags that an entry has."""
    return {tag for entry in entries_from(props) for tag in entry.tags}


def _replaced(repository: str, old: Iterable[str], lost: Iterable[str]) -> tuple[str, bool]:
    """(the line for another repository in place of this one; whether tags are lost)"""
    line, missing = (
        f"{repository} will be replaced: {listed(sorted(old))} will no longer be pullable from it; ",
        sorted(lost),
    )
    if not missing:
        return line + "all are copied to the new repository", False
    return f"{line}in the new repository {listed(missing)} will be missing: no entry has it any more", True


def _progress(id_: str, props: Props, done: dict[str, CopiedTag], pending: dict[str, CopiedTag]) -> Progress[CopiedTag]:
    return Progress(
        id_, props, done, pending, lambda done, pending: _outputs(props, done, _current(props) & done.keys(), pending)
    )


def _outputs(props: Props, tags: Tags, current: Iterable[str], pending: Tags) -> Props:
    """Without the entries: only the program knows them, and only `check`, which sees the inputs, needs them."""
    return outputs_of(props, tags_to_props(tags), sorted(current), tags_to_props(pending), inputs_only=("copies",))
