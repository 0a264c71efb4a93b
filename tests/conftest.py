"""Fixtures that several folders share. Everything they start is stopped again."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator

import pytest

from tests.support.ecr import Ecr
from tests.support.sandbox import Sandbox, running_sandbox

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job; children would inherit it, and no
    signal.signal(signal.SIGINT, signal.default_int_handler)  # test of ^C could end


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all tests that want AWS; each works below a base path of its own.

    Without AWS's pace of 10 manifests a second and Palette's of 10 requests, which many small tests in a row would
    meet.
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
