"""Palette's REST API, as far as a pack registry needs it: a method for each endpoint (Palette's API description, 4.8).

A 404 is believed only if it is Palette's own, the key is of the same tenant, and the list of registries agrees: with
the wrong kind or another tenant's key, Palette says "not found" of a registry that is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from packinfra.palette.creation import create_once, is_conflict
from packinfra.palette.credentials import Kind
from packinfra.palette.errors import (
    CredentialsRejected,
    Forbidden,
    KeyRejected,
    NameTaken,
    NotFound,
    NotPalette,
    PaletteError,
    PaletteStep,
    PaletteThrottled,
)
from packinfra.palette.packs import PackLookup, find_versions
from packinfra.palette.profiles import ProfileClient
from packinfra.palette.projects import find_projects
from packinfra.palette.registration import Registration, parse_registration
from packinfra.palette.responses import Created, RegistryList, RegistryResponse, StsAccount, SyncStatusResponse
from packinfra.palette.sync_status import SyncStatus
from packinfra.palette.tenant import confirm_tenant, tenant_of
from packinfra.palette.transport import PaletteTransport

_SUMMARY = "/v1/registries/oci/summary"
_NOT_ABOUT_CREDENTIALS = (NotPalette, NotFound, PaletteThrottled)


@dataclass(frozen=True)
class Principal:
    """The principal that a reader role must trust: Palette's AWS account, and the ExternalId that Palette sends."""

    account_id: str
    external_id: str


@dataclass(frozen=True)
class Listed:
    """An OCI registry as the list shows it; kind in lower case, "ecr" or "basic"."""

    uid: str
    name: str
    kind: str


class PaletteClient:
    """Thread-safe. Every method raises a PaletteError."""

    def __init__(self, transport: PaletteTransport) -> None:
        self._transport = transport
        self._send, self._fetch = transport.send, transport.fetch

    def close(self) -> None:
        self._transport.close()

    @property
    def host(self) -> str:
        return self._transport.host

    def principal(self, partition: str = "aws") -> Principal:
        path = "/v1/clouds/aws/account/sts"
        account = self._fetch(PaletteStep.PRINCIPAL, "GET", path, StsAccount, query={"partition": partition})
        return Principal(account.account_id, account.external_id)

    def tenant(self) -> str:
        """The uid of the tenant that the key belongs to; "" if Palette doesn't say."""
        return tenant_of(self._transport)

    def projects(self, name: str = "") -> dict[str, str]:
        """See find_projects."""
        return find_projects(self._transport, name)

    def packs(self) -> PackLookup:
        """A new one for each operation: it remembers what it has read."""
        return PackLookup(self._transport)

    def profiles(self, project: str = "", tenant: str = "") -> ProfileClient:
        return ProfileClient(self._transport, project=project, tenant=tenant)

    def registries(self, *, retry: bool = True) -> list[Listed]:
        # This list is not paged in 4.8; every other one is, and a page taken for the whole would hide a registry.
        pages = self._transport.pages(PaletteStep.LIST, _SUMMARY, RegistryList, retry=retry)
        return [
            Listed(item.metadata.uid, item.metadata.name, item.spec.registry_type.lower())
            for page in pages for item in page.items
        ]  # fmt: skip

    def find(self, name: str) -> Listed | None:
        return next((listed for listed in self.registries() if listed.name == name), None)

    def validate(self, registration: Registration) -> None:
        """Has Palette try these credentials. Raises CredentialsRejected if the registry rejects them."""
        path = f"/v1/registries/oci/{registration.kind}/validate"
        try:
            self._send(PaletteStep.VALIDATE, "POST", path, body=registration.spec(), secrets=(registration.secret,))
        except PaletteError as error:
            if isinstance(error, KeyRejected):
                self.registries()  # raises if Palette rejects our key, and not the registry Palette's credentials
            # Neither status nor code of a rejection is published; AWS's own may come through as 403.
            about_us = isinstance(error, Forbidden) and "AssumeRole" not in error.text
            if about_us or isinstance(error, _NOT_ABOUT_CREDENTIALS) or error.status not in range(400, 501):
                raise
            raise error.recast(CredentialsRejected, remedy=registration.remedy) from error

    def create(self, registration: Registration) -> str:
        """The new registry's uid. No sync begins.

        After a lost response, the list says whether it was created: the caller knows that the name was free.
        """
        path = f"/v1/registries/oci/{registration.kind}"

        def post() -> str:
            return self._fetch(
                PaletteStep.CREATE, "POST", path, Created, query={"skipPackSync": "true"}, body=registration.body(),
                secrets=(registration.secret,), retry=False,
            ).uid  # fmt: skip

        def find() -> str | None:
            return next((item.uid for item in self.registries(retry=False) if item.name == registration.name), None)

        try:
            return create_once(self._transport.budget(), post, find)
        except PaletteError as error:
            raise _name_taken(error) from error

    def read(self, kind: Kind, uid: str, tenant: str = "") -> dict[str, Any] | None:
        """As `parse_registration` returns it; None if there is definitely no such registry.

        Args:
            tenant: The one in which it was registered, "" if that isn't known.
        """
        try:
            return parse_registration(kind, self._fetch(PaletteStep.READ, "GET", _path(uid, kind), RegistryResponse))
        except NotFound as error:
            self._confirm_gone(kind, uid, tenant, error)
            return None

    def update(self, uid: str, registration: Registration) -> None:
        path = _path(uid, registration.kind)
        try:
            self._send(PaletteStep.UPDATE, "PUT", path, body=registration.body(), secrets=(registration.secret,))
        except PaletteError as error:
            raise _name_taken(error) from error

    def delete(self, kind: Kind, uid: str, tenant: str = "") -> None:
        """A missing one is success. tenant: see read"""
        try:
            self._send(PaletteStep.DELETE, "DELETE", _path(uid, kind))
        except NotFound as error:
            self._confirm_gone(kind, uid, tenant, error)
        except PaletteError as error:
            if type(error) is PaletteError and error.status in range(400, 500):
                remedy = "if cluster profiles use its packs, take those out of the profiles first; then run again"
                raise error.recast(PaletteError, remedy=remedy) from error
            raise

    def sync(self, kind: Kind, uid: str, *, force: bool = False) -> None:
        """Starts a sync and doesn't wait. force: give up one that is running."""
        query = {"forceSync": str(force).lower()}
        self._send(PaletteStep.SYNC, "POST", f"{_path(uid, kind)}/sync", query=query)

    def sync_status(self, kind: Kind, uid: str) -> SyncStatus:
        path = f"{_path(uid, kind)}/sync/status"
        return SyncStatus.of(self._fetch(PaletteStep.STATUS, "GET", path, SyncStatusResponse))

    def versions(self, pack: str, uid: str) -> frozenset[str]:
        """The versions of a pack that Palette lists from this registry."""
        return find_versions(self._transport, pack, uid)

    def _confirm_gone(self, kind: Kind, uid: str, tenant: str, error: NotFound) -> None:
        confirm_tenant(self._transport, tenant, error)
        for listed in self.registries():
            if listed.uid == uid:
                raise error.recast(
                    PaletteError,
                    text=f"{error.text}; but the list has it: {listed.name}, of kind {listed.kind or 'unknown'}",
                    remedy=f"it was registered as {kind}; look at it in Palette's console, and run again",
                ) from error


def _path(uid: str, kind: Kind) -> str:
    return f"/v1/registries/oci/{uid}/{kind}"


def _name_taken(error: PaletteError) -> PaletteError:
    return error.recast(NameTaken) if is_conflict(error) else error
