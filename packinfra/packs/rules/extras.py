"""Rules about what stands beside pack.json and values.yaml: README, logo, schema.yaml, presets.yaml."""

from __future__ import annotations

from collections.abc import Iterator

from packinfra.packs.contents import LOGO, PRESETS, SCHEMA, Contents
from packinfra.packs.rules.rule import FORMAT, MEASURED, Rule
from packinfra.packs.violations import RuleViolation, shown
from packinfra.packs.yamltext import List, Map, Node, Scalar, entries, scalar

_PNG = b"\x89PNG\r\n\x1a\n"
_PRESET = ("name", "displayName", "group", "remove", "add")


def _readme(contents: Contents) -> Iterator[RuleViolation]:
    if not any(path.lower() in ("readme.md", "readme") for path in contents.files):
        yield RuleViolation("readme-missing", "the folder has no README.md")


def _logo(contents: Contents) -> Iterator[RuleViolation]:
    if LOGO not in contents.files:
        yield RuleViolation("logo-missing", f"the folder has no {LOGO}")


def _png(contents: Contents) -> Iterator[RuleViolation]:
    if LOGO in contents.files and contents.raw[LOGO] != _PNG:
        yield RuleViolation("logo-not-png", "it is no PNG image", LOGO)


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
            yield RuleViolation(
                "schema-form", f"{shown(name)} does not hold exactly the key schema, with text", SCHEMA, line
            )
        elif not (schema.strip().startswith("{{") and schema.strip().endswith("}}")):
            yield RuleViolation("schema-form", f"the schema of {shown(name)} does not stand in {{{{ }}}}", SCHEMA, line)


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
    seen: set[str] = set()
    for preset in listed.items if isinstance(listed, List) else ():
        for message in _wrong(preset, seen):
            yield RuleViolation("presets-form", message, PRESETS, preset.line)


def _wrong(preset: Node, seen: set[str]) -> Iterator[str]:
    fields = {key: value for key, _, value in entries(preset)}
    name = scalar(fields.get("name")) or ""
    called = f"the preset {shown(name)}" if name else "a preset"
    if missing := [key for key in _PRESET if key not in fields]:
        yield f"{called} lacks {', '.join(missing)}"
    if unknown := [key for key in fields if key not in _PRESET]:
        yield f"{called} has {', '.join(map(shown, unknown))}, which no preset knows"
    if "remove" in fields and not isinstance(fields["remove"], List):
        yield f'"remove" of {called} is not a list of paths'
    if "add" in fields and not isinstance(fields["add"], Scalar):
        yield f'"add" of {called} is not text: put the YAML behind a |'
    if name and name in seen:
        yield f"{called} is there twice"
    seen.add(name)


RULES: tuple[Rule, ...] = (
    Rule(
        "readme-missing", "warning", "README.md stands at the top of the folder",
        "Palette shows it to whoever adds the pack; 39 of 220 public packs have none", "add README.md",
        "pack-central, pull request checks", _readme,
    ),
    Rule(
        "logo-missing", "warning", f"{LOGO} stands at the top of the folder",
        "Palette shows it; one page of its documentation calls it mandatory, another optional", f"add {LOGO}",
        FORMAT, _logo,
    ),
    Rule("logo-not-png", "warning", f"{LOGO} is a PNG image", "Palette shows it as one",
         "convert it; another name is not enough", FORMAT, _png),
    Rule(
        "schema-form", "warning", f"{SCHEMA} maps each parameter to one key, schema, with text in {{{{ }}}}",
        "Palette makes the form for the pack's parameters from it",
        "write: path.of.parameter: {schema: '{{ required ... }}'}",
        "Palette documentation, Add-on Packs; " + MEASURED, _schema,
    ),
    Rule(
        "presets-form", "warning",
        f"{PRESETS} lists, under presets, entries with exactly {', '.join(_PRESET)}; each name once",
        "Palette offers them beside the pack's parameters", "give each preset these five keys, and a name of its own",
        MEASURED, _presets,
    ),
)  # fmt: skip
