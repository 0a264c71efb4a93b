"""Which tags AWS takes (behaviour.md REP-10, TAG-...)."""

import unicodedata
from collections.abc import Iterable

TAGS = 50  # of one resource
KEY, VALUE = 128, 256  # characters at most
PATTERN = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]"


def has_only_allowed(text: str) -> bool:
    """Whether the text has no other characters than PATTERN, which Python's re doesn't know."""
    return all(char in "_.:/=+-@" or unicodedata.category(char)[0] in "LZN" for char in text)


def is_reserved(key: str) -> bool:
    return key.lower().startswith("aws:")


def has_twice(keys: Iterable[str]) -> bool:
    seen = list(keys)
    return len(set(seen)) < len(seen)
