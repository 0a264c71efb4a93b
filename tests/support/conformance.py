"""The distribution specification's own conformance suite: run against a registry, and compared with what is expected of it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

BINARY = Path(__file__).resolve().parents[2] / ".tools" / "bin" / "conformance"
# Beside the suite's defaults for version 1.1. Packs have sha256 digests only, and a registry need not know others.
SETTINGS = {"OCI_VERSION": "1.1", "OCI_API_BLOBS_UPLOAD_CANCEL": "true", "OCI_DATA_SHA512": "false"}
PASSED, SKIPPED, FAILED = "passed", "skipped", "failure"


class Result(NamedTuple):
    """One request of the suite, or several with one purpose. Several results may have one name."""

    name: str  # "sha256 blobs/post+put/blob-head"
    status: str
    reason: str  # the suite's, in one line


@dataclass(frozen=True)
class Deviation:
    """Results that don't pass.

    names: a pattern of their names
    why: a row of behaviour.md, or what the registry does
    count: how many of the results with these names; None: all of them
    """

    status: str
    names: str
    why: str
    count: int | None = None


def conformance(folder: Path, **environment: str) -> list[Result]:
    """Runs the suite. environment: OCI_REGISTRY, OCI_USERNAME, ...; proxy and trust, as any Go program reads them."""
    hidden = ("OCI_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT")
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(hidden)}
    settings = {
        **SETTINGS,
        "OCI_RESULTS_DIR": str(folder),
        **environment,
    }
    done = subprocess.run(
        [str(BINARY)],
        cwd=folder,
        env={**inherited, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    report = folder / "junit.xml"
    assert report.exists(), done.stdout + done.stderr
    cases = ET.parse(report).iter("testcase")  # noqa: S314 (the suite's own report)
    return [_result(case) for case in cases]


def _result(case: ET.Element) -> Result:
    reason = " | ".join((case.findtext("system-out") or "").split("\n"))
    return Result(str(case.get("name")).removeprefix("OCI Conformance Test/"), str(case.get("status")), reason)


def differences(results: list[Result], expected: list[Deviation]) -> list[str]:
    """Deviations that are new, and expected ones that are gone; each in a sentence."""
    found = []
    for result in results:
        fitting = [d for d in expected if d.status == result.status and fnmatchcase(result.name, d.names)]
        if result.status != PASSED and not fitting:
            found.append(f"new: {result.status} {result.name}: {result.reason[:300]}")
    for deviation in expected:
        named = [result for result in results if fnmatchcase(result.name, deviation.names)]
        there = sum(result.status == deviation.status for result in named)
        wanted = len(named) if deviation.count is None else deviation.count
        if not there or there != wanted:
            found.append(
                f"gone: {deviation.names} ({deviation.why}): {there} of {len(named)} {deviation.status}, not {wanted}"
            )
    return found
