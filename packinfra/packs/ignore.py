"""Which files don't belong to a pack: junk, by default, and those that the pack's `.packignore` lists.

`.packignore` is in the root folder, in the syntax of .gitignore; a line such as `!Thumbs.db` also brings back
junk. As with git, nothing below a folder that is left out can be brought back. The file itself is never
part of the pack, so ignore rules enter a pack's identity only through the files that remain.
"""

from __future__ import annotations

import re

from pathspec import GitIgnoreSpec

from packinfra.packs.violations import RuleViolation
from packinfra.text import quoted

IGNORE_FILE = ".packignore"
IGNORE_LIMIT = 1 << 20
JUNK = re.compile(r"\.git|\.DS_Store|\._.*|__MACOSX|\..*\.sw[a-p]|.*~|Thumbs\.db")
"""Names left out in every folder: version control, macOS and Windows metadata, editor swap and backup files.

Deliberately short and without file types: a list that drops images drops the pack's logo.
"""


def _simpler(part: str) -> str:
    """`***` within a name means `*` (gitignore(5)), but pathspec's regular expression takes minutes over ten of them."""
    return part if part.strip(" !") == "**" else re.sub(r"(?<!\\)\*{2,}", "*", part)


class Ignore:
    """Decides, path by path and from the root down, which files are left out."""

    def __init__(self, raw: bytes = b"") -> None:
        """raw: the content of `.packignore`. Problems in it become `violations`."""
        self.violations: list[RuleViolation] = []
        lines: list[str] = []
        try:
            lines = raw.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            self.violations.append(RuleViolation("ignore-invalid", "it is not UTF-8 text", IGNORE_FILE, line))
        for number, pattern in enumerate(lines, 1):
            try:
                GitIgnoreSpec.from_lines([pattern], backend="simple")
            except ValueError:
                message = f"{quoted(pattern)} is not a pattern"
                self.violations.append(RuleViolation("ignore-invalid", message, IGNORE_FILE, number))
        usable = [] if self.violations else ["/".join(map(_simpler, line.split("/"))) for line in lines]
        # "simple": otherwise pathspec takes the fastest engine that is installed, and two machines could differ.
        self._spec = GitIgnoreSpec.from_lines(usable, backend="simple")

    def leaves_out(self, path: str, *, folder: bool) -> str | None:
        """Why `path` is left out: `.packignore`, "junk"; None if it belongs to the pack."""
        if path == IGNORE_FILE:
            return "never part of a pack"
        ignored = None
        if len(self._spec):  # most packs have no patterns, and pathspec takes its time over none too
            ignored = self._spec.check_file(path + "/" if folder else path).include
        if ignored is None:
            return "junk" if JUNK.fullmatch(path.rpartition("/")[2]) else None
        return IGNORE_FILE if ignored else None
