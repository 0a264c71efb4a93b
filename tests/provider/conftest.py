"""What the tests of PublishedPack's provider share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ecr import Ecr
from tests.support.provider_host import ProviderHost
from tests.support.published_pack import CONFIG, Pack
from tests.support.sandbox import Sandbox


@pytest.fixture
def host(sandbox: Sandbox, tmp_path: Path) -> Iterator[ProviderHost]:
    with ProviderHost(sandbox.environment(), tmp_path, CONFIG) as running:
        yield running


@pytest.fixture
def pack(host: ProviderHost, ecr: Ecr, tmp_path: Path, base_path: str) -> Pack:
    return Pack(host, ecr, tmp_path / "src", base_path)
