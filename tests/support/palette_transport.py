"""Requests to a scripted Palette, whose pauses are listed and not waited for."""

from __future__ import annotations

from typing import Any

from packinfra.http.rate_limit import RateLimiter
from packinfra.http.retry import RetryPolicy
from packinfra.palette import PaletteTransport
from tests.support.scripted_palette import KEY, ScriptedPalette


def scripted_transport(palette: ScriptedPalette, sleeps: list[float], **options: Any) -> PaletteTransport:
    settings = {
        "ca_file": palette.ca_file, "policy": RetryPolicy(first=2.0, jitter=0.0), "sleep": sleeps.append,
        "limiter": RateLimiter(10.0, lambda: 0.0, lambda _: None), **options,
    }  # fmt: skip
    return PaletteTransport(palette.host, KEY, **settings)
