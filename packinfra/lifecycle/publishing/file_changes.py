"""How one state of a pack's files differs from another, in a line that fits into a preview."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from packinfra.lifecycle.publishing.file_hashes import EXECUTABLE, alike, folded_like
from packinfra.text import listed, plural

NO_FILE = "no file"
BITS_REMEDY = (
    "a file system may have lost them (WSL's /mnt, artifacts of CI jobs, archives): use a git checkout on one that keeps "
    "them, or set them as they were (chmod; in git: git update-index --chmod=+x)"
)


def file_changes(before: Mapping[str, str], after: Mapping[str, str], files: Mapping[str, str] | None = None) -> str:
    """ "changed values.yaml; added a, b; removed c" from two maps of path -> short hash; "no file" if they agree.

    files: `after` with every file, where `after` has hashes of folders
    """
    if bits := changed_bits(before, files or after):
        return f"only execute bits differ, of {plural(len(bits), 'file')}: {listed(sorted(bits))}"
    before, after = alike(before, after)
    kinds = {
        "changed": [path for path in after if path in before and before[path] != after[path]],
        "added": [path for path in after if path not in before],
        "removed": [path for path in before if path not in after],
    }
    changes = [f"{kind} {listed(sorted(paths))}" for kind, paths in kinds.items() if paths]
    return "; ".join(changes) or NO_FILE


def changed_bits(one: Mapping[str, str], other: Mapping[str, str]) -> Collection[str]:
    """The files whose execute bits differ, if nothing else does; none where that can't be seen.

    A folder's hash hides the bits of its files. So it is compared with that of the other side's files with their own
    bits, with none and with all of them: a file system that loses execute bits gives all files the same.
    """
    recorded, files = (one, other) if any(path.endswith("/") for path in one) else (other, one)
    cleared = {path: value.removesuffix(EXECUTABLE) for path, value in files.items()}
    variants = files, cleared, {path: value + EXECUTABLE for path, value in cleared.items()}
    alternatives = [folded_like(recorded, variant) for variant in variants]
    if recorded.keys() != alternatives[0].keys():
        return ()
    changed: list[str] = []
    for path, value in recorded.items():
        match = next((v for v, hashes in zip(variants, alternatives, strict=True) if hashes[path] == value), None)
        if match is None:
            return ()
        below = [file for file in files if file.startswith(path)] if path.endswith("/") else [path]
        changed += [file for file in below if files[file] != match[file]]
    return changed
