import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.components import Recording, installed
from tests.support.oci import Setup
from tests.support.packs import make_pack
from tests.support.scripted_palette import ScriptedPalette
from tests.support.scripted_registry import ScriptedRegistry


@pytest.fixture
def registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry() as running:
        yield running


@pytest.fixture
def palette(tmp_path: Path) -> Iterator[ScriptedPalette]:
    with ScriptedPalette(tmp_path) as running:
        yield running


@pytest.fixture
def setup(registry: ScriptedRegistry) -> Setup:
    return Setup(registry)


@pytest.fixture(scope="session", autouse=True)
def event_loop() -> None:
    """A current event loop, which Pulumi's mocks ask for: since Python 3.12 asyncio makes none by itself.

    It stays open: closing it ends its threads, and in each of them Pulumi leaves a loop of its own behind.
    """
    asyncio.set_event_loop(asyncio.new_event_loop())


@pytest.fixture
def mocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    monkeypatch.chdir(tmp_path)
    make_pack(tmp_path / "packs/hello")
    with installed(Recording()) as recording:
        yield recording
