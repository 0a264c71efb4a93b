"""Which published versions stay, for every family that publishes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any


def kept(
    order: Sequence[str], current: Collection[str], *, unpublish: Collection[str], keep: int | None
) -> Sequence[str]:
    """The versions that stay although no source has them any more, in their order.

    Args:
        order: Published versions, those first that became current longest ago.
        current: Versions that a source has.
        unpublish: Versions to withdraw.
        keep: How many versions to keep in all, current ones included; the first of `order` go. None = all.
    """
    stay = [version for version in order if version not in current and version not in unpublish]
    return stay if keep is None else stay[max(0, len(stay) - max(0, keep - len(current))) :]


def keep_of(props: Mapping[str, Any]) -> int | None:
    """`keepVersions` of a resource; None = all. An unknown value counts as all."""
    keep = props.get("keepVersions")
    return int(keep) if isinstance(keep, (int, float)) else None


def keep_problems(props: Mapping[str, Any]) -> list[str]:
    keep = props.get("keepVersions")
    if isinstance(keep, (int, float)) and keep < 1:
        return [f"keep_versions: {keep:g}: keep at least 1, or all (None)"]
    return []
