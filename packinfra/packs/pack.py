"""Reads a pack folder into a frozen value: what it is called, what it holds, what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from packinfra.packs.chart import Chart
from packinfra.packs.contents import PackError, PackFile, content_digest, read_contents
from packinfra.packs.files import LeftOut
from packinfra.packs.rules import Problem, RuleSettings, check_settings, judge

__all__ = ["Chart", "LeftOut", "Pack", "PackError", "PackFile", "Problem", "read_pack"]


@dataclass(frozen=True)
class Pack:
    """A pack folder as a value.

    name, version, layer, type: as pack.json says (type: "addonType"), or "" where it doesn't say so usably (if the key
                is required, `problems` then has an error)
    files:      in the order of digest and archive
    charts:     the charts that pack.json lists, as far as they can be read
    manifests:  paths of the manifests, in the order in which pack.json lists them and Palette applies them
    values:     the text of values.yaml
    metadata:   pack.json, parsed
    problems:   all findings, errors first
    left_out:   what stands in the folder but doesn't belong to the pack, and why (junk, `.packignore`)
    """

    folder: Path
    name: str
    version: str
    layer: str
    type: str
    files: tuple[PackFile, ...]
    charts: tuple[Chart, ...]
    manifests: tuple[str, ...]
    values: str
    metadata: Mapping[str, Any]
    problems: tuple[Problem, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.severity == "warning")

    @cached_property
    def content_digest(self) -> str:
        """The pack's identity (docs/content-digest.md): name, version, and each file's path, execute bit and bytes.

        Two machines, two umasks, two compressors agree on it; every "has it changed?" compares it.
        """
        return content_digest(self.name, self.version, self.files)


def read_pack(
    folder: Path, rules: RuleSettings | None = None, *, keep: bool = False, judged: str | None = None
) -> Pack:
    """Reads and judges the pack in `folder`; each file is read once (of what goes beyond 8 MiB, listed charts twice).

    judged: content digest of what was read and judged a moment ago: if it is found again, `problems` and `charts` stay
            empty
    keep:   the files' bytes stay in memory, up to 8 MiB, so that `write_archive` need not read them again
    rules:  which warnings are errors or off, by rule id: {"readme-missing": "off"}

    Never raises for what a folder can contain: everything wrong stands in `problems`. Raises PackError if there is
    no such folder, RuleError if `rules` names a rule that doesn't exist.
    """
    check_settings(rules or {})
    contents = read_contents(folder)
    name, version = _text(contents.metadata, "name"), _text(contents.metadata, "version")
    known = judged is not None and judged == content_digest(name, version, contents.files.values())
    return Pack(
        folder=folder,
        name=name,
        version=version,
        layer=_text(contents.metadata, "layer"),
        type=_text(contents.metadata, "addonType"),
        files=tuple(file if keep else replace(file, data=None) for file in contents.files.values()),
        charts=() if known else tuple(c for c in contents.charts.values() if isinstance(c, Chart)),
        manifests=tuple(path for path, _ in contents.listed("kubeManifests") if path in contents.files),
        values=contents.values,
        metadata=contents.metadata,
        problems=() if known else judge(contents, rules),
        left_out=contents.left_out,
    )


def _text(metadata: Mapping[str, Any], key: str) -> str:
    value = metadata.get(key)
    return value if isinstance(value, str) else ""
