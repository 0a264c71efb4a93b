"""Unsuccessful responses as errors."""

from __future__ import annotations

import json
import time
from typing import Any

from packinfra.http.client import Response
from packinfra.http.failures import Cause, ConnectionFailure
from packinfra.http.redact import clean
from packinfra.http.retry import Failure, seconds_until
from packinfra.palette.errors import (
    Forbidden,
    KeyRejected,
    NotFound,
    NotPalette,
    PaletteError,
    PaletteStep,
    PaletteThrottled,
    PaletteUnreachable,
)

_SCOPE_CODE = "ProjectUidIsNotEmpty"
"""400 of a request that is for the tenant alone."""


def parse_object(response: Response) -> dict[str, Any] | None:
    """None if the body is not a JSON object."""
    try:
        document = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def unreachable(failure: ConnectionFailure, step: PaletteStep, target: str, secrets: tuple[str, ...]) -> PaletteError:
    """Its text may quote what a broken response holds, and that what was sent."""
    remedy = ""
    if failure.cause is Cause.UNTRUSTED:
        remedy = (
            "add the CA certificate of Palette to the system's store, or name it (packinfra:palette: caFile, a PEM file "
            "with the full chain)"
        )
    again = Failure(None, temporary=failure.temporary)
    return PaletteUnreachable(step, target, text=clean(failure.text, secrets), remedy=remedy, failure=again)


def error_for(response: Response, step: PaletteStep, target: str, secrets: tuple[str, ...]) -> PaletteError:
    # Its fields are only shown, so no other form of them is an error; an empty one may still be Palette's.
    document = parse_object(response) if response.body else {}
    status, fields = response.status, document or {}
    code, text = str(fields.get("code") or ""), clean(str(fields.get("message") or ""), secrets)
    kind = PaletteError
    if status == 429:
        kind = PaletteThrottled
    elif status >= 500:
        text = text or "no reason given; perhaps it comes from something before Palette"
    elif document is None or status < 400:
        kind, text = NotPalette, describe_foreign(response)
    elif status == 401:
        kind = KeyRejected
    elif status == 403 or code == _SCOPE_CODE:
        kind = Forbidden
    elif status == 404 and code == "ResourceNotFound":
        kind = NotFound
    retry_after = seconds_until(response.headers.get("Retry-After", ""), time.time())
    failure = Failure(status if status != 500 else None, retry_after, temporary=status > 500)
    return kind(step, target, status=status, code=clean(code, secrets), text=text, failure=failure)


def describe_foreign(response: Response) -> str:
    """A response that isn't Palette's, described."""
    location = response.headers.get("Location")
    if 300 <= response.status < 400 and location:
        return f"a redirect to {clean(location.partition('?')[0], limit=300)}"
    page = "html" in response.headers.get("Content-Type", "") or response.body.lstrip()[:1] == b"<"
    return "a web page, where Palette sends JSON" if page else "not a response of Palette"
