"""Whether a file looks like a secret. A guess, so it is only a warning."""

from __future__ import annotations

import re

_ENV = re.compile(r"\.env(?:\..+)?")
_ENV_SAMPLES = (".example", ".sample", ".template", ".dist")
# A header followed by "..." or a placeholder is documentation, as in the values of many public charts.
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\s|\\n|\\r|[#\"'|>+])*[A-Za-z0-9]")
# AWS's own documentation uses key ids that end in EXAMPLE.
_AWS_KEY_ID = re.compile(rb"(?<![A-Z0-9])(?:AKIA|ASIA)(?![A-Z0-9]{9}EXAMPLE)[A-Z0-9]{16}(?![A-Z0-9])")


def looks_secret(path: str, beginning: bytes) -> str | None:
    """The secret that the file seems to contain, by its name and first bytes; None if there is none."""
    name = path.rpartition("/")[2]
    if _ENV.fullmatch(name) and not name.endswith(_ENV_SAMPLES):
        return "environment variables, often with passwords"
    # Searching a plain string is much faster than the expression, and nearly always finds nothing.
    if b"PRIVATE KEY-----" in beginning and _PRIVATE_KEY.search(beginning):
        return "a private key"
    if (b"AKIA" in beginning or b"ASIA" in beginning) and _AWS_KEY_ID.search(beginning):
        return "an AWS access key id"
    return None
