"""Palette's REST API, as far as a pack registry needs it: a method for each endpoint (Palette's API description, 4.8).

A 404 is believed only if it is Palette's own, the key is of the same tenant, and the list of registries agrees: with
the wrong kind or another tenant's key, Palette says "not found" of a registry that is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
from packinfra.palette.registration import Registration, parse_registration
from packinfra.palette.sync_status import SyncStatus
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
        self._send = transport.send

    def close(self) -> None:
        self._transport.close()

    @property
    def host(self) -> str:
        return self._transport.host

    def principal(self, partition: str = "aws") -> Principal:
        path = "/v1/clouds/aws/account/sts"
        document = self._send(PaletteStep.PRINCIPAL, "GET", path, query={"partition": partition})
        if not document.get("accountId") or not document.get("externalId"):
            text = "the response names no account or no ExternalId"
            raise PaletteError(PaletteStep.PRINCIPAL, f"{self.host}{path}", text=text)
        return Principal(str(document["accountId"]), str(document["externalId"]))

    def tenant(self) -> str:
        """The uid of the tenant that the key belongs to; "" if Palette doesn't say."""
        try:
            status = self._send(PaletteStep.TENANT, "GET", "/v1/users/me").get("status") or {}
        except (Forbidden, NotFound):  # no later request depends on it
            return ""
        return str((status.get("tenant") or {}).get("tenantUid") or "")

    def registries(self, *, retry: bool = True) -> list[Listed]:
        listed: list[Listed] = []
        query: dict[str, str] = {}
        while True:
            document = self._send(PaletteStep.LIST, "GET", _SUMMARY, query=query, retry=retry)
            for item in document.get("items") or []:
                metadata, spec = item.get("metadata") or {}, item.get("spec") or {}
                kind = str(spec.get("registryType") or "").lower()
                listed.append(Listed(str(metadata.get("uid")), str(metadata.get("name")), kind))
            # This list is not paged in 4.8; every other one is, and a page taken for the whole would hide a registry.
            following = (document.get("listmeta") or {}).get("continue")
            if not following or following == query.get("continue"):
                return listed
            query = {"continue": str(following)}

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
        again = False

        def action() -> str:
            nonlocal again
            if again:
                for listed in self.registries(retry=False):
                    if listed.name == registration.name:
                        return listed.uid
            again = True
            path = f"/v1/registries/oci/{registration.kind}"
            document = self._send(
                PaletteStep.CREATE, "POST", path, query={"skipPackSync": "true"}, body=registration.body(),
                secrets=(registration.secret,), retry=False,
            )  # fmt: skip
            if not document.get("uid"):
                raise PaletteError(PaletteStep.CREATE, f"{self.host}{path}", text="the response names no uid")
            return str(document["uid"])

        try:
            return self._transport.budget().attempt(action)
        except PaletteError as error:
            raise _name_taken(error) from error

    def read(self, kind: Kind, uid: str, tenant: str = "") -> dict[str, Any] | None:
        """As `parse_registration` returns it; None if there is definitely no such registry.

        Args:
            tenant: The one in which it was registered, "" if that isn't known.
        """
        try:
            return parse_registration(kind, self._send(PaletteStep.READ, "GET", _path(uid, kind)))
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
        return SyncStatus.of(self._send(PaletteStep.STATUS, "GET", f"{_path(uid, kind)}/sync/status"))

    def versions(self, pack: str, uid: str) -> frozenset[str]:
        """The versions of a pack that Palette offers from this registry."""
        try:
            document = self._send(
                PaletteStep.LOOKUP, "GET", f"/v1/packs/{pack}/registries/{uid}", query={"cloudType": "all"}
            )
        except PaletteError as error:
            # Of a pack that isn't indexed, with any code; it may also be a response without tags.
            if error.status == 404 and not isinstance(error, NotPalette):
                return frozenset()
            raise
        # Not `tag`, which may carry its group in front: "LTS__22.4.x".
        return frozenset(str(entry.get("version")) for entry in document.get("tags") or [])

    def _confirm_gone(self, kind: Kind, uid: str, tenant: str, error: NotFound) -> None:
        if tenant and (ours := self.tenant()) != tenant:
            whose = f"belongs to the tenant {ours}" if ours else "belongs to a tenant that Palette doesn't tell"
            raise error.recast(
                KeyRejected,
                text=f"the API key {whose}; it was registered in the tenant {tenant}",
                remedy="give an API key of that tenant; if the tenant is no more: pulumi state delete <URN of the "
                "PaletteRegistry> --target-dependents (pulumi stack --show-urns), then pulumi up",
            )
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
    """Palette's code for it isn't published, so a conflict counts, and a code that speaks of one."""
    words = error.code.lower()
    if error.status != 409 and not any(word in words for word in ("alreadyexist", "duplicate")):
        return error
    return error.recast(NameTaken)
