"""Requests about cluster profiles in one scope of Palette, a project or the tenant, and what a 404 there means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packinfra.palette.errors import Forbidden, NotFound, PaletteError, PaletteStep
from packinfra.palette.profile_responses import ProfileList, ProfileResponse
from packinfra.palette.projects import find_projects
from packinfra.palette.responses import Named, P
from packinfra.palette.tenant import confirm_tenant
from packinfra.palette.transport import PaletteTransport

PATH = "/v1/clusterprofiles"
_LIST = "/v1/dashboard/clusterprofiles/metadata"
_RIGHTS = (
    "the user of the API key needs a role with clusterProfile.get, .create, .update, .publish and .delete in the profile's "
    "project, or for the tenant's profiles in the tenant"
)


class ProfileScope:
    """The part of ProfileClient below its methods.

    Args:
        project: The uid of the project; "" = the tenant.
        tenant: The uid of the tenant in which the profiles were made; "" = not known, and then a key of another tenant isn't
            noticed where the scope is the tenant.
    """

    def __init__(self, transport: PaletteTransport, *, project: str = "", tenant: str = "") -> None:
        self._transport, self._project, self._tenant = transport, project, tenant

    def _read(self, uid: str, *, retry: bool = True) -> ProfileResponse:
        return self._fetch(PaletteStep.PROFILE_READ, f"{PATH}/{uid}", ProfileResponse, retry=retry)

    def _is_ours(self, profile: ProfileResponse) -> bool:
        annotations = profile.metadata.annotations
        scope, project = annotations.get("scope", ""), annotations.get("projectUid", "")
        if self._project:
            return scope in ("", "project") and project in ("", self._project)
        return scope in ("", "tenant")

    def _confirm_gone(self, uid: str, error: NotFound) -> None:
        """Raises unless this key would see the version if it were there."""
        confirm_tenant(self._transport, self._tenant, error)
        if self._project and self._project not in find_projects(self._transport).values():
            raise self._unseen(error) from error
        if any(item.uid == uid for item in self._listed()):
            text = f"{error.text}; but the list has it"
            raise error.recast(
                PaletteError, text=text, remedy="look at it in Palette's console, and run again"
            ) from error

    def _listed(self, *, retry: bool = True) -> list[Named]:
        """The profiles that Palette lists in this scope; in a project, the tenant's too."""
        pages = self._transport.pages(PaletteStep.PROFILES, _LIST, ProfileList, project=self._project, retry=retry)
        try:
            return [item.metadata for page in pages for item in page.items]
        except PaletteError as error:
            raise self._explained(self._unseen(error)) from error

    def _unseen(self, error: PaletteError) -> PaletteError:
        """A 404 that can't be about a profile is about the project."""
        if not (self._project and isinstance(error, NotFound)):
            return error
        return error.recast(
            Forbidden,
            text=f"{error.text}; the API key's user doesn't see the project {self._project}",
            remedy="give an API key of a user of that project; if the project was deleted: pulumi state delete <URN of the "
            "ClusterProfile> (pulumi stack --show-urns), then pulumi up",
        )

    def _fetch(
        self,
        step: PaletteStep,
        path: str,
        model: type[P],
        *,
        method: str = "GET",
        body: Mapping[str, Any] | None = None,
        retry: bool = True,
    ) -> P:
        try:
            return self._transport.fetch(step, method, path, model, project=self._project, body=body, retry=retry)
        except PaletteError as error:
            raise self._explained(error) from error

    def _send(
        self,
        step: PaletteStep,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        secrets: tuple[str, ...] = (),
    ) -> None:
        try:
            self._transport.send(step, method, path, project=self._project, body=body, secrets=secrets)
        except PaletteError as error:
            raise self._explained(error) from error

    @staticmethod
    def _explained(error: PaletteError) -> PaletteError:
        """With the rights that profiles need; a registry's are others."""
        is_plain = isinstance(error, Forbidden) and error.remedy == Forbidden.remedy
        return error.recast(Forbidden, remedy=_RIGHTS) if is_plain else error
