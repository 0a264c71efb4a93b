"""AWS tags that ECR and IAM accept: both refuse others only when they are asked to create something.

Source: IAM user guide, "Tags for IAM resources"; ECR API reference, TagResource; AWS general reference, tagging.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from packinfra.text import quoted

_PUNCTUATION = "_.:/=+-@"
MOST = 50
"""Of a resource, those of the AWS provider's defaultTags included. packinfra adds none of its own."""


def tag_problems(tags: Mapping[str, str]) -> Iterator[str]:
    """Each tag that AWS would refuse, with key, value and reason."""
    for key, value in tags.items():
        shown = f"{quoted(key)}: {quoted(value)}"
        if not 1 <= len(key) <= 128:
            yield f"{shown}: AWS accepts keys of 1 to 128 characters, and this one has {len(key)}"
        if len(value) > 256:
            yield f"{shown}: AWS accepts values of up to 256 characters, and this one has {len(value)}"
        for part, text in (("keys", key), ("values", value)):
            if text.lower().startswith("aws:"):
                yield f"{shown}: AWS keeps {part} that begin with aws: for itself"
            if wrong := sorted({c for c in text if not _accepted(c)}):
                characters = " ".join(quoted(character) for character in wrong)
                yield f"{shown}: AWS accepts letters, digits, spaces and {_PUNCTUATION} in {part}, not {characters}"


def tags_together_problems(tags: Mapping[str, str], defaults: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the tags of one resource as a whole: `tags`, and `defaults` that they don't replace."""
    together = {**defaults, **tags}
    if len(together) > MOST:
        added = f", {len(together) - len(tags)} of them from aws:defaultTags" if defaults else ""
        yield f"{len(together)} tags{added}: AWS accepts {MOST} for each resource"
    by_letters: dict[str, list[str]] = {}
    for key in together:
        by_letters.setdefault(key.lower(), []).append(key)
    for keys in by_letters.values():
        if len(keys) > 1:
            yield f"{', '.join(map(quoted, keys))}: an IAM role takes these for one key, since only upper and lower case differ"


def _accepted(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNZ" or character in _PUNCTUATION
