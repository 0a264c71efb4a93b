"""Rules about values.yaml: its form, and what Palette itself reads in it."""

from __future__ import annotations

from collections.abc import Iterator

from packinfra.packs.chart import LFS_POINTER, is_lfs_pointer
from packinfra.packs.contents import VALUES, Contents
from packinfra.packs.rules.manifests import object_without_namespace
from packinfra.packs.rules.rule import FORMAT, Rule
from packinfra.packs.similar import similar
from packinfra.packs.violations import RuleViolation
from packinfra.packs.yamltext import List, Map, Node, child, entries, repeated_keys, scalar
from packinfra.text import plural, quoted

_MOST = 10
PALETTE_VALUES = "Palette documentation, Pack Constraints and Add-on Packs"


def values_top(contents: Contents) -> Node | None:
    """The mapping in values.yaml; None if it is empty or cannot be read."""
    text = contents.yaml.get(VALUES)
    return text.top if text else None


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
    top = values_top(contents)
    if is_lfs_pointer(contents.raw.get(VALUES, b"")):
        yield RuleViolation("values-shape", LFS_POINTER, VALUES, 1, "git lfs pull")
    elif top is not None and not isinstance(top, Map):
        kind = "a list" if isinstance(top, List) else "a single value"
        yield RuleViolation("values-shape", f"it is {kind}, not a mapping", VALUES, top.line)


def _twice(contents: Contents) -> Iterator[RuleViolation]:
    text = contents.yaml.get(VALUES)
    if text and not text.templated:  # of two branches of a template, only one remains
        repeated = list(repeated_keys(text.top))
        for path, first, second in repeated[:_MOST]:
            yield RuleViolation("values-duplicate-key", f"{path} is already in line {first}", VALUES, second)
        if (more := len(repeated) - _MOST) > 0:
            message = f"{plural(more, 'more key')} from here on are there twice"
            yield RuleViolation("values-duplicate-key", message, VALUES, repeated[_MOST][2])


def _namespace(contents: Contents) -> Iterator[RuleViolation]:
    top = values_top(contents)
    if not isinstance(top, Map) or contents.metadata.get("layer") in ("kernel", "os", "k8s"):
        return
    if scalar(child(top, "pack", "namespace")):
        return
    if contents.listed("charts"):
        reason = ""
    elif lands := object_without_namespace(contents):
        reason = f", and {lands} has none"
    else:
        return
    keys = {key: line for key, line, _ in entries(child(top, "pack"))}
    deeper = next((f"pack.{key}" for key, _, node in entries(child(top, "pack")) if child(node, "namespace")), None)
    if "namespace" in keys:
        yield RuleViolation("namespace-missing", f"pack.namespace is empty{reason}", VALUES, keys["namespace"])
    elif deeper:
        message = f"{deeper}.namespace is one level too deep: it must be pack.namespace"
        yield RuleViolation(
            "namespace-missing", message, VALUES, keys[deeper.removeprefix("pack.")], "move it below pack"
        )
    else:
        line = next((line for key, line, _ in entries(top) if key == "pack"), None)
        yield RuleViolation("namespace-missing", f"it sets no pack.namespace{reason}", VALUES, line)


def _images(contents: Contents) -> Iterator[RuleViolation]:
    images = child(values_top(contents), "pack", "content", "images")
    if VALUES in contents.files and not (isinstance(images, List) and images.items):
        yield RuleViolation("images-missing", "it has no pack.content.images", VALUES)


def _images_form(contents: Contents) -> Iterator[RuleViolation]:
    for key, line, _ in entries(child(values_top(contents), "pack", "content")):
        if key != "images" and similar(key, ["images"]):
            message = f"pack.content has the unknown key {quoted(key)}"
            yield RuleViolation("images-form", message, VALUES, line, "did you mean images?")
    images = child(values_top(contents), "pack", "content", "images")
    if images is not None and not isinstance(images, List):
        yield RuleViolation("images-form", "pack.content.images is not a list", VALUES, images.line)
    for item in images.items if isinstance(images, List) else ():
        if scalar(child(item, "image")) is None:
            yield RuleViolation("images-form", _image_problem(item), VALUES, item.line)


def _image_problem(item: Node) -> str:
    if child(item, "image") is not None:
        return "image in an entry of pack.content.images is not a single name"
    near = next((key for key, _, _ in entries(item) if similar(key, ["image"], 0.6)), None)
    return f"an entry of pack.content.images has {f'{quoted(near)} instead of' if near else 'no'} image"


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
        "Helm and Palette look up keys in it", "begin with pack:, charts: or manifests:", PALETTE_VALUES, _shape,
    ),
    Rule(
        "values-duplicate-key", "warning", f"no mapping in {VALUES} has a key twice",
        "some readers take the last value, others refuse the file", "remove one of the two", "YAML 1.2, 3.2.1.3",
        _twice,
    ),
    Rule(
        "namespace-missing", "warning",
        f"{VALUES}, unless it is empty, sets pack.namespace for a pack of charts, or of manifests without namespaces",
        "otherwise Palette deploys them into the namespace default",
        "set pack.namespace; Palette creates the namespace", PALETTE_VALUES, _namespace,
    ),
    Rule(
        "images-form", "warning", "pack.content.images is a list of entries with the key image",
        "tools for clusters without internet access look for exactly this", "write each as `- image: host/name:tag`",
        "pack-central, pull request checks", _images_form,
    ),
    Rule(
        "images-missing", "off", f"{VALUES} has a list pack.content.images",
        "tools for clusters without internet access download the images in it; 54 of 220 public packs have none",
        "list the images, each as `- image: host/name:tag`", "pack-central, pull request checks", _images,
    ),
)  # fmt: skip
