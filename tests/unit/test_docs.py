"""The generated parts of pages are up to date, and links between pages lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from packinfra.settings import Settings, models_in
from tools import docs

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("sandbox/**/*.md")]


@pytest.mark.parametrize("page", docs.PARTS)
def test_generated_parts_are_current(page: str) -> None:
    path = ROOT / f"docs/{page}.md"
    assert path.read_text() == docs.pages()[path], f"{page}.md is out of date: run python -m tools.docs"


def test_every_setting_is_described() -> None:
    described = docs.settings()
    assert "None |" not in described
    for model in settings_models(Settings):
        for field in model.model_fields.values():
            assert field.alias
            assert f"| `{field.alias}` |" in described


def settings_models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for field in model.model_fields.values():
        for child in models_in(field.annotation):
            yield child
            yield from settings_models(child)


def test_rooms_come_from_the_contract_and_keep_their_descriptions() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    assert docs.UNDESCRIBED not in page
    shown = re.findall(r"^\| \d+ \| `(\w+)` \|", page, flags=re.MULTILINE)
    there = {
        path.stem for path in (ROOT / "packinfra").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert there - {"__init__"} <= {*shown}
    moved = docs.rooms("| 1 | `http` | HTTP |\n| 2 | `gone` | nothing |")
    assert re.findall(r"`(\w+)`", moved) == shown
    assert "| 2 | `http` | HTTP |" in moved
    assert f"| 1 | `text` | {docs.UNDESCRIBED} |" in moved


def test_the_reading_order_has_every_file() -> None:
    page = (ROOT / "docs/oci.md").read_text()
    files = {
        path.relative_to(ROOT / "packinfra" / room).as_posix()
        for room in ("oci", "http")
        for path in (ROOT / "packinfra" / room).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert [file for file in sorted(files) if f"`{file}`" not in page] == []


def test_errors_are_a_tree() -> None:
    tree = docs.errors().splitlines()
    assert tree[1] == "PackinfraError"
    assert all(re.match(r" +\w+ ", line) for line in tree[2:-1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", link):
            continue
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(), flags=re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, link
