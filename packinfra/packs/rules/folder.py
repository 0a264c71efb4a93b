"""Rules about files and folders, whatever they contain."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from packinfra.packs.contents import Contents
from packinfra.packs.files import MOST_FILES
from packinfra.packs.ignore import IGNORE_FILE
from packinfra.packs.rules.rule import ARCHIVE, Rule
from packinfra.packs.violations import RuleViolation


def _collisions(contents: Contents) -> Iterator[RuleViolation]:
    """Files, or folders with files, that are one and the same on a case-insensitive or normalising disk."""
    first: dict[str, str] = {}
    is_first: dict[str, bool] = {}  # of the paths that fold to one name, and of the folders that files share
    for file in contents.files:
        parts = file.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            if path not in is_first:
                other = first.setdefault(_folded(path), path)
                is_first[path] = other == path
                if other != path:
                    yield RuleViolation("case-collision", f"many file systems take it for {other}", path)
            if not is_first[path]:
                break


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


RULES: tuple[Rule, ...] = (
    Rule(
        "link-leaves-pack", "error", "links stay inside the pack",
        "its target may be private, and other machines don't have it",
        "put the file itself into the pack", ARCHIVE,
    ),
    Rule("link-loop", "error", "no link leads to a folder that contains it", "the pack would never end",
         "remove the link", ARCHIVE),
    Rule("link-inside", "warning", "the pack has no links", "the archive contains a copy instead, so the file is in it twice",
         "remove the link, unless you want the copy", ARCHIVE),
    Rule("special-file", "error", "a pack contains regular files and folders only", "nothing else can be archived",
         "remove it", ARCHIVE),
    Rule("unreadable", "error", "every file can be read", "the archive would lack it",
         "give yourself read permission, or remove the file", ARCHIVE),
    Rule("changing", "error", "no file changes while it is read", "the digest would describe a pack that never existed",
         "run again when no program writes to the file", ARCHIVE),
    Rule("too-many-files", "error", f"a pack has at most {MOST_FILES:,} files and folders",
         "it is probably the wrong folder; the largest of 220 public packs has 426 files",
         f"give the pack's own folder, or list the other files in {IGNORE_FILE}", ARCHIVE),
    Rule("name-not-utf8", "error", "file names are UTF-8", "other systems read another name",
         "rename the file", ARCHIVE),
    Rule("name-control-character", "error", "file names have no control characters",
         "no listing shows them", "rename the file", ARCHIVE),
    Rule("case-collision", "warning", "no two names differ only in case or Unicode form",
         "macOS and Windows unpack only one of them", "rename one of the two", ARCHIVE, _collisions),
    Rule("looks-secret", "warning",
         "no file looks like a secret: private keys, .env, access keys and tokens of AWS, Slack, GitHub, GitLab, Google, "
         "Stripe, Docker Hub and age",
         "everybody who can pull the pack can read it",
         f"replace the secret if it is real, and remove it; shorten an example; list the file in {IGNORE_FILE} if only "
         "you need it",
         "the services' documentation; archives in the pack, and templates of unpacked charts, are not searched"),
    Rule("ignore-invalid", "error", f"{IGNORE_FILE} is UTF-8 text in the syntax of .gitignore",
         "otherwise the files that it lists would be published", "correct the line",
         "git documentation, gitignore"),
)  # fmt: skip
