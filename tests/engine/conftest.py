from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.sandbox import Sandbox


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox, base_path: str) -> Project:
    return Project(tmp_path, sandbox, base_path)
