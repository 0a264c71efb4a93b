"""Rules about README, logo, schema.yaml and presets.yaml."""

from __future__ import annotations

from collections.abc import Iterator

from packinfra.packs.chart import LFS_POINTER, is_lfs_pointer
from packinfra.packs.contents import LOGO, PRESETS, README, SCHEMA, Contents
from packinfra.packs.rules.rule import FORMAT, MEASURED, Rule
from packinfra.packs.violations import RuleViolation
from packinfra.packs.yamltext import List, Map, Node, Scalar, entries, scalar
from packinfra.text import quoted

_PNG = b"\x89PNG\r\n\x1a\n"
_PRESET = ("name", "displayName", "group", "remove", "add")


def _readme(contents: Contents) -> Iterator[RuleViolation]:
    if README not in contents.files:
        other = next((path for path in contents.files if path.lower() in ("readme.md", "readme")), None)
        message = f"the folder has {other} instead of {README}" if other else f"the folder has no {README}"
        yield RuleViolation("readme-missing", message, remedy=f"rename it to {README}" if other else None)


def _logo(contents: Contents) -> Iterator[RuleViolation]:
    if LOGO not in contents.files:
        yield RuleViolation("logo-missing", f"the folder has no {LOGO}")


def _png(contents: Contents) -> Iterator[RuleViolation]:
    if LOGO in contents.files and not contents.raw[LOGO].startswith(_PNG):
        if is_lfs_pointer(contents.raw[LOGO]):
            yield RuleViolation("logo-not-png", LFS_POINTER, LOGO, remedy="git lfs pull")
        else:
            yield RuleViolation("logo-not-png", "it is not a PNG image", LOGO)


def _schema(contents: Contents) -> Iterator[RuleViolation]:
    text = contents.yaml.get(SCHEMA)
    if text is None:
        return
    if text.problem:
        yield RuleViolation("schema-form", text.problem, SCHEMA, text.line)
    elif text.top is not None and not isinstance(text.top, Map):
        yield RuleViolation("schema-form", "it is not a mapping of parameters", SCHEMA, 1)
    for name, line, value in entries(text.top):
        keys = [key for key, _, _ in entries(value)]
        schema = next((scalar(node) for key, _, node in entries(value) if key == "schema"), None)
        if keys != ["schema"] or schema is None:
            yield RuleViolation("schema-form", f"{quoted(name)} must have one key, schema, with text", SCHEMA, line)
        elif not (schema.strip().startswith("{{") and schema.strip().endswith("}}")):
            yield RuleViolation("schema-form", f"the schema of {quoted(name)} is not in {{{{ }}}}", SCHEMA, line)


def _presets(contents: Contents) -> Iterator[RuleViolation]:
    text = contents.yaml.get(PRESETS)
    if text is None:
        return
    if text.problem:
        yield RuleViolation("presets-form", text.problem, PRESETS, text.line)
        return
    listed = next((value for key, _, value in entries(text.top) if key == "presets"), None)
    if text.top is not None and not isinstance(listed, List):
        yield RuleViolation("presets-form", 'it has no list under "presets"', PRESETS, text.top.line)
    names: set[str] = set()
    for preset in listed.items if isinstance(listed, List) else ():
        for message in _preset(preset, names):
            yield RuleViolation("presets-form", message, PRESETS, preset.line)


def _preset(preset: Node, names: set[str]) -> Iterator[str]:
    fields = {key: value for key, _, value in entries(preset)}
    name = scalar(fields.get("name")) or ""
    subject = f"the preset {quoted(name)}" if name else "a preset"
    if missing := [key for key in _PRESET if key not in fields]:
        yield f"{subject} has no {', '.join(missing)}"
    if unknown := [key for key in fields if key not in _PRESET]:
        yield f"{subject} has unknown keys: {', '.join(map(quoted, unknown))}"
    if "remove" in fields and not isinstance(fields["remove"], List):
        yield f'"remove" of {subject} is not a list of paths'
    if "add" in fields and not isinstance(fields["add"], Scalar):
        yield f'"add" of {subject} is not text: write the YAML after a |'
    if name and name in names:
        yield f"{subject} is in the list twice"
    names.add(name)


RULES: tuple[Rule, ...] = (
    Rule(
        "readme-missing", "warning", "README.md is in the root folder",
        "Palette shows it to people who add the pack; 39 of 220 public packs have none", "add README.md",
        "pack-central, pull request checks", _readme,
    ),
    Rule(
        "logo-missing", "warning", f"{LOGO} is in the root folder",
        "Palette shows it; one page of its documentation calls it mandatory, another optional", f"add {LOGO}",
        FORMAT, _logo,
    ),
    Rule("logo-not-png", "warning", f"{LOGO} is a PNG image", "Palette shows it as one",
         "convert it; renaming is not enough", FORMAT, _png),
    Rule(
        "schema-form", "warning", f"{SCHEMA} maps each parameter to one key, schema, with text in {{{{ }}}}",
        "Palette builds the form for the pack's parameters from it",
        "write: path.of.parameter: {schema: '{{ required ... }}'}",
        "Palette documentation, Add-on Packs; " + MEASURED, _schema,
    ),
    Rule(
        "presets-form", "warning",
        f"{PRESETS} has a list presets of entries with exactly {', '.join(_PRESET)}; no name twice",
        "Palette offers them beside the pack's parameters", "give each preset these five keys and a unique name",
        MEASURED, _presets,
    ),
)  # fmt: skip
