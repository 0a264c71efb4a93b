"""Whose identity reads the source of a copy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from packinfra.lifecycle.copies.state import Entry
from packinfra.lifecycle.copies.transfer import Transfer
from packinfra.oci.pinned import Pinned

D = "sha256:" + "0" * 64
ECR = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/dev/app@{D}"
OTHER = f"ghcr.io/acme/app@{D}"
PROVIDER = {"kind": "ecr", "publisherRoleArn": "arn:aws:iam::123456789012:role/publisher", "provider": "{}"}
PROFILE = {"kind": "ecr", "profile": "dev"}
HTTP = {"kind": "basic", "plainHttp": True}


@pytest.mark.parametrize(
    ("source", "entry", "target", "expected"),
    [
        (ECR, None, None, None),
        (ECR, None, PROVIDER, PROVIDER),
        (ECR, PROFILE, PROVIDER, {**PROFILE, "provider": "{}"}),
        (ECR, PROFILE, HTTP, PROFILE),
        (OTHER, None, PROVIDER, None),
        (OTHER, HTTP, PROVIDER, HTTP),
        (OTHER, None, HTTP, None),
    ],
)
def test_access(source: str, entry: Any, target: Any, expected: Any) -> None:
    transfer = cast("Transfer", SimpleNamespace(_access=target))
    assert Transfer._source_access(transfer, Entry(Pinned.parse(source), ("1",), access=entry)) == expected
