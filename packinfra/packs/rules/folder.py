"""Rules about files and folders, whatever is in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from packinfra.packs.contents import Contents
from packinfra.packs.files import MOST_FILES
from packinfra.packs.ignore import IGNORE_FILE
from packinfra.packs.rules.rule import ARCHIVE, Rule
from packinfra.packs.violations import RuleViolation


def _collisions(contents: Contents) -> Iterator[RuleViolation]:
    """Files, or the folders they are in, that a case-insensitive or normalising disk takes for one."""
    first: dict[str, str] = {}
    judged: dict[str, bool] = {}  # folders, each of which many files share: is it the first of its name?
    for file in contents.files:
        parts = file.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            if path not in judged:
                other = first.setdefault(_folded(path), path)
                judged[path] = other == path
                if other != path:
                    yield RuleViolation("case-collision", f"on many disks it is the same as {other}", path)
            if not judged[path]:
                break


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


RULES: tuple[Rule, ...] = (
    Rule(
        "link-leaves-pack", "error", "links stay inside the pack",
        "the file behind it may be private, and other machines don't have it",
        "put the file itself into the pack", ARCHIVE,
    ),
    Rule("link-loop", "error", "no link leads to a folder above it", "the pack would never end",
         "remove the link", ARCHIVE),
    Rule("link-inside", "warning", "the pack has no links", "the archive holds a copy instead, so the file is there twice",
         "nothing, if a copy is meant; else remove the link", ARCHIVE),
    Rule("special-file", "error", "a pack holds regular files and folders", "nothing else can be archived",
         "remove it", ARCHIVE),
    Rule("unreadable", "error", "every file can be read", "an archive without it would be another pack",
         "give yourself read permission, or remove the file", ARCHIVE),
    Rule("changing", "error", "no file changes while it is read", "the digest would name bytes that never were",
         "run again when whatever writes the file has finished", ARCHIVE),
    Rule("too-many-files", "error", f"a pack has at most {MOST_FILES:,} files and folders",
         "it is probably not the folder that was meant; the largest of 220 public packs has 426 files",
         f"give the pack's own folder, or name in {IGNORE_FILE} what does not belong to it", ARCHIVE),
    Rule("name-not-utf8", "error", "file names are UTF-8", "other machines would read another name",
         "rename the file", ARCHIVE),
    Rule("name-control-character", "error", "file names have no control characters",
         "they cannot be told apart in any listing", "rename the file", ARCHIVE),
    Rule("case-collision", "warning", "no two names differ only in case or Unicode form",
         "macOS and Windows unpack only one of them", "rename one of the two", ARCHIVE, _collisions),
    Rule("looks-secret", "warning", "no file looks like a secret (private key, .env, AWS access key id)",
         "whoever may pull the pack could read it",
         f"remove it, and replace the secret if it was ever published; name it in {IGNORE_FILE} if only you need it",
         "docs/architecture.md, The archive; archives inside the pack are not searched"),
    Rule("ignore-invalid", "error", f"{IGNORE_FILE} is UTF-8 text in the syntax of .gitignore",
         "what it means to leave out would be published", "correct the line",
         "git documentation, gitignore"),
)  # fmt: skip
