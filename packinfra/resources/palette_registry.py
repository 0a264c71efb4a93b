"""PaletteRegistry: a pack registry registered in Palette, as a Pulumi resource.

    check   judges and tidies the inputs. No network.   palette_inputs.py
    diff    compares what is known of both sides; secrets by our own record, since Palette masks them.
    create  Palette must get in (a new role is waited for); a registry of the same name and place is taken over.
    update  the same check, then everything is written anew, with the real secrets.
    read    what Palette says; masked values stay as they are recorded. Only a definite 404 is "gone".
    delete  unless another resource of this run holds the registry.

No sync begins here: PaletteSync has that done, once the packs are published.

Module path and class names are part of users' state, as in published_pack.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from packinfra.host.engine import install_error_formatter
from packinfra.lifecycle.ownership import CLAIMS
from packinfra.lifecycle.palette.clients import PaletteClients, log_of, place, plain
from packinfra.lifecycle.palette.inputs import SECRETS, judged, registration
from packinfra.palette import Listed, PaletteClient, Registration
from packinfra.palette.errors import NameTaken, PaletteStep
from packinfra.palette.registration import REQUIRED_SPEC
from packinfra.palette.validation import wait_until_valid

_REPLACES = ("kind", "host")
"""Not the name, unlike in Palette's Terraform provider: cluster profiles refer to the uid, which a replacement loses."""
_WRITTEN = (
    "registryName", "endpoint", "basePath", "roleArn", "externalId", "accessKeyId", "username", "certificate",
    "partition", *SECRETS, *REQUIRED_SPEC,
)  # fmt: skip
_IN_PALETTE = "palette"
"""In the place of the host, of which one Palette may have several: uids are unique."""
_OUTPUTS = ("uid", "tenant", "revision")


class PaletteRegistryProvider(ResourceProvider):
    """The CRUD of PaletteRegistry. It captures nothing."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        install_error_formatter()
        self._clients = PaletteClients(req.config.get)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        props, problems = judged(news)
        return CheckResult(props, [CheckFailure("", text) for text in problems])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        replaces = [key for key in _REPLACES if _olds.get(key) != _news.get(key)]
        changed = any(_olds.get(key) != _news.get(key) for key in (*_WRITTEN, "caFile", "__provider"))
        if not replaces:
            # A failed run may have left an entry to be deleted that is this registration under another name of its host.
            _claim(_news, _id)
        # In the same Palette the old one first, since names are unique. In another one last: if that one is mistyped,
        # or has another key, nothing is lost.
        first = "host" not in replaces
        return DiffResult(changes=changed or bool(replaces), replaces=replaces, delete_before_replace=first)

    def create(self, props: dict[str, Any]) -> CreateResult:
        client, wanted = self._clients.of(props), registration(props)
        listed = client.find(wanted.name)
        if listed:
            _require_same_place(client, listed, wanted)
        self._admit(client, wanted, props)
        if listed:
            client.update(listed.uid, wanted)
            log_of(props).info(
                f"{wanted.name} was registered in Palette already, for the same place: it is taken over, and destroy "
                "will delete it; only one stack may have it, so remove packinfra:palette from any other"
            )
        tenant = client.tenant()
        uid = listed.uid if listed else client.create(wanted)
        return CreateResult(uid, _outs(props, uid, tenant, 1))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        client, wanted = self._clients.of(_news), registration(_news)
        self._admit(client, wanted, _news)
        client.update(_id, wanted)
        revision = int(_olds.get("revision") or 0) + 1
        return UpdateResult(_outs(_news, _id, str(_olds.get("tenant") or client.tenant()), revision))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        said = self._clients.of(props).read(props["kind"], id_, str(props.get("tenant") or ""))
        if said is None:
            return ReadResult("", {})
        outs = {key: value for key, value in {**plain(props), **said}.items() if value is not None}
        return ReadResult(id_, outs, {key: value for key, value in outs.items() if key not in _OUTPUTS})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        if holder := CLAIMS.holder(_IN_PALETTE, _id, str(_props.get("urn"))):
            log_of(_props).info(f"{_props.get('registryName')} stays in Palette: {holder} holds it now")
            return
        self._clients.of(_props).delete(_props["kind"], _id, str(_props.get("tenant") or ""))

    def _admit(self, client: PaletteClient, wanted: Registration, props: Mapping[str, Any]) -> None:
        timeout = float(props.get("patience") or 0.0)
        wait_until_valid(client, wanted, role_timeout_seconds=timeout, reporter=log_of(props))


class PaletteRegistry(Resource, module="packinfra", name="PaletteRegistry"):
    """A registry of packs, registered in Palette under `registry_name`.

    Depend on every PublishedPack (`opts.depends_on`): destroy then asks Palette first, and if it refuses because cluster
    profiles use the packs, they stay. A registry that has the name already is taken over if it is of the same kind,
    endpoint and base path, and refused otherwise.

    name:          logical name
    registry_name: as Palette's users see it; unique in the tenant
    kind:          ecr, or basic: Harbor and every other registry with user name and password
    endpoint:      ecr: the registry's host; basic: with scheme: https://harbor.example.com
    base_path:     what the repositories' names begin with, without spectro-packs

    How Palette reads it:
    role_arn, external_id:     ecr: a role that trusts what PalettePrincipal tells
    access_key_id, secret_key: ecr, instead: an IAM user's
    username, password:        basic. Secrets are kept as secrets in state: Palette never gives them back
    registry_ca_file:          basic: PEM file with the CA certificate of the registry, relative to the project

    partition: ecr: of the AWS account: aws, aws-us-gov
    patience:  ecr: seconds to wait for a role that Palette can't use yet (IAM is eventually consistent)
    host, ca_file: which Palette, see PalettePrincipal

    Outputs: `uid`; `tenant`, the uid of the tenant; `revision`, a number that rises whenever the registration is
    written; `endpoint`, `basePath`.
    """

    uid: pulumi.Output[str]
    tenant: pulumi.Output[str]
    revision: pulumi.Output[float]
    kind: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    basePath: pulumi.Output[str]  # noqa: N815 - the keys are state

    def __init__(
        self,
        name: str,
        *,
        registry_name: pulumi.Input[str],
        kind: str,
        endpoint: pulumi.Input[str],
        base_path: pulumi.Input[str],
        role_arn: pulumi.Input[str] | None = None,
        external_id: pulumi.Input[str] | None = None,
        access_key_id: pulumi.Input[str] | None = None,
        secret_key: pulumi.Input[str] | None = None,
        username: pulumi.Input[str] | None = None,
        password: pulumi.Input[str] | None = None,
        registry_ca_file: str | None = None,
        partition: str = "aws",
        patience: float = 120.0,
        host: pulumi.Input[str] | None = None,
        ca_file: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # Kept as given for PaletteSync: outputs that are None are unknown in every preview, since state has none of them.
        self.palette = place(host, ca_file)
        urn = pulumi.create_urn(name, f"pulumi-python:{self._resource_type_name}", opts.parent if opts else None)
        props = {
            "registryName": registry_name,
            "kind": kind,
            "endpoint": endpoint,
            "basePath": base_path,
            "roleArn": role_arn,
            "externalId": external_id,
            "accessKeyId": access_key_id,
            # The engine marks outputs as secrets where the inputs of the same name are.
            "secretKey": None if secret_key is None else pulumi.Output.secret(secret_key),
            "username": username,
            "password": None if password is None else pulumi.Output.secret(password),
            "registryCaFile": registry_ca_file,
            "partition": partition,
            "patience": patience,
            **self.palette,
            "urn": pulumi.Output(set(), urn.future(), urn.is_known()),  # as in published_pack.py
            **dict.fromkeys(("certificate", *REQUIRED_SPEC, *_OUTPUTS)),
        }
        super().__init__(PaletteRegistryProvider(), name, props, opts)


def _require_same_place(client: PaletteClient, listed: Listed, wanted: Registration) -> None:
    """Raises NameTaken if the registry that has the name is another one."""
    theirs = f"a registry of kind {listed.kind or 'unknown'}"
    if listed.kind == wanted.kind:
        said = client.read(wanted.kind, listed.uid)
        if said is None or (said.get("endpoint"), said.get("basePath")) == (wanted.endpoint, wanted.base_path):
            return
        theirs += f" for {said.get('endpoint')}/{said.get('basePath') or ''}"
    raise NameTaken(
        PaletteStep.CREATE, client.host,
        text=f"the name {wanted.name} belongs to {theirs}, not to one of kind {wanted.kind} for "
        f"{wanted.endpoint}/{wanted.base_path}",
    )  # fmt: skip


def _outs(props: Mapping[str, Any], uid: str, tenant: str, revision: int) -> dict[str, Any]:
    _claim(props, uid)
    return {**plain(props), "uid": uid, "tenant": tenant, "revision": revision}


def _claim(props: Mapping[str, Any], uid: str) -> None:
    """Whoever has or writes the registration holds it: another resource of this run leaves it alone."""
    CLAIMS.want(_IN_PALETTE, uid, str(props.get("urn")), published=True)
