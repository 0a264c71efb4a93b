"""Reads a pack folder into a frozen value: name, version, files, problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from packinfra.packs.chart import Chart, ChartArchive
from packinfra.packs.contents import PackFile, content_digest, read_contents
from packinfra.packs.files import LeftOut
from packinfra.packs.rule_file import rule_file
from packinfra.packs.rules import RuleSettings, check_settings, validate
from packinfra.packs.rules.rule import Problem


@dataclass(frozen=True)
class Pack:
    """A pack folder as a value.

    Attributes:
        folder: Where it was read.
        name: `name` in pack.json; "" if that is no text (then `problems` has an error).
        version: `version` in pack.json, likewise.
        layer: `layer` in pack.json, likewise.
        type: `addonType` in pack.json; "" if there is none.
        files: The files, in the order of digest and archive.
        charts: The listed charts that can be read.
        manifests: The paths of the manifests, in the order in which pack.json lists them and Palette applies them.
        values: The text of values.yaml.
        metadata: pack.json, parsed.
        problems: All problems, errors first.
        left_out: Files and folders that don't belong to the pack, and why (junk, `.packignore`).
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

        It is the same on every machine, under every umask, with every compressor; it decides whether a pack has changed.
        """
        return content_digest(self.name, self.version, self.files)


def read_pack(
    folder: Path, rules: RuleSettings | None = None, *, keep: bool = False, validated: str | None = None
) -> Pack:
    """Reads and validates the pack in `folder`.

    Each file is read once; of a pack beyond 8 MiB, listed charts twice.

    Args:
        folder: The folder that contains pack.json.
        rules: Severities by rule id, for example {"readme-missing": "off"}; they override those of packinfra.toml.
        keep: Keep the bytes of the files in memory, up to 8 MiB, so that `write_archive` need not read them again.
        validated: The content digest of a pack that this process validated a moment ago. If the folder has it, it isn't
            validated again: `problems` and `charts` stay empty.

    Raises:
        PackError: There is no such folder. Everything wrong inside the folder is in `problems` instead.
        RuleError: `rules` or packinfra.toml has an unknown rule.
    """
    check_settings(rules or {})
    contents = read_contents(folder)
    name, version = _text(contents.metadata, "name"), _text(contents.metadata, "version")
    unchanged = validated is not None and validated == content_digest(name, version, contents.files.values())
    return Pack(
        folder=folder,
        name=name,
        version=version,
        layer=_text(contents.metadata, "layer"),
        type=_text(contents.metadata, "addonType"),
        files=tuple(file if keep else replace(file, data=None) for file in contents.files.values()),
        charts=() if unchanged else tuple(c.chart for c in contents.charts.values() if isinstance(c, ChartArchive)),
        manifests=tuple(path for path, _ in contents.listed("kubeManifests") if path in contents.files),
        values=contents.values,
        metadata=contents.metadata,
        problems=() if unchanged else validate(contents, {**rule_file(folder).of_pack(name), **(rules or {})}),
        left_out=contents.left_out,
    )


def _text(metadata: Mapping[str, Any], key: str) -> str:
    value = metadata.get(key)
    return value if isinstance(value, str) else ""
