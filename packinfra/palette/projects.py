"""Projects of a tenant: a cluster profile lives in one of them, or in the tenant itself."""

from __future__ import annotations

from packinfra.palette.errors import PaletteStep
from packinfra.palette.responses import NamedPage
from packinfra.palette.transport import PaletteTransport

_PATH = "/v1/dashboard/projects/metadata"


def find_projects(transport: PaletteTransport, name: str = "") -> dict[str, str]:
    """Name -> uid of the projects that the key's user sees; `name` alone, if it is given and seen.

    Names are unique in a tenant. Raises PaletteError.
    """
    # Not every version of Palette may filter by name, so the list is compared too.
    pages = transport.pages(PaletteStep.PROJECTS, _PATH, NamedPage, query={"name": name} if name else {})
    listed = (item.metadata for page in pages for item in page.items)
    return {item.name: item.uid for item in listed if name in ("", item.name)}
