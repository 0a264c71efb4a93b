"""Whether a file looks like a secret. A guess, so it is only a warning.

A private key counts if it can be decoded, a token if its service gives it exactly this form and it isn't a placeholder.
Detector libraries guess more (random-looking text, any `password:`) and are slower by three orders of magnitude (detect-secrets 1.5, measured).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

_MOST = 10
_ENV = re.compile(r"\.env(?:\..+)?")
_ENV_SAMPLES = (".example", ".sample", ".template", ".dist")
_CODE = re.compile(r"charts/.*/(?:templates|crds)/.*")
"""Of unpacked charts: most of the bytes of a pack, written by others, and without values."""
_KEY_BEGIN = re.compile(rb"-----BEGIN ((?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?)-----")
_LONGEST_KEY = 20_000
_MOST_KEYS = 50
_HEADER = re.compile(rb"^[ \t#*/\"'|>+]*[A-Za-z][A-Za-z-]*: .*$", re.MULTILINE)
_DECORATION = re.compile(rb"[\s#*\"'|>\\,]")
"""What comments, YAML and JSON put around the lines of a key."""
_CHECKSUM = re.compile(rb"=[A-Za-z0-9+/]{4}$")
_PLACEHOLDER = re.compile(rb"(?i)example|placeholder|change|your|dummy|sample|fake|xxx|\.\.\.|000000|123456789abc")
_TOKENS = (
    (b"AKIA", "an AWS access key id", rb"(?<![A-Za-z0-9])AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    (b"ASIA", "an AWS access key id", rb"(?<![A-Za-z0-9])ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    (b"xox", "a Slack token", rb"\bxox[abprs]-\d{8,}-[\w-]{16,}"),
    (b"hooks.slack.com/services/T", "a Slack webhook", rb"hooks\.slack\.com/services/T\w{8,}/B\w{8,}/\w{20,}"),
    (b"ghp_", "a GitHub token", rb"\bghp_[A-Za-z0-9]{36}\b"),
    (b"github_pat_", "a GitHub token", rb"\bgithub_pat_\w{60,}"),
    (b"glpat-", "a GitLab token", rb"\bglpat-[\w-]{20,}"),
    (b"AIza", "a Google API key", rb"\bAIza[\w-]{35}"),
    (b"sk_live_", "a Stripe key", rb"\bsk_live_[A-Za-z0-9]{24,}"),
    (b"dckr_pat_", "a Docker Hub token", rb"\bdckr_pat_[\w-]{27,}"),
    (b"AGE-SECRET-KEY-1", "an age key", rb"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b"),
)


class Secret(NamedTuple):
    """A kind of secret that a file seems to contain, and its line."""

    kind: str
    line: int | None


def find_secrets(path: str, beginning: bytes) -> list[Secret]:
    """The secrets that the file seems to contain, by its name and first bytes."""
    name = path.rpartition("/")[2]
    if _ENV.fullmatch(name) and not name.endswith(_ENV_SAMPLES):
        return [Secret("environment variables, often with passwords", None)]
    hits: list[tuple[int, str]] = []
    # Searching a plain string is much faster than an expression, and nearly always finds nothing.
    if b"PRIVATE KEY" in beginning:
        hits += _keys(beginning)
    if not _CODE.fullmatch(path) and b"\0" not in beginning[:1024]:
        hits += (hit for prefix, kind, form in _TOKENS if prefix in beginning for hit in _tokens(beginning, kind, form))
    return [Secret(kind, beginning.count(b"\n", 0, offset) + 1) for offset, kind in sorted(hits)[:_MOST]]


def _tokens(text: bytes, kind: str, form: bytes) -> Iterator[tuple[int, str]]:
    for match in re.finditer(form, text):
        if not _PLACEHOLDER.search(match[0]) and len(set(match[0])) > 10:
            yield match.start(), kind


def _keys(text: bytes) -> Iterator[tuple[int, str]]:
    for match in islice(_KEY_BEGIN.finditer(text), _MOST_KEYS):
        end = text.find(b"-----END " + match[1] + b"-----", match.end(), match.end() + _LONGEST_KEY)
        if end > 0 and _is_key(match[1], text[match.end() : end]):
            yield match.start(), "a private key"


def _is_key(kind: bytes, body: bytes) -> bool:
    """Whether the text between BEGIN and END is one, and no placeholder or shortened example."""
    lines = _HEADER.sub(b"", body.replace(b"\\n", b"\n").replace(b"\\r", b""))
    text = _DECORATION.sub(b"", lines)
    if block := kind.endswith(b"BLOCK"):
        text = _CHECKSUM.sub(b"", text)
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return False
    if block or b"ENCRYPTED" in body or data.startswith(b"openssh-key-v1\0"):
        return len(data) >= 32
    if len(data) < 32 or data[0] != 0x30:  # a DER sequence, whose length follows
        return False
    count = data[1] & 0x7F if data[1] & 0x80 else 0
    length = int.from_bytes(data[2 : 2 + count], "big") if count else data[1]
    return length + 2 + count == len(data)
