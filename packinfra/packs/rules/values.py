"""Rules about values.yaml."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from packinfra.packs.chart import Chart
from packinfra.packs.contents import VALUES, Contents
from packinfra.packs.rules.rule import FORMAT, MEASURED, Rule
from packinfra.packs.violations import RuleViolation
from packinfra.packs.yamltext import List, Map, Node, child, entries, scalar

_VALUES = "Palette documentation, Pack Constraints and Add-on Packs"


def _missing(contents: Contents) -> Iterator[RuleViolation]:
    if VALUES not in contents.files and not any(v.file in (VALUES, ".") for v in contents.violations):
        yield RuleViolation("values-missing", f"the folder has no {VALUES}")


def _invalid(contents: Contents) -> Iterator[RuleViolation]:
    text = contents.yaml.get(VALUES)
    if text and text.problem and not text.templated:
        yield RuleViolation("values-invalid", text.problem, VALUES, text.line)


def _template(contents: Contents) -> Iterator[RuleViolation]:
    text = contents.yaml.get(VALUES)
    if text and text.templated:
        yield RuleViolation("values-template", f"{text.problem}, at a template", VALUES, text.line)


def _shape(contents: Contents) -> Iterator[RuleViolation]:
    top = _top(contents)
    if top is not None and not isinstance(top, Map):
        kind = "a list" if isinstance(top, List) else "a single value"
        yield RuleViolation("values-shape", f"it is {kind}, not a mapping", VALUES, top.line)


def _namespace(contents: Contents) -> Iterator[RuleViolation]:
    top = _top(contents)
    if not isinstance(top, Map) or contents.metadata.get("layer") in ("kernel", "os", "k8s"):
        return
    if not scalar(child(top, "pack", "namespace")):
        line = next((line for key, line, _ in entries(top) if key == "pack"), None)
        yield RuleViolation("namespace-missing", "it sets no pack.namespace", VALUES, line)


def _images(contents: Contents) -> Iterator[RuleViolation]:
    images = child(_top(contents), "pack", "content", "images")
    if VALUES in contents.files and not (isinstance(images, List) and images.items):
        yield RuleViolation("images-missing", "it has no pack.content.images", VALUES)


def _keys(contents: Contents) -> Iterator[RuleViolation]:
    if not contents.metadata_read:
        return
    top, charts = _top(contents), list(contents.charts.values())
    names = [chart.name for chart in charts if isinstance(chart, Chart)]
    if len(names) == len(charts):  # a chart that could not be read might be the one
        yield from _unmatched(child(top, "charts"), "charts", names)
    manifests = [posixpath.splitext(posixpath.basename(path))[0] for path, _ in contents.listed("kubeManifests")]
    yield from _unmatched(child(top, "manifests"), "manifests", manifests)


def _unmatched(node: Node | None, key: str, names: list[str]) -> Iterator[RuleViolation]:
    for name, line, _ in entries(node):
        if name not in names and "{{" not in name:
            known = f"its {key} are {', '.join(names)}" if names else f"it has no {key}"
            message = f"{key}.{name} matches no {key.removesuffix('s')} of the pack: {known}"
            yield RuleViolation("values-key-unmatched", message, VALUES, line)


def _top(contents: Contents) -> Node | None:
    text = contents.yaml.get(VALUES)
    return text.top if text else None


RULES: tuple[Rule, ...] = (
    Rule(
        "values-missing", "error", f"{VALUES} is in the root folder; it may be empty",
        "Palette requires it of every pack", f"add {VALUES}, empty if the pack has no parameters", FORMAT, _missing,
    ),
    Rule(
        "values-invalid", "error", f"{VALUES} is YAML",
        "Palette cannot read anything else", "correct the YAML", FORMAT, _invalid,
    ),
    Rule(
        "values-template", "warning", f"templates in {VALUES} are where YAML allows them",
        "Palette replaces {{ }} before it deploys, but editors and Palette's own form read the file as YAML",
        'put the value in quotes: "{{ .spectro... }}"', "Palette documentation, Macros", _template,
    ),
    Rule(
        "values-shape", "warning", f"{VALUES} is a mapping",
        "Helm and Palette look up keys in it", "begin with pack:, charts: or manifests:", _VALUES, _shape,
    ),
    Rule(
        "namespace-missing", "warning", f"{VALUES}, unless it is empty, sets pack.namespace",
        "otherwise Palette deploys the pack into the namespace default",
        "set pack.namespace; Palette creates the namespace", _VALUES, _namespace,
    ),
    Rule(
        "values-key-unmatched", "warning",
        f"the keys below charts and manifests in {VALUES} are names of charts (in Chart.yaml) and manifests (file name "
        "without extension)",
        "parameters under any other key have no effect", "correct the key, or remove it", MEASURED, _keys,
    ),
    Rule(
        "images-missing", "off", f"{VALUES} has a list pack.content.images",
        "tools for clusters without internet access download the images in it; 54 of 220 public packs have none",
        "list the images, each as `- image: host/name:tag`", "pack-central, pull request checks", _images,
    ),
)  # fmt: skip
