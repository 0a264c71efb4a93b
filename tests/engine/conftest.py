from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.sandbox import Sandbox


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox, base_path: str) -> Iterator[Project]:
    made = Project(tmp_path, sandbox, base_path)
    yield made
    made.workspace.end_orphans()  # an engine that a test, or ^C, killed leaves its providers behind
