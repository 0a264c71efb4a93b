"""Everything that a registry component publishes, read and validated before it declares the first resource."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pulumi

from packinfra.components._artifacts import (
    ArtifactsArgument,
    ChartsArgument,
    PoliciesArgument,
    artifacts_or_error,
)
from packinfra.components._packs import PacksArgument, SelectedPacks, packs_or_error
from packinfra.lifecycle.artifacts.selection import SelectedArtifacts


def select_or_error(
    packs: PacksArgument,
    *,
    removed_packs: Sequence[str],
    charts: ChartsArgument,
    policies: PoliciesArgument,
    artifacts: ArtifactsArgument,
    removed_artifacts: Sequence[str],
    ecr: bool,
) -> tuple[SelectedPacks, SelectedArtifacts]:
    """Raises one RunError with the problems of both."""
    problems = []
    try:
        selected = packs_or_error(packs, removed_packs)
    except pulumi.RunError as error:
        problems.append(str(error))
    try:
        others = artifacts_or_error(charts, policies, artifacts, removed_artifacts, ecr=ecr)
    except pulumi.RunError as error:
        problems.append(str(error))
    if problems:
        raise pulumi.RunError("\n".join(problems))
    return selected, others


def check_imports(imported: Collection[str], names: Collection[str]) -> None:
    """Raises RunError for a name in importRepositories that nothing has."""
    if unknown := sorted({*imported} - {*names}):
        raise pulumi.RunError(f"importRepositories: {', '.join(unknown)}: no such pack; there are {', '.join(names)}")
