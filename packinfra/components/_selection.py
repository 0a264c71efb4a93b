"""Everything that a registry component publishes, read and validated before it declares the first resource."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

import pulumi

from packinfra.components._artifacts import (
    ArtifactsArgument,
    ChartsArgument,
    PoliciesArgument,
    artifacts_or_error,
)
from packinfra.components._copies import CopiesArgument, SelectedCopies, copies_or_error
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
    copies: CopiesArgument,
    removed_copies: Sequence[str],
    ecr: bool,
) -> tuple[SelectedPacks, SelectedArtifacts, SelectedCopies]:
    """Raises one RunError with the problems of all."""
    problems = []
    if not (packs or charts or policies or artifacts or copies):
        problems.append(
            "name at least one pack, or something else to publish; to remove everything, use pulumi destroy"
        )
    try:
        selected = packs_or_error(packs, removed_packs)
    except pulumi.RunError as error:
        problems.append(str(error))
    try:
        others = artifacts_or_error(charts, policies, artifacts, removed_artifacts, ecr=ecr)
    except pulumi.RunError as error:
        problems.append(str(error))
    try:
        copied = copies_or_error(copies, removed_copies)
    except pulumi.RunError as error:
        problems.append(str(error))
    if not problems:
        problems += _twice(selected, others, copied)
    if problems:
        raise pulumi.RunError("\n".join(problems))
    return selected, others, copied


def _twice(packs: SelectedPacks, artifacts: SelectedArtifacts, copies: SelectedCopies) -> Iterator[str]:
    """Why two resources would own one repository."""
    for to, target in copies.targets.items():
        if target.pack and to in packs.packs:
            folder = os.path.relpath(packs.packs[to][0].folder)
            yield f"{to} is in copies, but {folder} contains the pack: a name belongs to packs or to copies; remove one"
        if not target.pack and target.path in artifacts.artifacts:
            held = artifacts.artifacts[target.path][0].content.source
            yield f"{to} is in copies, but {held} is published there too: remove one, or copy to another repository"


def check_imports(imported: Collection[str], names: Collection[str]) -> None:
    """Raises RunError for a name in importRepositories that nothing has."""
    if unknown := sorted({*imported} - {*names}):
        raise pulumi.RunError(
            f"importRepositories: {', '.join(unknown)}: no such repository; there are {', '.join(names)}"
        )
