"""Rules about the charts and manifests that pack.json lists."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from packinfra.packs.contents import METADATA, Contents
from packinfra.packs.rules.metadata import conforms
from packinfra.packs.rules.rule import FORMAT, MEASURED, Rule
from packinfra.packs.violations import RuleViolation
from packinfra.text import quoted

LISTS = ("charts", "kubeManifests")


def _listed(contents: Contents) -> Iterator[RuleViolation]:
    yield from conforms("listed-file-missing", contents)
    parents = {path.rpartition("/")[0] for path in contents.files}
    folders = parents | {folder for path in parents for folder in _above(path)}
    left_out = dict(contents.left_out)
    for key in LISTS:
        for path, line in contents.listed(key):
            if path in contents.files:
                continue
            if posixpath.isabs(path) or path == ".." or path.startswith("../"):
                reason = "is outside the pack"
            elif path in folders or path == ".":
                reason = "is a folder"
            else:
                by = next((left_out[part] for part in (path, *_above(path)) if part in left_out), None)
                reason = f"is left out of the pack ({by})" if by else "is missing from the pack"
            message = f'"{key}" lists {quoted(path)}, which {reason}'
            yield RuleViolation("listed-file-missing", message, METADATA, line)


def _above(path: str) -> Iterator[str]:
    """The folders that contain a path."""
    while path := path.rpartition("/")[0]:
        yield path


def _charts(contents: Contents) -> Iterator[RuleViolation]:
    for path, chart in contents.charts.items():
        if isinstance(chart, str):
            yield RuleViolation("chart-unreadable", chart, path)


def _unlisted(contents: Contents) -> Iterator[RuleViolation]:
    if not contents.metadata_read:
        return
    listed = {path for key in LISTS for path, _ in contents.listed(key)}
    for path in contents.files:
        if path in listed:
            continue
        folder = posixpath.dirname(path)
        if folder == "charts" and path.endswith((".tgz", ".tar.gz")):
            yield RuleViolation("unlisted-file", f'"charts" in {METADATA} does not list it', path)
        elif folder == "manifests" and path.endswith((".yaml", ".yml")):
            yield RuleViolation("unlisted-file", f'"kubeManifests" in {METADATA} does not list it', path)


def _nothing(contents: Contents) -> Iterator[RuleViolation]:
    deployable = contents.metadata.get("layer") in ("addon", "csi", "cni")
    if deployable and not any(contents.metadata.get(key) for key in (*LISTS, "ansibleRoles")):
        yield RuleViolation("nothing-to-deploy", "it lists neither charts nor manifests", METADATA)


RULES: tuple[Rule, ...] = (
    Rule(
        "listed-file-missing", "error", f"every chart and manifest that {METADATA} lists is a file of the pack",
        "Palette deploys the files in these lists", "add the file, or correct the list", FORMAT, _listed,
    ),
    Rule(
        "chart-unreadable", "error", "a listed chart is a gzip tar archive with `<chart>/Chart.yaml`, which has a name",
        "Helm can install nothing else", "create it again with helm package", "Helm documentation, Charts", _charts,
    ),
    Rule(
        "unlisted-file", "warning", f"charts/*.tgz and manifests/*.yaml are listed in {METADATA}",
        "Palette never deploys a file that is not listed", f"list it in {METADATA}, or remove the file",
        MEASURED, _unlisted,
    ),
    Rule(
        "nothing-to-deploy", "warning", "a pack of the layers addon, csi and cni lists charts or manifests",
        "otherwise it deploys nothing", "list them under charts or kubeManifests", FORMAT, _nothing,
    ),
)  # fmt: skip
