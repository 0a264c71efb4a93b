"""Packs: a folder is read, validated, identified and archived. No network, no Pulumi.

>>> from pathlib import Path
>>> pack = read_pack(Path("packs/hello-universe"))
>>> pack.name, pack.version, pack.problems
('hello-universe', '1.0.0', ())
"""

from packinfra.packs.archive import Archive, save_archive, write_archive
from packinfra.packs.catalogue import Catalogue, read_catalogue
from packinfra.packs.chart import Chart
from packinfra.packs.contents import PackError
from packinfra.packs.pack import Pack, read_pack
from packinfra.packs.rules import RuleError, RuleSettings
from packinfra.packs.rules.rule import Problem

__all__ = [
    "Archive", "Catalogue", "Chart", "Pack", "PackError", "Problem", "RuleError", "RuleSettings", "read_catalogue",
    "read_pack", "save_archive", "write_archive",
]  # fmt: skip
