"""The command `packinfra`. Each subcommand loads only its own room, so checking packs works without Pulumi."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

from packinfra import console

_COMMANDS = {
    "check": ("packinfra.artifacts.check_command", "validate packs, charts and policies"),
    "digest": ("packinfra.digest_command", "print what would be published, without network"),
    "new": ("packinfra.packs.new_command", "write a small pack, from a chart or from manifests"),
}
"""Subcommand -> the module whose main() runs it, and a summary."""


def main() -> None:
    """The entry point of the console script."""
    console.run(command)


def command(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand and returns its exit code."""
    summaries = "\n".join(f"  {name:8} {summary}" for name, (_, summary) in _COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="packinfra",
        description="Spectro Cloud Palette packs in OCI registries.",
        epilog=f"commands:\n{summaries}\n\npackinfra COMMAND --help describes a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"packinfra {import_module('packinfra').__version__}")
    parser.add_argument("command", choices=_COMMANDS, metavar="COMMAND", help=", ".join(_COMMANDS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="arguments of the command")
    options = parser.parse_args(arguments)
    module, _ = _COMMANDS[options.command]
    code: int = import_module(module).main(options.arguments, prog=f"packinfra {options.command}")
    return code
