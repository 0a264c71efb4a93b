"""Rules about values.yaml and the charts and manifests of the pack: values that reach nothing."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import islice

from packinfra.packs.chart import ChartArchive
from packinfra.packs.contents import VALUES, Contents
from packinfra.packs.inflate import ArchiveReadError
from packinfra.packs.rules.charts import charts
from packinfra.packs.rules.listed import charts_are_known, lists_nothing
from packinfra.packs.rules.metadata import unknown_keys
from packinfra.packs.rules.rule import MEASURED, Rule
from packinfra.packs.rules.values import PALETTE_VALUES, values_top
from packinfra.packs.similar import similar
from packinfra.packs.violations import RuleViolation
from packinfra.packs.yamltext import Map, Node, child, entries
from packinfra.text import quoted

_NAMED = 3
_MOST_UNKNOWN = 50
_DEEPEST = 100
_MOST_TEMPLATES = 16 << 20
"""Bytes of templates that are searched; of a larger chart nothing is reported."""
_FREE = re.compile(
    r"limits|requests|env(?:s|Vars?)?|data|headers|hosts|config|.*(?:annotations?|labels?|selectors?|args?|tolerations)|extra.*",
    re.IGNORECASE,
)
"""Mappings of charts whose keys are free, whatever their default values are."""
_ALL_VALUES = re.compile(rb"(?:toYaml|range|with|tpl|merge|:=)\s{0,9}\(?\s{0,9}\$?\.Values\s{0,9}[|)}]")
"""A template that uses all values, whatever their names are."""


def _matches(contents: Contents) -> Iterator[RuleViolation]:
    if not contents.metadata_read or lists_nothing(contents):
        return
    top, misspelt = values_top(contents), unknown_keys(contents).values()
    if charts_are_known(contents) and "charts" not in misspelt:
        yield from _unmatched(child(top, "charts"), "charts", [each.chart.name for each in charts(contents)])
    manifests = [posixpath.splitext(posixpath.basename(path))[0] for path, _ in contents.listed("kubeManifests")]
    if "kubeManifests" not in misspelt:
        yield from _unmatched(child(top, "manifests"), "manifests", manifests)


def _unmatched(node: Node | None, key: str, names: list[str]) -> Iterator[RuleViolation]:
    """One violation, however many keys match nothing: most often all are values that belong one level deeper."""
    matching = set(names)
    unknown = {name: line for name, line, _ in entries(node) if name not in matching and "{{" not in name}
    if not unknown:
        return
    noun = key.removesuffix("s")
    known = f"its {key} are {_some(names)}" if names else f"it has no {key}"
    present = {name for name, _, _ in entries(node)}
    first, remedy = next(iter(unknown)), None
    if len(unknown) == 1:
        message = f"{key}.{first} matches no {noun} of the pack: {known}"
        near = similar(first, [name for name in names if name not in present], 0.6)
        remedy = f"did you mean {key}.{near}?" if near else None
    else:
        message = f"{key} contains {_some(unknown)}, none of them a {noun} of the pack: {known}"
    if remedy is None and len(names) == 1:
        remedy = f"put {'it' if len(unknown) == 1 else 'them'} below {key}.{names[0]}"
    yield RuleViolation("values-key-unmatched", message, VALUES, unknown[first], remedy)


def _some(names: dict[str, int] | list[str]) -> str:
    shown = [quoted(name)[1:-1] for name in list(names)[:_NAMED]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def _unwired(contents: Contents) -> Iterator[RuleViolation]:
    """Values at the top level, although a chart is listed and nothing is below `charts`."""
    top = values_top(contents)
    names = [each.chart.name for each in charts(contents)]
    if not names or not isinstance(top, Map) or any(key == "charts" for key, _, _ in entries(top)):
        return
    reached = {"pack", "charts", "manifests", *re.findall(r"\.spectro\.pack\.[\w-]+\.([\w-]+)", contents.values)}
    keys = {key: line for key, line, _ in entries(top) if key not in reached and "{{" not in key}
    if keys:
        verb = "is" if len(keys) == 1 else "are"
        message = f"{_some(keys)} {verb} not below charts, so no chart gets {'it' if len(keys) == 1 else 'them'}"
        remedy = f"put {'it' if len(keys) == 1 else 'them'} below charts.{names[0]}" if len(names) == 1 else None
        yield RuleViolation("values-unused", message, VALUES, min(keys.values()), remedy)


def _unknown(contents: Contents) -> Iterator[RuleViolation]:
    """Values for a chart that has no such values, and no template that uses them."""
    for each in charts(contents):
        name = each.chart.name
        ours, theirs = child(values_top(contents), "charts", name), each.values
        if ours is None or theirs is None or theirs.problem or not isinstance(theirs.top, Map):
            continue
        unknown = dict(islice(_differing(ours, theirs.top, each), _MOST_UNKNOWN))
        if not (unknown := unknown and _unused(unknown, each)):
            continue
        paths = [".".join(["charts", name, *path]) for path in unknown]
        first = next(iter(unknown))
        message = f"{_some(paths)}: {each.chart.path} has no such values"
        inner = _one_level_off(first, theirs.top)
        remedy = f"did you mean {'.'.join(['charts', name, *inner])}?" if inner else None
        yield RuleViolation("values-unknown-to-chart", message, VALUES, unknown[first], remedy)


ValuePath = tuple[str, ...]


def _differing(ours: Node, theirs: Node, archive: ChartArchive) -> Iterator[tuple[ValuePath, int]]:
    """Our keys that the chart's mapping lacks, with their lines. Quiet where the chart's mapping is empty."""
    free = {"global", "<<", *archive.subcharts, *(alias for _, alias in archive.dependencies)}
    todo: list[tuple[ValuePath, Node, Node]] = [((), ours, theirs)]
    done: set[tuple[int, int]] = set()  # aliases make one mapping part of many, even of itself
    while todo:
        path, ours, theirs = todo.pop()
        known = {key: value for key, _, value in entries(theirs)}
        if not known or (id(ours), id(theirs)) in done or len(path) > _DEEPEST:
            continue
        done.add((id(ours), id(theirs)))
        inner: list[tuple[ValuePath, Node, Node]] = []
        for key, line, value in entries(ours):
            if "{{" in key or (not path and key in free):
                continue
            if key not in known:
                yield (*path, key), line
            elif isinstance(value, Map) and isinstance(known[key], Map) and not _FREE.fullmatch(key):
                inner.append(((*path, key), value, known[key]))
        todo += reversed(inner)


def _unused(unknown: dict[ValuePath, int], archive: ChartArchive) -> dict[ValuePath, int]:
    """Without those that some template uses: not all values have a default. Nothing if that cannot be told."""
    left, size = dict(unknown), 0
    try:
        for template in archive.templates():
            size += len(template)
            if size > _MOST_TEMPLATES or _ALL_VALUES.search(template):
                return {}
            left = {path: line for path, line in left.items() if not _used(path, template)}
            if not left:
                break
    except (ArchiveReadError, OSError):
        return {}
    return left


def _used(path: ValuePath, template: bytes) -> bool:
    raw = path[-1].encode("utf-8", "surrogatepass")
    if raw not in template:
        return False
    key, before = re.escape(raw), rb"\.Values\." if len(path) == 1 else rb"\."
    return re.search(before + key + rb"(?![\w-])|[\"']" + key + rb"[\"']", template) is not None


def _one_level_off(path: ValuePath, theirs: Node) -> ValuePath | None:
    """The path with one more key in it, if the chart has that."""
    for key, _, value in entries(child(theirs, *path[:-1]) if len(path) > 1 else theirs):
        if any(inner == path[-1] for inner, _, _ in entries(value)):
            return (*path[:-1], key, path[-1])
    return None


RULES: tuple[Rule, ...] = (
    Rule(
        "values-key-unmatched", "warning",
        f"the keys below charts and manifests in {VALUES} are names of charts (in Chart.yaml) and manifests (file name "
        "without extension)",
        "parameters under any other key have no effect", "correct the key", MEASURED, _matches,
    ),
    Rule(
        "values-unused", "warning", f"parameters of charts in {VALUES} are below charts",
        "Palette passes a chart only what is below charts and its name",
        "put them below charts and the name of their chart", PALETTE_VALUES, _unwired,
    ),
    Rule(
        "values-unknown-to-chart", "warning",
        "parameters of a chart are keys of the chart's own values.yaml, or used by its templates",
        "otherwise they have no effect", "correct the key, or remove it", "pack-central, pull request checks", _unknown,
    ),
)  # fmt: skip
