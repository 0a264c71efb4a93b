from collections.abc import Iterator

import pytest

from tests.support.oci import Setup
from tests.support.scripted_registry import ScriptedRegistry


@pytest.fixture
def registry() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry() as running:
        yield running


@pytest.fixture
def setup(registry: ScriptedRegistry) -> Setup:
    return Setup(registry)
