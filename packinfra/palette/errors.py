"""The errors of Palette, each with the step, the host and path, Palette's response, and what to do next.

PaletteError
  PaletteUnreachable   no connection, or it broke
  NotPalette           a server responds at the host, but not as Palette does
  KeyRejected          401, no API key, or one of another tenant
  Forbidden            403, or a request that belongs to another scope
  NotFound             404, in Palette's own words (not a proxy's)
  CredentialsRejected  the registry rejects the credentials that Palette was given for it
  NameTaken            another registry of the tenant, or another profile of the scope, has the name
  InUse                clusters use the profile
  PaletteThrottled     429, after all retries
PackMissing            Palette lists no such registry, pack or version
SyncFailed             a sync failed, hung, or ended without the packs
"""

from __future__ import annotations

from enum import StrEnum

from packinfra.errors import PackinfraError
from packinfra.http.errors import ServiceError


class PaletteStep(StrEnum):
    """A request to Palette, as it reads in an error: "could not list the registries in Palette"."""

    CONNECT = "reach"
    LOGIN = "log in to"
    PRINCIPAL = "read the AWS account of"
    VALIDATE = "have the credentials of the registry checked by"
    TENANT = "read the tenant of the API key from"
    LIST = "list the registries in"
    CREATE = "register the registry in"
    READ = "read the registry from"
    UPDATE = "update the registry in"
    DELETE = "delete the registry from"
    SYNC = "start a sync of the registry in"
    STATUS = "read the sync status of the registry from"
    LOOKUP = "look the pack up in"
    REGISTRIES = "list the registries of packs in"
    PROJECTS = "list the projects in"
    PROFILES = "list the cluster profiles in"
    PROFILE_CREATE = "create the cluster profile in"
    PROFILE_READ = "read the cluster profile from"
    PROFILE_UPDATE = "update the cluster profile in"
    PROFILE_PUBLISH = "publish the cluster profile in"
    PROFILE_DELETE = "delete the cluster profile from"
    PROFILE_VALIDATE = "have the packs of the cluster profile checked by"
    MANIFESTS = "read the manifests of the cluster profile from"
    VARIABLES = "read the variables of the cluster profile from"
    VARIABLES_UPDATE = "write the variables of the cluster profile to"


class PaletteError(ServiceError):
    """Palette refused, failed, or could not be reached. target: host and path of the request, without its query"""

    service = " Palette"
    remedy = "see what Palette says; if it looks temporary, run again: what is done stays done"


class PaletteUnreachable(PaletteError):  # noqa: N818 - reads as what happened, as in the tree above
    remedy = "check host (packinfra:palette), network and proxy (HTTPS_PROXY, NO_PROXY)"


class NotPalette(PaletteError):  # noqa: N818
    remedy = (
        "check host (packinfra:palette): api.spectrocloud.com, or the host of your own console; and what stands between "
        "here and Palette (proxy, gateway)"
    )


class KeyRejected(PaletteError):  # noqa: N818
    remedy = (
        "give an API key that is valid: the secret packinfra:paletteApiKey (pulumi config set --secret), or "
        "SPECTROCLOUD_APIKEY; keys expire, and each belongs to one tenant of one Palette. A changed secret reaches refresh "
        "and destroy with the next pulumi up: run that first"
    )


class Forbidden(PaletteError):  # noqa: N818
    remedy = "use the API key of a tenant admin: registries belong to the tenant, not to a project"


class NotFound(PaletteError):  # noqa: N818
    remedy = "run pulumi refresh, then pulumi up: what is missing is made again"


class CredentialsRejected(PaletteError):  # noqa: N818
    """Its remedy depends on the kind of credentials (registration.py)."""


class NameTaken(PaletteError):  # noqa: N818
    remedy = (
        "choose another name (packinfra:palette: name), or delete the other registry; one that is for the same "
        "endpoint and base path is taken over"
    )


class InUse(PaletteError):  # noqa: N818
    remedy = "move the clusters that use this version to another one, or detach the profile from them; then run again"


class PaletteThrottled(PaletteError):  # noqa: N818
    remedy = "run again in a minute; what is done stays done"


class SyncFailed(PackinfraError):  # noqa: N818
    """The registry is registered, but Palette doesn't list every pack. `str()` says which, and the usual reason."""


class PackMissing(PackinfraError):  # noqa: N818
    """A layer that can't be looked up. `str()` says what Palette lists instead, and what to do next."""
