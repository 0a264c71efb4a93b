"""Rules about the files that pack.json lists, and those that it doesn't."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from packinfra.packs.chart import ChartArchive
from packinfra.packs.contents import METADATA, Contents
from packinfra.packs.rules.metadata import conforms, unknown_keys
from packinfra.packs.rules.rule import FORMAT, MEASURED, Rule
from packinfra.packs.similar import similar
from packinfra.packs.violations import RuleViolation
from packinfra.text import quoted

LISTS = ("charts", "kubeManifests")
_ROLES = "ansible-roles"
_MOST_SUGGESTIONS = 20


def _listed(contents: Contents) -> Iterator[RuleViolation]:
    yield from conforms("listed-file-missing", contents)
    folders, suggested = _folders(contents), _suggestions(contents)
    left_out = dict(contents.left_out)
    for key in LISTS:
        for path, line in contents.listed(key):
            if path in contents.files:
                continue
            remedy: str | None = None
            if posixpath.isabs(path) or path == ".." or path.startswith("../"):
                reason = "is outside the pack"
            elif path in folders or path == ".":
                reason, remedy = "is a folder", _package(path, contents)
            elif by := next((left_out[part] for part in (path, *_above(path)) if part in left_out), None):
                reason = f"is left out of the pack ({by})"
            else:
                reason = "is missing from the pack"
                near = suggested.get(path)
                remedy = f"did you mean {near}?" if near else _package(path, contents)
            message = f'"{key}" lists {quoted(path)}, which {reason}'
            yield RuleViolation("listed-file-missing", message, METADATA, line, remedy)


def _folders(contents: Contents) -> set[str]:
    parents = {path.rpartition("/")[0] for path in contents.files}
    return parents | {folder for path in parents for folder in _above(path)}


def _above(path: str) -> Iterator[str]:
    """The folders that contain a path."""
    while path := path.rpartition("/")[0]:
        yield path


def _suggestions(contents: Contents) -> dict[str, str]:
    """Listed paths that are missing -> the unlisted file that was probably meant."""
    listed = {path for key in LISTS for path, _ in contents.listed(key)}
    missing = [path for path in sorted(listed) if path not in contents.files][:_MOST_SUGGESTIONS]
    unlisted = [path for path in contents.files if path not in listed] if missing else []
    return {path: near for path in missing if (near := _meant(path, unlisted))}


def _meant(path: str, unlisted: list[str]) -> str | None:
    suffix = posixpath.splitext(path)[1]
    candidates = [p for p in unlisted if posixpath.splitext(p)[1] == suffix]
    if suffix == ".tgz":  # demo-1.2.0.tgz for demo-1.0.0.tgz
        name = _chart_name(path)
        if named := [
            p for p in candidates if _chart_name(p) == name and posixpath.dirname(p) == posixpath.dirname(path)
        ]:
            return named[0]
    elsewhere = [p for p in candidates if posixpath.basename(p) == posixpath.basename(path)]
    return elsewhere[0] if elsewhere else similar(path, candidates, cutoff=0.85)


def _chart_name(path: str) -> str:
    parts = posixpath.basename(path).removesuffix(".tgz").split("-")
    return "-".join(part for n, part in enumerate(parts) if not n or not part.lstrip("v")[:1].isdigit())


def _package(path: str, contents: Contents) -> str | None:
    """How to create a listed archive from the unpacked chart beside it."""
    base = posixpath.dirname(path) or "."
    for folder in (path, posixpath.join(base, _chart_name(path))):
        if f"{folder}/Chart.yaml" in contents.files:
            return f"run helm package {folder} -d {posixpath.dirname(folder) or '.'}, and list the archive"
    return None


def _unlisted(contents: Contents) -> Iterator[RuleViolation]:
    if not contents.metadata_read:
        return
    listed = {path for key in LISTS for path, _ in contents.listed(key)}
    suggested = set(_suggestions(contents).values())
    misspelt = unknown_keys(contents).values()
    for path in contents.files:
        if path in listed or path in suggested:
            continue
        folder = posixpath.dirname(path)
        for key, where, suffixes in (
            ("charts", "charts", (".tgz", ".tar.gz")),
            ("kubeManifests", "manifests", (".yaml", ".yml")),
        ):
            if folder == where and path.endswith(suffixes) and key not in misspelt:
                yield RuleViolation("unlisted-file", f'"{key}" in {METADATA} does not list it', path)


def _nothing(contents: Contents) -> Iterator[RuleViolation]:
    deployable = contents.metadata.get("layer") in ("addon", "csi", "cni")
    lists = (*LISTS, "ansibleRoles")
    if (
        deployable
        and not any(contents.metadata.get(key) for key in lists)
        and not {*lists} & {*unknown_keys(contents).values()}
    ):
        yield RuleViolation("nothing-to-deploy", "it lists neither charts nor manifests", METADATA)


def lists_nothing(contents: Contents) -> bool:
    return not any(contents.metadata.get(key) for key in LISTS)


def charts_are_known(contents: Contents) -> bool:
    """Whether all charts of the pack can be read: a missing, unlisted or damaged one could have any name."""
    read = all(isinstance(contents.charts.get(path), ChartArchive) for path, _ in contents.listed("charts"))
    return read and not any(v.file and v.file.endswith(".tgz") for v in _unlisted(contents))


def _roles(contents: Contents) -> Iterator[RuleViolation]:
    roles = contents.metadata.get("ansibleRoles")
    folders = _folders(contents) if roles else set()
    for index, role in enumerate(roles if isinstance(roles, list) else ()):
        if isinstance(role, str) and posixpath.normpath(f"{_ROLES}/{role}") not in folders:
            line = contents.lines.get(("ansibleRoles", index))
            message = f'"ansibleRoles" lists {quoted(role)}, but there is no folder {_ROLES}/{quoted(role)[1:-1]}'
            near = similar(role, [f.removeprefix(f"{_ROLES}/") for f in folders if posixpath.dirname(f) == _ROLES])
            yield RuleViolation(
                "ansible-role-missing", message, METADATA, line, f"did you mean {near}?" if near else None
            )


RULES: tuple[Rule, ...] = (
    Rule(
        "listed-file-missing", "error", f"every chart and manifest that {METADATA} lists is a file of the pack",
        "Palette deploys the files in these lists", "add the file, or correct the list", FORMAT, _listed,
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
    Rule(
        "ansible-role-missing", "warning", f"every role in ansibleRoles has a folder in {_ROLES}",
        "Palette cannot run a role that the pack does not contain", "add the role, or correct the list",
        "JSON schema of pack-central's validator", _roles,
    ),
)  # fmt: skip
