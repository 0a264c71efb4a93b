"""JSON as Go's encoding/json writes it, which is what makes the digests of manifests and configs.

One line, no white space, no final newline; keys in the order of the mapping; `<`, `>`, `&`, U+2028 and U+2029 escaped, other
non-ASCII raw.
"""

from __future__ import annotations

import json
from typing import Any

_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def encode(document: Any) -> bytes:
    """
    >>> encode({"a": "<ä>"})
    b'{"a":"\\\\u003c\\xc3\\xa4\\\\u003e"}'
    """
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return text.translate(_ESCAPES).encode()
