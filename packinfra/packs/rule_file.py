"""packinfra.toml: severities of rules for the packs below its folder, for the check and for publishing.

    [rules]
    readme-missing = "error"

    [packs.legacy]              # only for the pack of this name
    version-not-semver = "off"

The nearest one above a pack counts, up to the root of the repository. It is never part of a pack.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packinfra.packs.rules import RuleError, RuleSettings, check_settings

RULE_FILE = "packinfra.toml"
_LIMIT = 1 << 20


@dataclass(frozen=True)
class RuleFile:
    """A packinfra.toml."""

    rules: RuleSettings
    packs: Mapping[str, RuleSettings]

    def of_pack(self, name: str) -> RuleSettings:
        return {**self.rules, **self.packs.get(name, {})}


NONE = RuleFile({}, {})


def rule_file(folder: Path) -> RuleFile:
    """The rule file for the pack in `folder`. Raises RuleError if it cannot be used."""
    above = os.path.dirname(os.path.abspath(folder))
    while not os.path.isfile(path := os.path.join(above, RULE_FILE)):
        parent = os.path.dirname(above)
        if parent == above or os.path.exists(os.path.join(above, ".git")):
            return NONE
        above = parent
    return _parse(path)


def _parse(path: str) -> RuleFile:
    import tomllib  # noqa: PLC0415 - few have such a file

    try:
        with open(path, "rb") as file:
            parsed = tomllib.loads(file.read(_LIMIT).decode())
    except OSError as error:
        raise RuleError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # of TOML or UTF-8
        raise RuleError(f"{path} is not TOML: {error}") from error
    except RecursionError as error:
        raise RuleError(f"{path} is not TOML: it is nested too deep") from error
    if unknown := sorted(parsed.keys() - {"rules", "packs"}):
        raise RuleError(f"{path} has the unknown key {unknown[0]}; it can have rules and packs")
    packs = _table(path, "packs", parsed.get("packs", {}))
    return RuleFile(
        _settings(path, "rules", parsed.get("rules", {})),
        {name: _settings(path, f"packs.{name}", rules) for name, rules in packs.items()},
    )


def _table(path: str, key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RuleError(f"{path}: {key} is not a table")
    return value


def _settings(path: str, key: str, value: Any) -> RuleSettings:
    try:
        return check_settings({name: str(severity) for name, severity in _table(path, key, value).items()})
    except RuleError as error:
        raise RuleError(str(error) if str(error).startswith(path) else f"{path}: {key}: {error}") from None
