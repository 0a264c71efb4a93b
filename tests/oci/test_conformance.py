"""The distribution specification's conformance suite against the sandbox's ECR and the real registries.

Each deviates in exactly the listed points: a new deviation fails, and one that is gone fails, too.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.aws import HOST, Caller
from tests.support.conformance import FAILED, PASSED, SKIPPED, Deviation, Result, conformance, differences
from tests.support.registry import PASSWORD, USER, real_registry
from tests.support.sandbox import Sandbox

BLOBS = "sha256 blobs/"
NO_POST = "CONF-9: POST with digest and content is 202, and a PUT follows"

ECR = [
    Deviation(FAILED, "*/referrers", "CONF-23"),
    Deviation(FAILED, "*-with-subject/push/manifest-by-*", "CONF-23: no OCI-Subject header", 9),
    Deviation(FAILED, "missing-subject/push/manifest-by-*", "CONF-23: no OCI-Subject header"),
    Deviation(SKIPPED, f"{BLOBS}*/blob-post-only", NO_POST, 2),
    Deviation(SKIPPED, "*/blob-delete", "CONF-22: 405"),
    Deviation(FAILED, f"{BLOBS}*chunked*/blob-patch-chunked", "CONF-12, CONF-14: 201 for 202; no GET of an upload"),
    Deviation(FAILED, f"{BLOBS}*stream/blob-patch-stream", "CONF-12"),
    Deviation(SKIPPED, f"{BLOBS}mount/blob-mount", "CONF-10"),
    Deviation(SKIPPED, f"{BLOBS}mount anonymous/blob-mount-anonymous", "CONF-10"),
    Deviation(FAILED, f"{BLOBS}post cancel/blob-post-cancel", "CONF-15"),
    Deviation(SKIPPED, f"{BLOBS}range requests/range *", "CONF-4"),
    Deviation(FAILED, f"{BLOBS}empty/blob-[!d]*", "CONF-26"),
    Deviation(FAILED, "non-distributable-layers/*", "CONF-28", 7),
]
# What distribution's code does; neither release has the referrers API of version 1.1.
DISTRIBUTION = [
    Deviation(FAILED, "*/referrers", "404"),
    Deviation(FAILED, "*-with-subject/push/manifest-by-*", "no OCI-Subject header", 9),
    Deviation(FAILED, "missing-subject/push/manifest-by-*", "no OCI-Subject header"),
    Deviation(SKIPPED, f"{BLOBS}*/blob-post-only", NO_POST, 2),
    Deviation(SKIPPED, f"{BLOBS}mount anonymous/blob-mount-anonymous", "202"),
    Deviation(FAILED, "non-distributable-layers/*", "500: it wants their URLs", 7),
    Deviation(FAILED, "invalid-digest-format/manifest-*", "500 for 400"),
]
DISTRIBUTION_3 = [
    *DISTRIBUTION,
    Deviation(FAILED, f"{BLOBS}chunked out-of-order and put chunk/blob-patch-chunked", "400 for 416"),
]
DISTRIBUTION_2 = [
    *DISTRIBUTION,
    Deviation(FAILED, f"{BLOBS}chunked out-of-order*/blob-patch-chunked", "it takes chunks in any order"),
    Deviation(FAILED, "*-with-subject/tag-list", "it ignores n and last"),
    Deviation(SKIPPED, "*/delete/tag-delete", "400: it deletes by digest only"),
]


@pytest.mark.registry
@pytest.mark.parametrize(
    ("version", "expected"), [(3, DISTRIBUTION_3), (2, DISTRIBUTION_2)], ids=["distribution-3", "distribution-2.8"]
)
def test_real_registry(version: int, expected: list[Deviation], tmp_path: Path) -> None:
    with real_registry(tmp_path / "registry", tls=True, version=version) as registry:
        assert registry.ca_file
        results = conformance(
            tmp_path, OCI_REGISTRY=registry.host, OCI_REPO1="base/one", OCI_REPO2="base/two", OCI_USERNAME=USER,
            OCI_PASSWORD=PASSWORD, SSL_CERT_FILE=registry.ca_file,
        )  # fmt: skip
    assert differences(results, expected) == []


@pytest.mark.sandbox
def test_sandbox(sandbox: Sandbox, base_path: str, tmp_path: Path) -> None:
    owner = Caller(sandbox, *(sandbox.variables[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")))
    names = [f"{base_path}/{name}" for name in ("one", "two")]
    for name in names:
        owner.ecr.create_repository(repositoryName=name)
    user, password = owner.credentials()
    results = conformance(
        tmp_path, OCI_REGISTRY=HOST, OCI_REPO1=names[0], OCI_REPO2=names[1], OCI_USERNAME=user, OCI_PASSWORD=password,
        HTTPS_PROXY=sandbox.variables["HTTPS_PROXY"], SSL_CERT_FILE=sandbox.ca,
    )  # fmt: skip
    for name in names:
        owner.ecr.delete_repository(repositoryName=name, force=True)
    assert differences(results, ECR) == []


def test_each_deviation_of_ecr_has_a_row_with_its_source() -> None:
    rows = (Path(__file__).parents[2] / "sandbox/behaviour.md").read_text()
    for deviation in ECR:
        named = re.findall(r"CONF-\d+", deviation.why)
        assert named
        assert all(f"| {row} |" in rows for row in named)


def test_new_and_mended_deviations_are_noticed() -> None:
    results = [
        Result("a/get", PASSED, ""), Result("a/put", FAILED, "500"), Result("b/put", FAILED, "500"),
        Result("c/put", SKIPPED, "405"), Result("c/put", PASSED, ""),
    ]  # fmt: skip
    expected = [Deviation(FAILED, "[ab]/put", "x"), Deviation(SKIPPED, "c/put", "y", 1)]
    assert differences(results, expected) == []
    for changed, word in (
        ([*results, Result("d/put", FAILED, "404")], "new: failure d/put: 404"),
        ([*results[:2], Result("b/put", PASSED, ""), *results[3:]], "gone: [ab]/put (x): 1 of 2"),
        ([*results, Result("c/put", SKIPPED, "405")], "gone: c/put (y): 2 of 3"),
        (results[:3], "gone: c/put (y): 0 of 0"),
    ):
        (found,) = differences(changed, expected)
        assert found.startswith(word)
