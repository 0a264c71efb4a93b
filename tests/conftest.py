"""Fixtures that several folders share. Everything they start is stopped again."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.ecr import Ecr
from tests.support.sandbox import Sandbox, running_sandbox

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job; children would inherit it, and no
    signal.signal(signal.SIGINT, signal.default_int_handler)  # test of ^C could end


settings.register_profile("packinfra", deadline=None)  # a busy machine is no failure
settings.load_profile("packinfra")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all tests that need AWS; each has its own base path.

    Without the rate limits of AWS (10 manifests a second) and Palette (10 requests), which many small tests would exceed.
    """
    with (
        running_sandbox(tmp_path_factory.mktemp("sandbox"), "--put-image-rate", "0") as running,
        running.palette.overrides(rate=0),
    ):
        yield running


@pytest.fixture
def base_path() -> str:
    return f"t-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def ecr(sandbox: Sandbox) -> Ecr:
    return Ecr(sandbox)
