"""Whether a file looks as if it held a secret that nobody meant to publish. A guess, so it never stops anything."""

from __future__ import annotations

import re

_ENV = re.compile(r"\.env(?:\..+)?")
_ENV_SAMPLES = (".example", ".sample", ".template", ".dist")
# A header followed by "..." or a placeholder is documentation, as in the values of many public charts.
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\s|\\n|\\r|[#\"'|>+])*[A-Za-z0-9]")
# AWS's own documentation uses key ids that end in EXAMPLE.
_AWS_KEY_ID = re.compile(rb"(?<![A-Z0-9])(?:AKIA|ASIA)(?![A-Z0-9]{9}EXAMPLE)[A-Z0-9]{16}(?![A-Z0-9])")


def looks_secret(path: str, beginning: bytes) -> str | None:
    """What the file seems to hold, judged by its name and its first bytes; None if nothing."""
    name = path.rpartition("/")[2]
    if _ENV.fullmatch(name) and not name.endswith(_ENV_SAMPLES):
        return "environment variables, where passwords often stand"
    # The search for a plain string is many times faster than the expression, and nearly always enough.
    if b"PRIVATE KEY-----" in beginning and _PRIVATE_KEY.search(beginning):
        return "a private key"
    if (b"AKIA" in beginning or b"ASIA" in beginning) and _AWS_KEY_ID.search(beginning):
        return "an AWS access key id"
    return None
