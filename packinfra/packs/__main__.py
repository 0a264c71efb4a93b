"""Checks pack folders, for people and for CI: no Pulumi, no network, no account.

    python -m packinfra.packs packs/*                     a report; exit code 1 if a pack cannot be published
    python -m packinfra.packs --json packs/nginx          the same for programs
    python -m packinfra.packs --archive out packs/nginx   also writes out/nginx-1.2.3.tar.gz

Each problem names file, line, rule and what to do; docs/rules.md has all rules.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from packinfra.packs.archive import ArchiveError, archive_title, save_archive
from packinfra.packs.catalogue import published_twice
from packinfra.packs.contents import PackError
from packinfra.packs.pack import read_pack
from packinfra.packs.report import Checked, as_json, as_text, rules_table
from packinfra.packs.rules import RULES, Problem, RuleError, RuleSettings, check_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0: all packs can be published; 1: some cannot; 2: called wrongly."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.rules:
        print(rules_table())
        return 0
    if not asked.folders:
        parser.error("name at least one pack folder, for example: packs/*")
    try:
        rules = check_settings(dict(_setting(text) for text in asked.rule))
        out = _out(asked.archive, asked.folders) if asked.archive else None
    except (RuleError, ValueError) as error:
        parser.error(str(error))
    checked = [_check(folder, rules) for folder in dict.fromkeys(asked.folders)]
    mistakes = published_twice((each.pack for each in checked if each.pack), Path.cwd())
    if out and not mistakes:
        mistakes += _archive(checked, out)
    print(json.dumps(as_json(checked), indent=2) if asked.json else as_text(checked))
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    return 1 if mistakes or any(each.count("error") for each in checked) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m packinfra.packs",
        description="Checks pack folders and says what is wrong with them. Exit code 1 if a pack cannot be published.",
    )
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="a pack: the folder that holds pack.json")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a report")
    parser.add_argument(
        "--archive", metavar="OUT", type=Path,
        help="also write the archive of each pack without errors: into the folder OUT, or, for one pack, to the file "
        "OUT if that ends in .tar.gz",
    )  # fmt: skip
    parser.add_argument(
        "--rule", action="append", default=[], metavar="ID=error|warning|off",
        help="turn a warning into an error, or silence it; may be repeated",
    )  # fmt: skip
    parser.add_argument("--rules", action="store_true", help="print the table of all rules (Markdown) and stop")
    return parser


def _setting(text: str) -> tuple[str, str]:
    name, equals, wanted = text.partition("=")
    if not equals:
        raise ValueError(f"--rule {text}: say what it shall be, for example --rule {text}=off")
    return name, wanted


def _check(folder: str, rules: RuleSettings) -> Checked:
    try:
        pack = read_pack(Path(folder), rules)
    except PackError as error:
        rule = next(rule for rule in RULES if rule.id == "folder-missing")
        return Checked(folder, None, [Problem(rule.id, "error", str(error).partition(";")[0], rule.remedy)])
    return Checked(folder, pack, pack.problems)


def _out(out: Path, folders: Sequence[str]) -> Path:
    """Where archives shall go. Raises ValueError if that cannot be meant."""
    if _is_file(out) and len(folders) > 1:
        raise ValueError(f"--archive {out} is one file, but there are {len(folders)} packs; give a folder")
    for folder in folders:
        if Path(os.path.realpath(out)).is_relative_to(os.path.realpath(folder)):
            raise ValueError(f"--archive {out} lies inside the pack {folder}, and would become part of it")
    return out


def _is_file(out: Path) -> bool:
    return out.name.endswith(".tar.gz") and not os.path.isdir(out)


def _archive(checked: Sequence[Checked], out: Path) -> list[str]:
    """Writes the archives of packs without errors; returns what went wrong."""
    mistakes: list[str] = []
    for each in checked:
        if each.pack is None or each.pack.errors:
            continue
        path = out if _is_file(out) else out / archive_title(each.pack.name, each.pack.version)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            archive = save_archive(each.pack, path)
        except ArchiveError as error:
            mistakes.append(str(error))
        except OSError as error:
            mistakes.append(f"{path.parent} cannot be made: {error.strerror}")
        else:
            each.notes.append(f"archive  {path}, {archive.digest}, {archive.size:,} bytes")
    return mistakes


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):  # a report shall not die of a file name
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        code = main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # `| head`: nobody reads on, and Python would say so at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)
