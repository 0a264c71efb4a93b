"""README.md and docs/ say nothing that the code contradicts: examples, names, paths, rooms."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import packinfra
from packinfra.settings import load

ROOT = Path(__file__).parents[2]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text(encoding="utf-8")
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
}
README_LINES = 110  # a page and a half


def blocks(language: str, word: str = "") -> list[Any]:
    return [
        pytest.param(block, id=f"{name} {number}")
        for name, text in PAGES.items()
        for number, block in enumerate(re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL), 1)
        if word in block
    ]


def test_the_readme_is_short() -> None:
    assert PAGES["README.md"].count("\n") <= README_LINES


def test_the_index_lists_every_page() -> None:
    listed = set(re.findall(r"^- \[([\w-]+\.md)\]\(\1\)", PAGES["docs/README.md"], flags=re.MULTILINE))
    assert listed == {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}


@pytest.mark.parametrize("example", blocks("yaml", "packinfra:"))
def test_every_example_of_a_stack_file_is_valid(example: str) -> None:
    config = yaml.safe_load(example)
    config = dict(config.get("config", config))
    registry = config.setdefault("packinfra:registry", {"kind": "ecr", "basePath": "base"})
    config.setdefault("aws:region", "eu-west-1")
    if registry["kind"] == "basic":
        config["packinfra:registryPassword"] = "secret"
    load(config)


@pytest.mark.parametrize("example", blocks("python"))
def test_every_example_of_a_program_uses_public_names(example: str) -> None:
    for node in ast.walk(ast.parse(example)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "packinfra":
            assert node.attr in packinfra.__all__
            assert getattr(packinfra, node.attr)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    named = re.findall(r"`((?:packinfra|tests|tools|sandbox|benchmarks)/[\w./-]+)`", PAGES[page])
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {
        target for text in PAGES.values() for target in re.findall(r"(?:`|^|\()make ([a-z][\w-]*)", text, re.MULTILINE)
    }
    assert named
    assert named <= targets


def test_the_diagram_shows_the_rooms_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rooms = [room.strip().removeprefix("packinfra.") for layer in layers for room in re.split("[|:]", layer)]
    diagram = PAGES["docs/architecture.md"].partition("```mermaid\n")[2].partition("```")[0].splitlines()
    lines = [line for line in diagram if not re.match(r" *(flowchart|subgraph|direction|end)\b", line)]
    frames = re.findall(r"subgraph (\w+)", "\n".join(diagram))
    assert set(re.findall(r"\w+", "\n".join(lines))) - {*frames} == {*rooms}
