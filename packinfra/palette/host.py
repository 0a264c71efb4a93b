"""Palette's host, as people give it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

HOST = "api.spectrocloud.com"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?")


def tidy_host(text: str) -> str:
    """The host alone, with its port if it has one, from what people give: "https://palette.example.com/".

    Raises ValueError with the reason, which doesn't repeat the text: there may be a password in it.
    """
    parts = urlsplit(text.strip() if "://" in text else f"https://{text.strip()}")
    if parts.scheme != "https":
        raise ValueError("the API key is only sent over https")
    if not _HOST.fullmatch(parts.netloc) or parts.query or parts.path.strip("/"):
        raise ValueError(f"write the host alone, with its port if it has one: {HOST}")
    return parts.netloc
