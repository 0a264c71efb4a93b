"""Versions as Masterminds/semver reads them, the library of Helm and of Palette's Terraform provider.

It is lenient: a leading v, one to three numbers, leading zeros. What it refuses, Helm does not install, and Terraform
cannot sort (semver.NewVersion with CoerceNewVersion; terraform-provider-spectrocloud, data_source_pack.go).
"""

from __future__ import annotations

import re

_PART = r"[0-9A-Za-z-]+"
_VERSION = re.compile(rf"v?(\d+)(\.\d+)?(\.\d+)?(-{_PART}(?:\.{_PART})*)?(\+{_PART}(?:\.{_PART})*)?", re.ASCII)
_LARGEST = 2**64


def is_version(text: str) -> bool:
    """Whether Masterminds/semver accepts `text`."""
    match = _VERSION.fullmatch(text)
    if not match or len(text) > 256:
        return False
    numbers = [int(number.strip(".")) for number in match.group(1, 2, 3) if number]
    parts = (match[4] or "")[1:].split(".")
    return max(numbers) < _LARGEST and not any(len(part) > 1 and part.isdigit() and part[0] == "0" for part in parts)
