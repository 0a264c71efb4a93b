"""What packinfra asks of Palette, one method an endpoint (Palette's API description, 4.8).

A 404 is believed only if it is Palette's own, the key is of the same tenant, and the list of registries agrees: asked
through the wrong kind or with another tenant's key, Palette says "not found" of a registry that is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from packinfra.palette.credentials import Kind
from packinfra.palette.errors import (
    CredentialsRefused,
    Forbidden,
    KeyRefused,
    NameTaken,
    NotFound,
    NotPalette,
    PaletteError,
    Step,
    Throttled,
)
from packinfra.palette.registration import Registration, parse_registration
from packinfra.palette.sync_status import SyncStatus
from packinfra.palette.transport import Transport

_SUMMARY = "/v1/registries/oci/summary"
_NOT_ABOUT_CREDENTIALS = (NotPalette, NotFound, Throttled)


@dataclass(frozen=True)
class Principal:
    """Whom a reader role must trust: Palette's AWS account, and the ExternalId under which it asks."""

    account_id: str
    external_id: str


@dataclass(frozen=True)
class Listed:
    """An OCI registry as the list shows it; kind in lower case, "ecr" or "basic"."""

    uid: str
    name: str
    kind: str


class Client:
    """Thread-safe. Every method raises a PaletteError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._send = transport.send

    @property
    def host(self) -> str:
        return self._transport.host

    def principal(self, partition: str = "aws") -> Principal:
        path = "/v1/clouds/aws/account/sts"
        answer = self._send(Step.PRINCIPAL, "GET", path, query={"partition": partition})
        if not answer.get("accountId") or not answer.get("externalId"):
            raise PaletteError(
                Step.PRINCIPAL, f"{self.host}{path}", text="the answer names no account or no ExternalId"
            )
        return Principal(str(answer["accountId"]), str(answer["externalId"]))

    def tenant(self) -> str:
        """The uid of the tenant whose key this is; "" if Palette doesn't say."""
        try:
            said = self._send(Step.TENANT, "GET", "/v1/users/me").get("status") or {}
        except (Forbidden, NotFound):  # what is asked of Palette afterwards does not depend on it
            return ""
        return str((said.get("tenant") or {}).get("tenantUid") or "")

    def registries(self) -> list[Listed]:
        return self._registries(self._send)

    def find(self, name: str) -> Listed | None:
        return next((listed for listed in self.registries() if listed.name == name), None)

    def validate(self, registration: Registration) -> None:
        """Palette tries whether it gets in with these credentials. Raises CredentialsRefused if not."""
        path = f"/v1/registries/oci/{registration.kind}/validate"
        try:
            self._send(Step.VALIDATE, "POST", path, body=registration.spec(), secrets=(registration.secret,))
        except PaletteError as error:
            if isinstance(error, KeyRefused):
                self.registries()  # raises if it is our own key that is refused, and not Palette's at the registry
            # Neither status nor code of a refusal is published; AWS's own may come through as 403.
            about_us = isinstance(error, Forbidden) and "AssumeRole" not in error.text
            if about_us or isinstance(error, _NOT_ABOUT_CREDENTIALS) or error.status not in range(400, 501):
                raise
            raise CredentialsRefused(
                error.step, error.address, status=error.status, code=error.code, text=error.text,
                remedy=registration.remedy,
            ) from error  # fmt: skip

    def create(self, registration: Registration) -> str:
        """The new registry's uid. No sync begins.

        An answer that got lost is looked up before another attempt: the caller knows that the name was free.
        """
        again = False

        def action() -> str:
            nonlocal again
            if again:
                for listed in self._registries(self._transport.once):
                    if listed.name == registration.name:
                        return listed.uid
            again = True
            path = f"/v1/registries/oci/{registration.kind}"
            query = {"skipPackSync": "true"}
            answer = self._transport.once(
                Step.CREATE, "POST", path, query=query, body=registration.body(), secrets=(registration.secret,)
            )
            if not answer.get("uid"):
                raise PaletteError(Step.CREATE, f"{self.host}{path}", text="the answer names no uid")
            return str(answer["uid"])

        try:
            return self._transport.attempt(action)
        except PaletteError as error:
            raise _name_taken(error) from error

    def read(self, kind: Kind, uid: str, tenant: str = "") -> dict[str, Any] | None:
        """What `parse_registration` takes out of the answer; None if there is definitely no such registry.

        tenant: in which it was registered, "" if that isn't known
        """
        try:
            return parse_registration(kind, self._send(Step.READ, "GET", _path(uid, kind)))
        except NotFound as error:
            self._confirm_gone(kind, uid, tenant, error)
            return None

    def update(self, uid: str, registration: Registration) -> None:
        path = _path(uid, registration.kind)
        try:
            self._send(Step.UPDATE, "PUT", path, body=registration.body(), secrets=(registration.secret,))
        except PaletteError as error:
            raise _name_taken(error) from error

    def delete(self, kind: Kind, uid: str, tenant: str = "") -> None:
        """Also if there is none any more. tenant: see read"""
        try:
            self._send(Step.DELETE, "DELETE", _path(uid, kind))
        except NotFound as error:
            self._confirm_gone(kind, uid, tenant, error)
        except PaletteError as error:
            if type(error) is PaletteError and error.status in range(400, 500):
                remedy = "if cluster profiles use its packs, take those out of the profiles first; then run again"
                raise PaletteError(
                    error.step, error.address, status=error.status, code=error.code, text=error.text, remedy=remedy
                ) from error
            raise

    def sync(self, kind: Kind, uid: str, *, force: bool = False) -> None:
        """Asks for a sync and doesn't wait. force: give up one that is running."""
        query = {"forceSync": str(force).lower()}
        self._send(Step.SYNC, "POST", f"{_path(uid, kind)}/sync", query=query)

    def sync_status(self, kind: Kind, uid: str) -> SyncStatus:
        return SyncStatus.of(self._send(Step.STATUS, "GET", f"{_path(uid, kind)}/sync/status"))

    def versions(self, pack: str, uid: str) -> frozenset[str]:
        """The versions of a pack that Palette offers from this registry."""
        try:
            answer = self._send(Step.LOOKUP, "GET", f"/v1/packs/{pack}/registries/{uid}", query={"cloudType": "all"})
        except PaletteError as error:
            # Of a pack that isn't indexed, in whatever words; it may also be an answer without tags.
            if error.status == 404 and not isinstance(error, NotPalette):
                return frozenset()
            raise
        # Not `tag`, which may carry its group in front: "LTS__22.4.x".
        return frozenset(str(entry.get("version")) for entry in answer.get("tags") or [])

    def _registries(self, send: Any) -> list[Listed]:
        """send: the transport's, with or without its retries."""
        listed: list[Listed] = []
        query: dict[str, str] = {}
        while True:
            answer = send(Step.LIST, "GET", _SUMMARY, query=query)
            for item in answer.get("items") or []:
                metadata, spec = item.get("metadata") or {}, item.get("spec") or {}
                kind = str(spec.get("registryType") or "").lower()
                listed.append(Listed(str(metadata.get("uid")), str(metadata.get("name")), kind))
            # This list is not paged in 4.8; every other one is, and a page taken for the whole would hide a registry.
            following = (answer.get("listmeta") or {}).get("continue")
            if not following or following == query.get("continue"):
                return listed
            query = {"continue": str(following)}

    def _confirm_gone(self, kind: Kind, uid: str, tenant: str, error: NotFound) -> None:
        if tenant and (ours := self.tenant()) != tenant:
            whose = f"belongs to the tenant {ours}" if ours else "belongs to a tenant that Palette doesn't tell"
            raise KeyRefused(
                error.step, error.address, status=error.status, code=error.code,
                text=f"the API key {whose}; it was registered in the tenant {tenant}",
                remedy="give an API key of that tenant; if the tenant is no more: pulumi state delete <URN of the "
                "PaletteRegistry> --target-dependents (pulumi stack --show-urns), then pulumi up",
            )  # fmt: skip
        for listed in self.registries():
            if listed.uid == uid:
                raise PaletteError(
                    error.step, error.address, status=error.status, code=error.code,
                    text=f"{error.text}; but the list has it: {listed.name}, of kind {listed.kind or 'unknown'}",
                    remedy=f"it was registered as {kind}; look at it in Palette's console, and run again",
                ) from error  # fmt: skip


def _path(uid: str, kind: Kind) -> str:
    return f"/v1/registries/oci/{uid}/{kind}"


def _name_taken(error: PaletteError) -> PaletteError:
    """Palette's code for it isn't published, so what counts is a conflict, or a code that speaks of one."""
    words = error.code.lower()
    if error.status != 409 and not any(word in words for word in ("alreadyexist", "duplicate")):
        return error
    return NameTaken(error.step, error.address, status=error.status, code=error.code, text=error.text)
