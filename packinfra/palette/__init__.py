"""Palette's REST API, as far as a pack registry needs it: register, sync, look packs up. No Pulumi, no AWS.

with PaletteClient(PaletteTransport("api.spectrocloud.com", key)) as client:
    client.versions("hello", client.find("spectro-packs").uid)
"""

from packinfra.palette.client import Listed, PaletteClient, Principal
from packinfra.palette.errors import PaletteError, SyncFailed
from packinfra.palette.registration import Registration
from packinfra.palette.transport import PaletteTransport

__all__ = ["Listed", "PaletteClient", "PaletteError", "PaletteTransport", "Principal", "Registration", "SyncFailed"]
