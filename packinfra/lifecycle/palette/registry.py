"""The life of a PaletteRegistry: a pack registry registered in Palette.

    check   validates and normalizes the inputs. No network.   inputs.py
    diff    compares what is known of both sides; secrets by our own record, since Palette masks them.
    create  waits until Palette can read (a role may be new); takes over a registry of the same name and place.
    update  the same wait, then everything is written anew, with the real secrets.
    read    Palette's registration; masked values stay as they are recorded. Only a definite 404 is "gone".
    delete  unless another resource of this run owns the registration.

No sync begins here: PaletteSync starts it, once the packs are published.
"""

from __future__ import annotations

from packinfra.lifecycle.ownership import Claim
from packinfra.lifecycle.palette.clients import PaletteClients
from packinfra.lifecycle.palette.inputs import registration, validate_inputs
from packinfra.lifecycle.results import CheckOutcome, CreateOutcome, DiffOutcome, Props, ReadOutcome, changed_keys
from packinfra.lifecycle.run import Config, Run, own_urn
from packinfra.palette import Listed, PaletteClient, Registration
from packinfra.palette.credentials import SECRET_KEYS
from packinfra.palette.errors import NameTaken, PaletteStep
from packinfra.palette.registration import REQUIRED_SPEC
from packinfra.palette.validation import wait_until_valid

_REPLACES = ("kind", "host")
"""Not the name, unlike in Palette's Terraform provider: cluster profiles refer to the uid, which a replacement loses."""
_WRITTEN = (
    "registryName", "endpoint", "basePath", "roleArn", "externalId", "accessKeyId", "podIdentityRoleArn", "username",
    "certificate", "partition", "insecureSkipVerify", *SECRET_KEYS, *REQUIRED_SPEC,
)  # fmt: skip
_OUTPUTS_ONLY = ("uid", "tenant", "revision")
_UNVERIFIED = (
    "insecureSkipVerify: Palette will not verify the certificate of {endpoint} ({name}). Whoever is on the network between "
    "them can read its password and give it other packs. Give the registry's CA instead: registryCaFile"
)
_IN_PALETTE = "palette"
"""Stands in for the host, since one Palette may have several: uids are unique."""


class PaletteRegistryLifecycle:
    def __init__(self, run: Run, config: Config) -> None:
        self._run = run
        self._clients = PaletteClients(config)

    def check(self, _olds: Props, news: Props) -> CheckOutcome:
        self._run.ownership.plan(own_urn(news))
        if news.get("insecureSkipVerify"):
            self._run.warn_once(news, _UNVERIFIED.format(name=news.get("registryName"), endpoint=news.get("endpoint")))
        return CheckOutcome(*validate_inputs(news))

    def diff(self, id_: str, olds: Props, news: Props) -> DiffOutcome:
        replaces = changed_keys(olds, news, _REPLACES)
        if not replaces and self._run.ownership.is_planned(own_urn(news)):
            # A failed run may have left an entry to be deleted that is this registration under another name of its host.
            self._claim(id_, news)
        changes = bool(replaces or changed_keys(olds, news, (*_WRITTEN, "caFile")))
        # In the same Palette the old one first, since names are unique. In another one last: if that one is mistyped,
        # or has another key, nothing is lost.
        return DiffOutcome(changes, replaces, old_first="host" not in replaces)

    def create(self, props: Props) -> CreateOutcome:
        client, wanted = self._clients.get(props), registration(props)
        listed = client.find(wanted.name)
        if listed:
            _require_same_place(client, listed, wanted)
        self._wait_until_valid(client, wanted, props)
        if listed:
            client.update(listed.uid, wanted)
            self._run.reporter(props).info(
                f"{wanted.name} was registered in Palette already, for the same place: it is taken over, and destroy "
                "will delete it; only one stack may have it, so remove packinfra:palette from any other"
            )
        tenant = client.tenant()
        uid = listed.uid if listed else client.create(wanted)
        self._claim(uid, props)
        return CreateOutcome(uid, {**props, "uid": uid, "tenant": tenant, "revision": 1})

    def update(self, id_: str, olds: Props, news: Props) -> Props:
        client, wanted = self._clients.get(news), registration(news)
        self._wait_until_valid(client, wanted, news)
        client.update(id_, wanted)
        tenant, revision = str(olds.get("tenant") or client.tenant()), int(olds.get("revision") or 0) + 1
        self._claim(id_, news)
        return {**news, "uid": id_, "tenant": tenant, "revision": revision}

    def read(self, id_: str, props: Props) -> ReadOutcome | None:
        registered = self._clients.get(props).read(props["kind"], id_, str(props.get("tenant") or ""))
        if registered is None:
            return None
        outputs = {key: value for key, value in {**props, **registered}.items() if value is not None}
        return ReadOutcome(outputs, {key: value for key, value in outputs.items() if key not in _OUTPUTS_ONLY})

    def delete(self, id_: str, props: Props) -> None:
        if owner := self._run.ownership.owner_of(_IN_PALETTE, id_):
            self._run.reporter(props).info(f"{props.get('registryName')} stays in Palette: {owner.urn} owns it now")
            return
        self._clients.get(props).delete(props["kind"], id_, str(props.get("tenant") or ""))

    def _wait_until_valid(self, client: PaletteClient, wanted: Registration, props: Props) -> None:
        timeout = float(props.get("roleTimeoutSeconds") or 0.0)
        wait_until_valid(client, wanted, role_timeout_seconds=timeout, reporter=self._run.reporter(props))

    def _claim(self, uid: str, props: Props) -> None:
        """The last resource that has or writes the registration owns it."""
        self._run.ownership.claim(_IN_PALETTE, uid, Claim(own_urn(props)))


def _require_same_place(client: PaletteClient, listed: Listed, wanted: Registration) -> None:
    """Raises NameTaken if the registry that has the name is another one."""
    theirs = f"a registry of kind {listed.kind or 'unknown'}"
    if listed.kind == wanted.kind:
        registered = client.read(wanted.kind, listed.uid)
        if registered is None:
            return
        place = registered.get("endpoint"), registered.get("basePath")
        if place == (wanted.endpoint, wanted.base_path):
            return
        theirs += f" for {place[0]}/{place[1] or ''}"
    raise NameTaken(
        PaletteStep.CREATE, client.host,
        text=f"the name {wanted.name} belongs to {theirs}, not to one of kind {wanted.kind} for "
        f"{wanted.endpoint}/{wanted.base_path}",
    )  # fmt: skip
