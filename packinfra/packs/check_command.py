"""`packinfra check`: validates packs, charts and policies, for people and for CI, without Pulumi, network or account.

    packinfra check packs/*                       a report; exit code 1 if a pack cannot be published
    packinfra check --format sarif packs/nginx    the same for programs
    packinfra check packs/nginx/values.yaml       the pack that contains the file
    packinfra check charts/* policies/authz       Helm charts, and folders with policies for OPA
    packinfra check --archive out packs/nginx     also writes out/nginx-1.2.3.tar.gz

Each problem names file, line, rule and remedy; docs/rules.md has all rules.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from packinfra.packs.archive import ArchiveError, archive_title, save_archive
from packinfra.packs.catalogue import published_twice
from packinfra.packs.contents import METADATA, PackError
from packinfra.packs.pack import Pack, read_pack
from packinfra.packs.report import CheckedFolder, rules_table
from packinfra.packs.report_formats import FORMATS
from packinfra.packs.rules import RULES, RuleError, RuleSettings, check_settings
from packinfra.packs.rules.rule import Problem


class Others(Protocol):
    """What else can be checked: charts and policies (packinfra/artifacts/check_command.py)."""

    def find(self, path: str) -> str | None:
        """The chart or policy at the path, or the chart that contains the file; None if there is none."""

    def check(self, path: str) -> CheckedFolder: ...


def main(
    arguments: Sequence[str] | None = None, prog: str = "python -m packinfra.packs", others: Others | None = None
) -> int:
    """Returns 0: everything can be published; 1: some can't; 2: wrong arguments or packinfra.toml."""
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    if options.rules:
        print(rules_table())
        return 0
    if not options.folders:
        parser.error("name at least one pack folder, for example: packs/*")
    found = dict(filter(None, (_find(path, others) for path in options.folders)))
    folders = list(found)
    if not folders:
        print(
            f"no {'pack or chart' if others else 'pack'} contains {'this file' if len(options.folders) == 1 else 'these files'}: nothing to check"
        )
        return 0
    try:
        rules = check_settings(dict(_setting(text) for text in options.rule))
        out = _out(options.archive, folders) if options.archive else None
        checked = [other.check(folder) if other else _check(folder, rules) for folder, other in found.items()]
    except (RuleError, ValueError) as error:
        parser.error(str(error))
    errors = published_twice(each.pack for each in checked if isinstance(each.pack, Pack))
    if out and not errors:
        errors += _archive(checked, out)
    print(FORMATS["json" if options.json else options.format](checked))
    for text in errors:
        print(text, file=sys.stderr)
    return 1 if errors or any(each.count("error") for each in checked) else 0


def _find(path: str, others: Others | None) -> tuple[str, Others | None] | None:
    """The pack, or what else there is, and who checks it; None for a file of neither."""
    folder = _pack_folder(path)
    if others and not (folder and os.path.isfile(os.path.join(folder, METADATA))) and (other := others.find(path)):
        return other, others
    return (folder, None) if folder else None


def _pack_folder(path: str) -> str | None:
    """The folder itself; of a file, the nearest folder above it with a pack.json, if there is one."""
    if not os.path.isfile(path):
        return path
    folder = os.path.dirname(path)
    while not os.path.isfile(os.path.join(folder, METADATA)):
        if folder in ("", "/"):
            return None
        folder = os.path.dirname(folder)
    return folder or "."


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Validates packs, Helm charts and OPA policies. Exit code 1 if one cannot be published.",
    )
    parser.add_argument(
        "folders",
        nargs="*",
        metavar="FOLDER",
        help="a pack: the folder that contains pack.json, or any file in it; likewise a chart, its .tgz, or a folder of policies",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="how to print the result (default: text)")
    parser.add_argument("--json", action="store_true", help="the same as --format json")
    parser.add_argument(
        "--archive", metavar="OUT", type=Path,
        help="also write the archive of each pack without errors: into the folder OUT, or, for one pack, to the file "
        "OUT if that ends in .tar.gz",
    )  # fmt: skip
    parser.add_argument(
        "--rule", action="append", default=[], metavar="ID=error|warning|off",
        help="turn a warning into an error, or switch it off; can be repeated",
    )  # fmt: skip
    parser.add_argument("--rules", action="store_true", help="print the table of all rules (Markdown) and exit")
    return parser


def _setting(text: str) -> tuple[str, str]:
    name, equals, severity = text.partition("=")
    if not equals:
        raise ValueError(f"--rule {text}: the severity is missing, for example --rule {text}=off")
    return name, severity


def _check(folder: str, rules: RuleSettings) -> CheckedFolder:
    try:
        pack = read_pack(Path(folder), rules)
    except PackError as error:
        rule = next(rule for rule in RULES if rule.id == "folder-missing")
        return CheckedFolder(folder, None, [Problem(rule.id, "error", str(error).partition(";")[0], rule.remedy)])
    return CheckedFolder(folder, pack, pack.problems)


def _out(out: Path, folders: Sequence[str]) -> Path:
    """The target of --archive. Raises ValueError if no archive can go there."""
    if _is_file(out) and len(folders) > 1:
        raise ValueError(f"--archive {out} is one file, but there are {len(folders)} packs; give a folder")
    for folder in folders:
        if Path(os.path.realpath(out)).is_relative_to(os.path.realpath(folder)):
            raise ValueError(f"--archive {out} is inside the pack {folder}, and would become part of it")
    return out


def _is_file(out: Path) -> bool:
    return out.name.endswith(".tar.gz") and not os.path.isdir(out)


def _archive(checked: Sequence[CheckedFolder], out: Path) -> list[str]:
    """Writes the archives of packs without errors; returns the errors of doing so."""
    errors: list[str] = []
    for each in checked:
        if not isinstance(each.pack, Pack) or each.pack.errors:
            continue
        path = out if _is_file(out) else out / archive_title(each.pack.name, each.pack.version)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            archive = save_archive(each.pack, path)
        except ArchiveError as error:
            errors.append(str(error))
        except OSError as error:
            errors.append(f"{path.parent} cannot be created: {error.strerror}")
        else:
            each.notes.append(f"archive  {path}, {archive.digest}, {archive.size:,} bytes")
    return errors
