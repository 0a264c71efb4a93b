"""What doesn't belong to a pack: junk, by default, and what the pack's `.packignore` names.

`.packignore` stands at the top of the pack, in the syntax of .gitignore; a line such as `!Thumbs.db` also brings back
what counts as junk. As with git, nothing below a folder that is left out can be brought back. The file itself is never
part of the pack, so ignore rules enter a pack's identity only through the files that remain.
"""

from __future__ import annotations

import re

from pathspec import GitIgnoreSpec

from packinfra.packs.violations import RuleViolation, shown

IGNORE_FILE = ".packignore"
IGNORE_LIMIT = 1 << 20
JUNK = re.compile(r"\.git|\.DS_Store|\._.*|__MACOSX|\..*\.sw[a-p]|.*~|Thumbs\.db")
"""Names left out wherever they stand: version control, macOS and Windows metadata, editor swap and backup files.

Deliberately short and without file types: a list that drops images drops the pack's logo.
"""


class Ignore:
    """Decides, path by path and from the top down, what is left out."""

    def __init__(self, raw: bytes = b"") -> None:
        """raw: the content of `.packignore`. What is wrong with it stands in `findings`."""
        self.findings: list[RuleViolation] = []
        lines: list[str] = []
        try:
            lines = raw.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            self.findings.append(RuleViolation("ignore-invalid", "it is not UTF-8 text", IGNORE_FILE, line))
        for number, line_ in enumerate(lines, 1):
            try:
                GitIgnoreSpec.from_lines([line_], backend="simple")
            except ValueError:
                message = f"{shown(line_)} is no pattern"
                self.findings.append(RuleViolation("ignore-invalid", message, IGNORE_FILE, number))
        usable = [] if self.findings else lines
        # "simple": otherwise pathspec takes the fastest engine that is installed, and two machines could differ.
        self._spec = GitIgnoreSpec.from_lines(usable, backend="simple")

    def leaves_out(self, path: str, *, folder: bool) -> str | None:
        """Who leaves `path` out: `.packignore`, "junk", or None if it belongs to the pack."""
        if path == IGNORE_FILE:
            return "never part of a pack"
        named = None
        if len(self._spec):  # most packs have no patterns, and pathspec takes its time over none too
            named = self._spec.check_file(path + "/" if folder else path).include
        if named is None:
            return "junk" if JUNK.fullmatch(path.rpartition("/")[2]) else None
        return IGNORE_FILE if named else None
