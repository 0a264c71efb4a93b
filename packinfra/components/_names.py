"""The PublishedNames of both registry components."""

from __future__ import annotations

from typing import Any

import pulumi

from packinfra.components._artifacts import names_of_artifacts
from packinfra.components._copies import SelectedCopies
from packinfra.components._packs import SelectedPacks, names_of_packs
from packinfra.lifecycle.artifacts.selection import SelectedArtifacts
from packinfra.resources._inputs import palette_location
from packinfra.resources.published_names import PublishedNames
from packinfra.settings import PaletteSettings


def declare_names(
    name: str,
    selected: SelectedPacks,
    artifacts: SelectedArtifacts,
    copies: SelectedCopies,
    *,
    palette: PaletteSettings | None,
    opts: pulumi.ResourceOptions,
) -> PublishedNames:
    """The check that keeps packs, artifacts and copies from leaving by accident. Repositories and what is published in them must
    wait for it (`registered`)."""
    place: dict[str, Any] | None = None
    if palette:
        place = {"registry": palette.name, **palette_location(palette.host, palette.ca_file)}
        place |= {"withdrawUsed": True} if palette.withdraw_used else {}
    return PublishedNames(
        name, family="packs", names=names_of_packs(selected), removed=selected.removed, artifacts=names_of_artifacts(artifacts),
        removed_artifacts=artifacts.removed, copies=copies.names(), removed_copies=copies.removed,
        palette=place, opts=opts,
    )  # fmt: skip
