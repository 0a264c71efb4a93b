"""`packinfra new`: writes a small pack that passes every check, from a Helm chart archive or from manifests.

packinfra new nginx --chart nginx-1.2.3.tgz
packinfra new settings --manifest settings.yaml --namespace platform
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from packinfra.packs.chart import ChartArchive, read_chart
from packinfra.packs.contents import LOGO, METADATA, README, VALUES
from packinfra.packs.pack import read_pack
from packinfra.packs.report import CheckedFolder, as_text
from packinfra.packs.rules.charts import obstacles
from packinfra.packs.rules.metadata import ADDON_TYPES, LAYERS, LONGEST_NAME, REPOSITORY_COMPONENT, TAG
from packinfra.packs.secrets import find_secrets
from packinfra.packs.versions import is_version
from packinfra.packs.yamltext import List, Map, Node, child, read_yaml, repeated_keys, scalar, walk
from packinfra.text import printable, quoted

_RENDER_SECONDS = 60
_YAML_WORDS = ("yes", "no", "on", "off", "true", "false", "null")
_MOST_RENDERED = 16 << 20


def main(arguments: Sequence[str] | None = None, prog: str = "packinfra new") -> int:
    """Returns 0: the pack is there and passes every check; 1: it cannot be written; 2: wrong arguments."""
    parser = _parser(prog)
    options = parser.parse_args(arguments)
    if not REPOSITORY_COMPONENT.fullmatch(options.name) or len(options.name) > LONGEST_NAME:
        parser.error(
            f"{quoted(options.name)} cannot be a pack's name: lower-case letters, digits, single . _ or - between"
        )
    if bool(options.chart) == bool(options.manifest):
        parser.error("give either --chart or --manifest")
    try:
        content = _of_chart(options) if options.chart else _of_manifests(options)
        folder = Path(options.out or f"{options.name}-{content.version}")
        _write(folder, content.version, _files(options, content))
    except _CannotError as error:
        parser.error(str(error))
    except OSError as error:
        parser.exit(1, f"{prog}: {error.filename}: {error.strerror}\n")
    pack = read_pack(folder)
    for note in (*content.notes, f"{LOGO} is a placeholder; replace it by the product's logo"):
        print(f"note: {note}")
    print(as_text([CheckedFolder(str(folder), pack, pack.problems)]))
    return 1 if pack.problems else 0


class _CannotError(Exception):
    """Why no pack can be made of the arguments."""


@dataclass(frozen=True)
class _Content:
    """What the pack deploys.

    lists:  the keys charts or kubeManifests of pack.json
    values: of values.yaml, below `pack`
    files:  charts or manifests
    about:  for the README, as are `parameters`
    notes:  what the author has to know
    """

    version: str
    lists: dict[str, list[str]]
    images: list[str]
    values: str
    files: dict[str, bytes]
    about: str
    parameters: str
    notes: list[str]


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Writes a small pack that passes every check, from a Helm chart archive or from manifests.",
    )
    parser.add_argument(
        "name", metavar="NAME", help="the pack's name: lower-case letters, digits, single . _ or - between"
    )
    parser.add_argument("--chart", metavar="FILE", type=Path, help="a chart archive, for example nginx-1.2.3.tgz")
    parser.add_argument(
        "--manifest", metavar="FILE", type=Path, action="append", default=[], help="a manifest; can be repeated"
    )
    parser.add_argument("--version", metavar="VERSION", help="default: the chart's version; 1.0.0 for manifests")
    parser.add_argument("--namespace", metavar="NAME", help="default: the pack's name")
    parser.add_argument("--display-name", metavar="TEXT", help="the name that Palette shows")
    parser.add_argument("--layer", choices=LAYERS, default="addon", help="default: addon")
    parser.add_argument(
        "--addon-type", choices=ADDON_TYPES, default="app services", metavar="TYPE", help="default: app services"
    )
    parser.add_argument("--out", metavar="FOLDER", help="default: NAME-VERSION")
    return parser


def _of_chart(options: argparse.Namespace) -> _Content:
    path: Path = options.chart

    def opened() -> BinaryIO:
        return open(path, "rb")

    archive = read_chart(opened, str(path))
    reason = archive if isinstance(archive, str) else next((message for message, _ in obstacles(archive)), None)
    if isinstance(archive, str) or reason:
        raise _CannotError(f"{path} is not a chart that Helm can install: {reason}")
    name, version = archive.chart.name, archive.chart.version
    if not re.fullmatch(r"[\w.-]+", name):
        raise _CannotError(f"{path}: {quoted(name)} is no name for a file")
    file = f"charts/{name}-{version}.tgz"
    images, note = _images(path)
    values, other = _chart_values(archive)
    return _Content(
        version=options.version or version.removeprefix("v").replace("+", "-"),
        lists={"charts": [file]},
        images=images,
        values=f"charts:\n  {_scalar(name)}:{values}",
        files={file: path.read_bytes()},
        about=printable(scalar(child(archive.metadata, "description")) or f"The Helm chart {name}."),
        parameters=f"Below `charts.{name}` in values.yaml: the values of the Helm chart {name} {version}.",
        notes=[text for text in (note, other) if text],
    )


def _chart_values(archive: ChartArchive) -> tuple[str, str]:
    """The chart's own values with their comments, for below its name; or none, and why."""
    raw = archive.raw.get(VALUES, b"")
    text, lines = archive.values, raw.decode("utf-8-sig", "replace").splitlines()
    indented = "".join(f"    {line}\n" if line.strip() else "\n" for line in lines)
    if text is None or text.top is None:
        return " {}\n", ""
    if not isinstance(text.top, Map) or text.problem or any(repeated_keys(text.top)) or find_secrets(VALUES, raw):
        return " {}\n", "the chart's values.yaml has problems of its own, so its values are left out"
    if len(read_yaml(f"a:\n{indented}".encode()).documents) != 1:
        return " {}\n", "the chart's values.yaml has several documents, so its values are left out"
    return f"\n{indented}", ""


def _of_manifests(options: argparse.Namespace) -> _Content:
    files: dict[str, bytes] = {}
    images: dict[str, None] = {}
    for path in options.manifest:
        raw = path.read_bytes()
        text = read_yaml(raw)
        if text.problem and not text.templated and not text.limited:
            raise _CannotError(f"{path} is not a manifest: {text.problem}")
        name = f"manifests/{path.stem}.yaml"
        if name in files:
            raise _CannotError(f"two manifests are named {path.stem}: rename one")
        files[name] = raw
        images |= dict.fromkeys(_images_in(text.documents))
    names = ", ".join(path.removeprefix("manifests/") for path in files)
    about = f"Kubernetes manifests: {names}."
    return _Content(
        options.version or "1.0.0", {"kubeManifests": list(files)}, list(images), "", files, about, "None yet.", []
    )


def _files(options: argparse.Namespace, content: _Content) -> dict[str, bytes]:
    addon = {"addonType": options.addon_type} if options.layer == "addon" else {}
    metadata = {
        "name": options.name,
        "displayName": options.display_name or re.sub(r"[-_.]+", " ", options.name).title(),
        "version": content.version,
        "layer": options.layer,
        **addon,
        "cloudTypes": ["all"],
        "annotations": {"source": "community"},
        **content.lists,
    }
    images = "".join(f"      - image: {_scalar(image)}\n" for image in content.images)
    images = f"  content:\n    images:\n{images}" if images else ""
    values = f"pack:\n  namespace: {_scalar(options.namespace or options.name)}\n{images}{content.values}"
    readme = f"# {metadata['displayName']}\n\n{content.about}\n\n## Parameters\n\n{content.parameters}\n"
    texts = {METADATA: json.dumps(metadata, indent=2) + "\n", VALUES: values, README: readme}
    return {**{name: text.encode("utf-8", "replace") for name, text in texts.items()}, LOGO: _logo(), **content.files}


def _scalar(text: str) -> str:
    """Text as a YAML scalar."""
    plain = re.fullmatch(r"[A-Za-z][\w./:@-]*[\w]", text) and text.lower() not in _YAML_WORDS
    return text if plain else json.dumps(text)


def _images(chart: Path) -> tuple[list[str], str]:
    """The images that the chart uses by default, rendered by helm; or none, and why."""
    helm = shutil.which("helm")
    if helm is None:
        return [], "helm is not on PATH, so pack.content.images is left out; add the images that the chart uses"
    try:
        rendered = subprocess.run(
            [helm, "template", "pack", os.fspath(chart.absolute())], capture_output=True, check=True,
            timeout=_RENDER_SECONDS, stdin=subprocess.DEVNULL,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", None) or b"").decode("utf-8", "replace").strip().splitlines()
        because = f": {quoted(reason[-1])}" if reason else ""
        return [], f"helm cannot render the chart with its defaults{because}; pack.content.images is left out"
    images = _images_in(read_yaml(rendered[:_MOST_RENDERED]).documents)
    return images, "" if images else "the chart's defaults use no images, so pack.content.images is left out"


def _images_in(documents: Sequence[Node]) -> list[str]:
    """The images of all containers."""
    images: dict[str, None] = {}
    for node in walk(documents):
        for key in ("containers", "initContainers", "ephemeralContainers"):
            containers = child(node, key)
            for container in containers.items if isinstance(containers, List) else ():
                image = scalar(child(container, "image"))
                if image and "{{" not in image:
                    images[image] = None
    return list(images)


def _logo() -> bytes:
    """A grey square of 64 x 64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = 64
    rows = zlib.compress((b"\0" + b"\xb0" * size) * size, 9)
    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _write(folder: Path, version: str, files: dict[str, bytes]) -> None:
    """Only into a new or empty folder."""
    if not TAG.fullmatch(version) or not is_version(version):
        raise _CannotError(f"{quoted(version)} cannot be a pack's version; give another one with --version")
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise _CannotError(f"{folder} exists already; name another folder with --out")
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "xb") as file:
            file.write(data)
