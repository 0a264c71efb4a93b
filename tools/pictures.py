"""Draws the terminal pictures in docs/pictures from a real run on the sandbox: `make pictures`.

The project of the run is a copy in a temporary folder, with its own sandbox: `make up` and its stack are not touched.
Times and random ids are removed from the output, so a picture only changes when the output does.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from tools.bootstrap import CHECKOUT, guarded
from tools.steps import StepError, say
from tools.workspace import Workspace

FOLDER = CHECKOUT / "docs" / "pictures"
COLUMNS, ROWS = 134, 100  # Pulumi shortens its table to the width of the terminal
STACK = """\
config:
  aws:region: eu-west-1
  aws:allowedAccountIds: ["123456789012"]
  packinfra:registry: {kind: ecr, basePath: acme}
  packinfra:packs: ["packs/*"]
  packinfra:charts: ["charts/*"]
  packinfra:palette: {name: acme}
  packinfra:profiles:
    hello-universe: {project: Default, version: {from: hello-universe}, packs: [{name: hello-universe}], keepVersions: 1}
"""
# GitHub shows a picture without loading anything else, so the font must be one that the reader has.
WEB_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

COLOR = r"(?:\x1b\[[\d;]*m)*"
VARIES = (
    (re.compile(rf"\n{COLOR}Duration:.*"), ""),
    (re.compile(rf" \(\d[\d.]*s\)({COLOR}) *"), r"\1    "),  # how long a row of the table took
    (re.compile(rf"(Status{COLOR}) +"), r"\1     "),  # the heading of that column
    (re.compile(r", \d[\d.]* s\)"), ")"),  # how long an upload took
    (re.compile(r"(?<=[a-z]-)[0-9a-f]{7}(?=\")"), "1a2b3c4"),  # the random end of a policy's or role's name
    (re.compile(r"(?<=\")[0-9a-f]{24}(?=\")"), "1a2b3c4d5e6f1a2b3c4d5e6f"),  # Palette's uid of the registry
    (re.compile(r" +$", re.MULTILINE), ""),
    (re.compile(r"\n{3,}"), "\n\n"),
)
TABLE = re.compile(r"(.*└─ .*\n)((?:.*[├└]─ .*\n)+)")
MESSAGES = re.compile(rf"(?<=Diagnostics:)({COLOR}\n)(.*?)(?=\n\n{COLOR}Outputs:)", re.DOTALL)


def screen(recorded: str) -> str:
    """Returns the text a terminal shows after it has received `recorded`, with its colors.

    Pulumi redraws its table row by row: it moves up, writes each row whole and clears the rest of it.
    """
    lines, row, start = [""], 0, True
    for part in re.findall(r"\x1b\[[\d;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", recorded):
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
            start = True
        elif part == "\r":
            start = True
        elif part.startswith("\x1b") and part.endswith("A"):
            row = max(0, row - int(part[2:-1] or 1))
        elif part.startswith("\x1b") and part.endswith("K"):
            lines[row] = "" if start else lines[row]
        elif not part.startswith("\x1b") or part.endswith("m"):
            lines[row] = part if start else lines[row] + part
            start = False
    return "\n".join(lines)


def stable(text: str) -> str:
    """Removes what differs between two runs: times, random ids, and the order of table rows and messages."""
    for pattern, instead in VARIES:
        text = pattern.sub(instead, text)
    text = TABLE.sub(lambda match: match[1] + _rows(match[2]), text)
    return MESSAGES.sub(lambda match: match[1] + "\n\n".join(sorted(match[2].split("\n\n"))), text).strip()


def _rows(text: str) -> str:
    rows = sorted(text.replace("└─", "├─").splitlines(), key=lambda row: row.partition("├─")[2])
    return "\n".join([*rows[:-1], rows[-1].replace("├─", "└─"), ""])


def svg(title: str, text: str) -> str:
    """Draws a terminal window with this text; the window is as wide as the longest line, up to `COLUMNS`."""
    lines = [Text.from_ansi(line) for line in text.splitlines()]
    width = min(COLUMNS, max(line.cell_len for line in lines))
    console = Console(record=True, width=width, file=io.StringIO())
    for line in lines:
        indent = line.cell_len - len(line.plain.lstrip())
        console.print(Padding(line[indent:], (0, 0, 0, indent)))
    drawn = console.export_svg(title=title, unique_id=title.replace(" ", "-"))
    return WEB_FONTS.sub("", drawn).replace("Fira Code, monospace", FONTS)


def record(workspace: Workspace, *arguments: str) -> str:
    """Runs pulumi on a terminal of its own and returns what it wrote there. Raises StepError if it fails."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = ["pulumi", *arguments, "--stack", workspace.stack]
    environ = {**workspace.environment(), "TERM": "xterm-256color"}
    child = subprocess.Popen(
        command, cwd=workspace.project, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    written = bytearray()
    try:
        while block := os.read(ours, 65536):
            written += block
    except OSError:  # Linux says that the other end is closed with EIO, macOS with an empty block
        pass
    finally:
        os.close(ours)
        code = child.wait()
    text = written.decode()
    if code:
        raise StepError(f"pulumi {' '.join(arguments)} failed (exit code {code}):\n{screen(text)}")
    return text


def draw(workspace: Workspace, title: str, *options: str) -> None:
    """Writes the picture of one Pulumi command, with the command in its first line."""
    command = title.split()
    text = stable(screen(record(workspace, *command[1:], *options)))
    path = FOLDER / f"{command[-1]}.svg"
    path.write_text(svg(title, f"\x1b[1m$ {title}\x1b[0m\n{text}"), encoding="utf-8")
    say(f"wrote {path.relative_to(CHECKOUT)}")


def project(folder: Path) -> Workspace:
    """Makes a copy of the ready program with a pack, a chart and a stack of its own."""
    workspace = Workspace(CHECKOUT, folder / "project", folder / "local", folder / "sandbox", "local")
    (workspace.project / "stacks").mkdir(parents=True)
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(CHECKOUT / name, workspace.project)
    for name in ("packs", "charts"):
        shutil.copytree(CHECKOUT / name / "hello-universe", workspace.project / name / "hello-universe")
    (workspace.project / "stacks" / "Pulumi.local.yaml").write_text(STACK)
    (workspace.project / ".venv").symlink_to(CHECKOUT / ".venv")
    return workspace


def change(pack: Path) -> None:
    """Makes version 1.1.0 of the pack, with another default."""
    for name, old, new in (
        ("pack.json", '"version": "1.0.0"', '"version": "1.1.0"'),
        ("values.yaml", "replicas: 1", "replicas: 2"),
    ):
        text = (pack / name).read_text()
        if old not in text:
            raise StepError(f"{name} of the example pack no longer contains {old}: correct tools/pictures.py")
        (pack / name).write_text(text.replace(old, new))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        workspace = project(Path(folder))
        workspace.start_sandbox()
        try:
            workspace.install_plugin()
            workspace.select_stack()
            draw(workspace, "pulumi up", "--yes", "--skip-preview")
            change(workspace.project / "packs" / "hello-universe")
            draw(workspace, "pulumi preview")
        finally:
            workspace.stop_sandbox()


if __name__ == "__main__":
    sys.exit(guarded(main))
