"""Which name somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_MOST = 500


def similar(name: str, names: Iterable[str], cutoff: float = 0.75) -> str | None:
    """The one of `names` that is most like `name`, whatever the case and the separators; None if none is."""
    folded = {_folded(other): other for other, _ in zip(names, range(_MOST), strict=False)}
    if same := folded.get(_folded(name)):
        return same
    near = get_close_matches(_folded(name)[:100], folded, n=1, cutoff=cutoff)
    return folded[near[0]] if near else None


def _folded(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "").replace(" ", "")
