"""Palette's REST API, as far as a pack registry needs it: register, sync, look packs up. No Pulumi, no AWS.

client = Client(Transport("api.spectrocloud.com", key))
client.versions("hello", client.find("spectro-packs").uid)
"""

from packinfra.palette.client import Client, Listed, Principal
from packinfra.palette.errors import PaletteError, SyncFailed
from packinfra.palette.registration import Registration
from packinfra.palette.transport import Transport

__all__ = ["Client", "Listed", "PaletteError", "Principal", "Registration", "SyncFailed", "Transport"]
