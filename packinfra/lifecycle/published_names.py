"""The life of PublishedNames: no name that a component has published leaves by accident.

Pulumi deletes every resource that leaves a program, so a mistyped glob, half a checkout or a merge would remove a pack
with all its versions. `check` refuses that: the engine hands it the old inputs and the new ones before anything changes,
with --skip-preview too. `pulumi destroy` and a component that leaves the program don't run it.

`diff` finds a change only if versions are to be withdrawn and the registry is, or was, in Palette: `update` then asks Palette which
cluster profiles use them, before a tag is deleted (profiles/withdrawals.py). Otherwise it never does. The engine records the inputs of an unchanged resource all the same (its
backend/snapshot.go, sameSnapshotMutation), so the names stay up to date without a step in every preview.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from packinfra.lifecycle.palette.clients import PaletteClients
from packinfra.lifecycle.profiles.withdrawals import require_unused
from packinfra.lifecycle.results import CheckOutcome, CreateOutcome, DiffOutcome, Props, ReadOutcome
from packinfra.lifecycle.retention import keep_of, kept
from packinfra.lifecycle.run import Config, Run, own_urn
from packinfra.text import listed


class _Family(NamedTuple):
    """sources, removed: the program's inputs, not for state; published: the input in state"""

    sources: str
    removed: str
    published: str
    one: str
    many: str
    source: str  # what holds its versions
    settings: str


_WITHDRAWS = "withdraws"
"""Input: pack -> the versions that this run withdraws, if there are any."""
_BEFORE = "paletteBefore"
"""Input, beside `withdraws`: where the registry was registered until now, if this run changes that, which happens later."""
_PACKS = _Family("sources", "removed", "published", "pack", "packs", "folder", "packinfra:packs")
_FAMILIES = (
    _PACKS,
    _Family(
        "artifacts",
        "removedArtifacts",
        "publishedArtifacts",
        "artifact",
        "artifacts",
        "source",
        "packinfra:charts, packinfra:policies or packinfra:artifacts",
    ),
    _Family("copies", "removedCopies", "publishedCopies", "copy", "copies", "declaration", "packinfra:copies"),
)
_CURRENT = "*"
"""Marks a version that a source has. State keeps one text for each name, because the engine writes all state after each
step, in lines whose indentation is longer than most versions."""


class PublishedNamesLifecycle:
    def __init__(self, run: Run, config: Config) -> None:
        self._run = run
        self._clients = PaletteClients(config)

    def check(self, olds: Props, news: Props) -> CheckOutcome:
        inputs, problems, withdrawn = dict(news), list[str](), dict[str, list[str]]()
        for family in _FAMILIES:
            sources, removed = news.get(family.sources) or {}, news.get(family.removed) or ()
            recorded = {name: _parse(text) for name, text in (olds.get(family.published) or {}).items()}
            missing = {name: recorded[name] for name in sorted(recorded.keys() - sources.keys() - {*removed})}
            if missing:
                problems.append(_refusal(family, missing))
                continue
            for name in removed:
                if name in recorded:
                    versions = listed(recorded[name])
                    self._run.warn_once(news, f"{name} will be removed: {versions} will no longer be pullable")
                else:
                    self._run.info_once(news, f"{_setting(family)}: {name} is not published here: remove the entry")
            following = {name: _next(recorded.get(name) or {}, source) for name, source in sources.items()}
            inputs = {key: value for key, value in inputs.items() if key not in (family.sources, family.removed)}
            if following or family is _PACKS:
                inputs[family.published] = {name: _format(versions) for name, versions in following.items()}
            if family is _PACKS:  # Palette knows of nothing else
                gone = {name: [v for v in of if v not in following.get(name, ())] for name, of in recorded.items()}
                withdrawn = {name: versions for name, versions in gone.items() if versions}
        if problems:
            return CheckOutcome(news, problems)
        now, before = news.get("palette"), olds.get("palette")
        if withdrawn and (now or before):
            inputs[_WITHDRAWS] = withdrawn
            if before and not (now and all(now.get(key) == before.get(key) for key in ("registry", "host"))):
                inputs[_BEFORE] = before
            self._run.ownership.plan(own_urn(news))
        return CheckOutcome(inputs)

    def diff(self, _id: str, _olds: Props, news: Props) -> DiffOutcome:
        # Not in a refresh, which has the inputs of the last run.
        return DiffOutcome(bool(news.get(_WITHDRAWS)) and self._run.ownership.is_planned(own_urn(news)))

    def create(self, props: Props) -> CreateOutcome:
        return CreateOutcome(str(props["family"]), {})

    def update(self, _id: str, _olds: Props, news: Props) -> Props:
        places = [place for place in (news.get(_BEFORE), news.get("palette")) if place]
        for place in places:
            require_unused(
                self._clients.get(place), str(place["registry"]), news.get(_WITHDRAWS) or {}, self._run.reporter(news),
                only_warn=bool(places[-1].get("withdrawUsed")),
            )  # fmt: skip
        return {}

    def read(self, _id: str, props: Props) -> ReadOutcome:
        return ReadOutcome(props)

    def delete(self, _id: str, _props: Props) -> None:
        pass


def _refusal(family: _Family, missing: Mapping[str, Collection[str]]) -> str:
    names = list(missing)
    if len(names) == 1:
        problem, source, them = f"this published {family.one} has no {family.source} any more", family.source, "it"
    else:
        problem = f"{len(names)} published {family.many} have no {family.source} any more"
        source, them = f"{family.source}s", "them"
    return (
        f"{problem}:\n"
        + "".join(f"  {name}: {listed(versions)}\n" for name, versions in missing.items())
        + f"  -> bring the {source} back, or correct {family.settings}. To remove {them} with all versions, add "
        f"{_setting(family)}: [{', '.join(names)}] (in a program: removed_{family.many}={json.dumps(names)}). To move {them} "
        "to another stack, see docs/versions.md"
    )


def _setting(family: _Family) -> str:
    return f"packinfra:removed{family.many.capitalize()}"


def _next(recorded: Mapping[str, bool], source: Mapping[str, Any]) -> dict[str, bool]:
    """Version -> has a source, in the order in which they became current: as the family's own resource records it."""
    current = source["versions"]
    stay = kept(list(recorded), current, unpublish=source.get("unpublish") or (), keep=keep_of(source))
    known = [
        version for version, was_current in recorded.items() if version in stay or (was_current and version in current)
    ]
    return {version: version in current for version in dict.fromkeys([*known, *current])}


def _format(versions: Mapping[str, bool]) -> str:
    return " ".join(version + (_CURRENT if current else "") for version, current in versions.items())


def _parse(text: str) -> dict[str, bool]:
    return {version.removesuffix(_CURRENT): version.endswith(_CURRENT) for version in text.split()}
