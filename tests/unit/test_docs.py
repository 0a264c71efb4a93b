"""The pages that are made from code are up to date."""

from __future__ import annotations

from tools import docs


def test_made_pages_are_current() -> None:
    for page, text in docs.pages().items():
        assert page.read_text(encoding="utf-8") == text, f"{page.name} is out of date: run python -m tools.docs"


def test_every_setting_is_described() -> None:
    assert "None |" not in docs.settings()
