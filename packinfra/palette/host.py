"""The host of a Palette, and the names of the variables for host and API key."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from packinfra.http.addresses import is_host

HOST = "api.spectrocloud.com"
HOST_VARIABLE, KEY_VARIABLE = "SPECTROCLOUD_HOST", "SPECTROCLOUD_APIKEY"
"""Of the environment, as Palette's Terraform provider names them."""


def host_elsewhere(environ: Mapping[str, str]) -> str | None:
    """Why a stack that names no host must, if the environment names another one than HOST; None if it doesn't.

    A machine without the variable would take the registration for one of another Palette.
    """
    try:
        same = normalize_host(environ.get(HOST_VARIABLE) or HOST) == HOST
    except ValueError:
        same = False
    return None if same else f"{HOST_VARIABLE} is set, but only here: name the host, {HOST} if it is that one"


def normalize_host(text: str) -> str:
    """The host alone, in lower case, with its port if it has one, from "https://palette.example.com/" and the like.

    Raises ValueError with the reason, which doesn't repeat the text: it may hold a password.
    """
    alone = f"write the host alone, with its port if it has one: {HOST}"
    try:
        parts = urlsplit(text.strip() if "://" in text else f"https://{text.strip()}")
    except ValueError:  # whose reason may repeat all before the path
        raise ValueError(alone) from None
    if parts.scheme != "https":
        raise ValueError("the API key is only sent over https")
    host = parts.netloc.lower()
    if not is_host(host) or parts.query or parts.path.strip("/"):
        raise ValueError(alone)
    return host
