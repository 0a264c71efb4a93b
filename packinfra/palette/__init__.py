"""Palette's REST API, as far as pack registries and cluster profiles need it. No Pulumi, no AWS.

client = PaletteClient(PaletteTransport("api.spectrocloud.com", key))
client.versions("hello", client.find("spectro-packs").uid)
"""

from packinfra.palette.client import Listed, PaletteClient, Principal
from packinfra.palette.credentials import Kind
from packinfra.palette.errors import PaletteError, SyncFailed
from packinfra.palette.registration import Registration
from packinfra.palette.sync_status import SyncStatus
from packinfra.palette.transport import PaletteTransport

__all__ = [
    "Kind", "Listed", "PaletteClient", "PaletteError", "PaletteTransport", "Principal", "Registration", "SyncFailed",
    "SyncStatus",
]  # fmt: skip
