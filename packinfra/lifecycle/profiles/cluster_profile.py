"""The life of a ClusterProfile: the versions of one cluster profile in Palette, each of which is an object of its own there.

check   validates the inputs, and adds a digest of what they declare. No network.   validation.py
diff    compares that digest with the record of the version; says which layers and values change (preview.py). Refuses what
        can't be: another type, changed content where it is immutable, a version whose packs are withdrawn. No network.
create  looks the packs up, has Palette check the layers, then writes the version; equal ones are adopted.   write.py
update  the same, in place under a version that is there, else as a new one; then old versions that nothing uses go.
read    finds versions that are gone, what was edited by hand, invalid packs, and how many clusters use a version.
delete  refuses while clusters use a version, and names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from packinfra.lifecycle.ownership import Claim
from packinfra.lifecycle.palette.clients import PaletteClients, validate_location
from packinfra.lifecycle.profiles.preview import change
from packinfra.lifecycle.profiles.progress import EDITED, INCOMPLETE, OUTPUTS_ONLY, Progress
from packinfra.lifecycle.profiles.refusals import own_packs, refusals, unpublished
from packinfra.lifecycle.profiles.state import (
    ProfileRecord,
    beyond_keep,
    declared_digest,
    layer_from_props,
    records_from,
    records_to_props,
    to_version,
)
from packinfra.lifecycle.profiles.validation import profile_problems
from packinfra.lifecycle.profiles.write import ProfileRefused, ProfileWriter, get_ours, in_use, renamed, resolve
from packinfra.lifecycle.results import (
    CheckOutcome,
    CreateOutcome,
    DiffOutcome,
    Props,
    ReadOutcome,
    changed_keys,
)
from packinfra.lifecycle.run import Config, Run, own_urn
from packinfra.palette import PaletteClient
from packinfra.palette.errors import PaletteError, PaletteStep
from packinfra.palette.profile_differences import differences, fingerprint
from packinfra.palette.profiles import ProfileClient
from packinfra.text import listed, printable

_REPLACES = ("host", "profileName", "project")
_SETTINGS = ("keepVersions", "immutable", "caFile", "sensitiveDefaults", "registryUid")
_IN_PALETTE = "palette"


class ClusterProfileLifecycle:
    def __init__(self, run: Run, config: Config) -> None:
        self._run = run
        self._clients = PaletteClients(config)

    def check(self, olds: Props, news: Props) -> CheckOutcome:
        self._run.ownership.plan(own_urn(news))
        props = {**news}
        problems = validate_location(props)
        props["declared"] = declared_digest(news)
        if isinstance(published := news.get("published"), dict):
            # Of the packs that any of its versions may use: all would be in the state of each profile.
            ours = {*own_packs(news), *(olds.get("published") or {})}
            props["published"] = {pack: published.get(pack) or [] for pack in sorted(ours)}
        found = [*profile_problems(news), *unpublished(olds, props)]
        return CheckOutcome(props, [*problems, *(f"profile {news.get('profileName')}: {problem}" for problem in found)])

    def diff(self, _id: str, olds: Props, news: Props) -> DiffOutcome:
        if replaces := changed_keys(olds, news, _REPLACES):
            return DiffOutcome(changes=True, replaces=replaces)
        records = records_from(olds)
        is_planned = self._run.ownership.is_planned(own_urn(news))
        if is_planned:
            immutable = bool(news.get("immutable")) and not olds.get(INCOMPLETE)
            # A failed run may have left an entry to be deleted that is this profile under another name.
            self._claim([record.uid for record in records.values()], news)
            if refused := list(refusals(olds, news, records, immutable=immutable)):
                raise ProfileRefused("\n".join(refused))
        version = news.get("version")
        published = records.get(version) if isinstance(version, str) else None
        is_written = (
            published is None
            or published.declared != news.get("declared")
            or olds.get("version") != version
            or bool(olds.get(EDITED) or changed_keys(olds, news, ("sensitiveDefaults",)))
        )
        if is_written and is_planned and isinstance(version, str):
            self._run.info_once(news, change(olds, news, published))
        changes = is_written or bool(changed_keys(olds, news, _SETTINGS)) or bool(olds.get(INCOMPLETE))
        if changes and is_planned and isinstance(version, str) and (leaving := beyond_keep(records, news)):
            self._run.info_once(
                news,
                f"profile {news['profileName']} {listed(leaving)} will be deleted (keepVersions), unless a cluster uses it",
            )
        return DiffOutcome(changes)

    def create(self, props: Props) -> CreateOutcome:
        client = self._clients.get(props)
        project, tenant = _project(client, props), client.tenant()
        progress = Progress(props, {"projectUid": project, "tenant": tenant})
        self._write(client, progress)
        return CreateOutcome(f"{project or 'tenant'}/{props['profileName']}", progress.outputs())

    def update(self, id_: str, olds: Props, news: Props) -> Props:
        client = self._clients.get(news)
        place = {"projectUid": olds.get("projectUid") or "", "tenant": olds.get("tenant") or client.tenant()}
        progress = Progress(
            news, place, records_from(olds), list(olds.get("resolved") or ()), id_,
            secrets_changed=bool(changed_keys(olds, news, ("sensitiveDefaults",))),
        )  # fmt: skip
        self._write(client, progress)
        with progress.recorded_if_it_fails():
            self._prune(client, progress)
        return progress.outputs()

    def read(self, _id: str, props: Props) -> ReadOutcome | None:
        profiles, reporter, name = self._profiles(props), self._run.reporter(props), props["profileName"]
        records, gone, edited = records_from(props), list[str](), list[str]()
        if props.get(INCOMPLETE) and records:  # the inputs are those that a failed run planned
            props = {**props, "version": list(records)[-1]}
        there: dict[str, ProfileRecord] = {}
        for version, record in records.items():
            stored = profiles.get(record.uid)
            if stored is None:
                gone.append(version)
                continue
            if other := renamed(stored, name, version):
                reporter.warning(
                    f"{other}; the next up makes {version} again" if version == props["version"] else other
                )
                continue
            there[version] = replace(record, clusters=len(stored.clusters))
            for layer in stored.content.layers:
                if layer.invalid:
                    reporter.warning(
                        f"profile {name} {version}: the pack {printable(f'{layer.name} {layer.version}')} is invalid: {printable(layer.invalid)}; clusters "
                        "can't get this version: publish the pack again, or take it out of the profile"
                    )
            is_current = version == props["version"]
            if is_current and props.get("resolved"):
                ours = to_version(props, [layer_from_props(layer) for layer in props["resolved"]])
                found = differences(ours, stored.content)
            else:
                found = [] if fingerprint(stored.content) == record.content else ["its content"]
            if found:
                again = (
                    "; the next up writes it again" if is_current else "; this stack no longer declares that version"
                )
                reporter.warning(f"profile {name} {version} was edited in Palette: {listed(found, 8)}{again}")
                edited += found if is_current else []
            if stored.has_draft:
                reporter.warning(f"profile {name} {version} has changes in Palette that are not published")
        if gone:
            reporter.warning(
                f"profile {name} {listed(gone)} is gone from Palette"
                + ("; the next up makes it again" if props["version"] in gone else "")
            )
        if not there:
            return None
        outputs = {key: value for key, value in props.items() if key not in (EDITED, INCOMPLETE)}
        outputs |= {"versions": records_to_props(there), **({EDITED: edited} if edited else {})}
        if not props.get(INCOMPLETE):
            return ReadOutcome(outputs)
        inputs = {key: value for key, value in outputs.items() if key not in OUTPUTS_ONLY}
        return ReadOutcome(outputs, {**inputs, "layers": [_declared(layer) for layer in props.get("resolved") or ()]})

    def delete(self, _id: str, props: Props) -> None:
        """Asks for all versions before the first is deleted."""
        profiles, name = self._profiles(props), props["profileName"]
        mine, used = [], []
        for version, record in records_from(props).items():
            if owner := self._run.ownership.owner_of(_IN_PALETTE, record.uid):
                self._run.reporter(props).info(f"profile {name} {version} stays in Palette: {owner.urn} owns it now")
                continue
            stored = get_ours(profiles, record.uid, name, version, self._run.reporter(props))
            if stored is None:
                continue
            mine.append(record.uid)
            if users := in_use(stored):
                used.append(f"  {name} {version} is used by {users}")
        if used:
            raise ProfileRefused(
                f"profile {name} was not deleted, because clusters use it:\n"
                + "\n".join(used)
                + "\n  -> detach it from "
                "them, or delete them, and run again; to keep the profile in Palette and only forget it here: pulumi state "
                "delete <URN> (pulumi stack --show-urns)"
            )
        for uid in mine:
            profiles.delete(uid)

    def _profiles(self, props: Mapping[str, Any]) -> ProfileClient:
        project, tenant = str(props.get("projectUid") or ""), str(props.get("tenant") or "")
        return self._clients.get(props).profiles(project, tenant)

    def _write(self, client: PaletteClient, progress: Progress) -> None:
        props, records = progress.props, progress.records
        version, reporter = str(props["version"]), self._run.reporter(props)
        profiles = client.profiles(progress.place["projectUid"], progress.place["tenant"])
        wanted, layers = resolve(props, client.packs())
        writer, was = ProfileWriter(profiles, props, reporter), records.get(version)
        with progress.recorded_if_it_fails():
            uid, is_written = writer.write(wanted, was.uid if was else None, force=progress.forced(version))
            latest = max((record.order for record in records.values()), default=0)
            order = was.order if was and progress.is_current(version) else latest + 1
            own = {str(layer["name"]): str(layer["version"]) for layer in layers if layer["name"] in own_packs(props)}
            # First without what is read: a failure from here on must not lose the uid.
            progress.keep(version, ProfileRecord(uid, order, "", "", own), layers)
            self._claim([record.uid for record in records.values()], props)
            stored = profiles.get(uid)
            if stored is None:
                raise ProfileRefused(
                    f"profile {wanted.name} {version} was written, and is gone from Palette already: run up again"
                )
            writer.verify(stored, wanted)
            done = ProfileRecord(
                uid, order, str(props.get("declared") or declared_digest(props)), fingerprint(stored.content), own,
                len(stored.clusters),
            )  # fmt: skip
            progress.keep(version, done, layers)
        if is_written:
            reporter.info(
                f"profile {wanted.name} {version} is in Palette, with {listed([f'{x.name} {x.version}' for x in wanted.layers], 12)}"
            )

    def _prune(self, client: PaletteClient, progress: Progress) -> None:
        """Deletes the versions beyond keepVersions, those first that became current longest ago, if nothing uses them."""
        props = progress.props
        name, reporter = str(props["profileName"]), self._run.reporter(props)
        profiles = client.profiles(progress.place["projectUid"], progress.place["tenant"])
        for version in beyond_keep(progress.records, props):
            stored = get_ours(profiles, progress.records[version].uid, name, version, reporter)
            if stored and (users := in_use(stored)):
                reporter.info(
                    f"profile {name} {version} stays, beyond keepVersions: it is used by {users}; the next change of "
                    "this profile looks again"
                )
                continue
            if stored:
                profiles.delete(stored.uid)
            del progress.records[version]

    def _claim(self, uids: Sequence[str], props: Props) -> None:
        """The last resource that has or writes a version owns it."""
        for uid in uids:
            self._run.ownership.claim(_IN_PALETTE, uid, Claim(own_urn(props)))


def _declared(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in layer.items() if key not in ("registryUid", "packUid", "type")}


def _project(client: PaletteClient, props: Props) -> str:
    """Its uid; "" = the tenant."""
    name = str(props.get("project") or "")
    if not name:
        return ""
    if uid := client.projects(name).get(name):
        return uid
    others = listed(sorted(client.projects()), 8)
    raise PaletteError(
        PaletteStep.PROJECTS, client.host, text=f"it shows this API key no project {name}; it shows {others or 'none'}",
        remedy="correct project (packinfra:profiles), or give the user of the API key a role in it",
    )  # fmt: skip
