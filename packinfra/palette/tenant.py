"""The tenant that an API key belongs to: with a key of another one, Palette says "not found" of what is there."""

from __future__ import annotations

from packinfra.palette.errors import Forbidden, KeyRejected, NotFound, PaletteStep
from packinfra.palette.responses import User
from packinfra.palette.transport import PaletteTransport


def tenant_of(transport: PaletteTransport) -> str:
    """The uid of the tenant that the key belongs to; "" if Palette doesn't say."""
    try:
        user = transport.fetch(PaletteStep.TENANT, "GET", "/v1/users/me", User)
    except (Forbidden, NotFound):  # no later request depends on it
        return ""
    return user.status.tenant.tenant_uid


def confirm_tenant(transport: PaletteTransport, tenant: str, error: NotFound) -> None:
    """Raises KeyRejected unless the key is of the `tenant` in which the missing thing was made ("" = not known)."""
    if tenant and (ours := tenant_of(transport)) != tenant:
        whose = f"belongs to the tenant {ours}" if ours else "belongs to a tenant that Palette doesn't tell"
        raise error.recast(
            KeyRejected,
            text=f"the API key {whose}; it was made in the tenant {tenant}",
            remedy="give an API key of that tenant; if the tenant was deleted: pulumi state delete <URN of the "
            "PaletteRegistry or ClusterProfile> --target-dependents (pulumi stack --show-urns), then pulumi up",
        )
