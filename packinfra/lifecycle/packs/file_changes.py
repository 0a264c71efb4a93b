"""How one state of a pack's files differs from another, in a line that fits into a preview."""

from __future__ import annotations

from collections.abc import Mapping

from packinfra.lifecycle.packs.file_hashes import alike

_NAMED = 8
"""Files named of each kind; the rest is counted."""


def file_changes(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """ "changed values.yaml; added a, b; removed c" from two maps of path -> short hash; "no file" if they agree."""
    before, after = alike(before, after)
    kinds = {
        "changed": [path for path in after if path in before and before[path] != after[path]],
        "added": [path for path in after if path not in before],
        "removed": [path for path in before if path not in after],
    }
    changes = [f"{kind} {_some(sorted(paths))}" for kind, paths in kinds.items() if paths]
    return "; ".join(changes) or "no file"


def _some(paths: list[str]) -> str:
    rest = len(paths) - _NAMED
    return ", ".join(paths[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
