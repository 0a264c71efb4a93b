"""Durations as Go writes them: 1h30m, 1.5h, 500ms (Go's time.ParseDuration, which the AWS provider uses)."""

from __future__ import annotations

import re
from fractions import Fraction

_UNITS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "\u00b5s": Fraction(1, 10**6),  # the micro sign, and the Greek letter
    "\u03bcs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
_PART = r"(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)"
_DURATION = re.compile(rf"([+-]?)((?:{_PART})+|0)", re.ASCII)


def seconds(text: str) -> Fraction:
    """
    >>> float(seconds("1h30m")), float(seconds("1.5h")), float(seconds("500ms")), float(seconds("-5m"))
    (5400.0, 5400.0, 0.5, -300.0)

    Raises ValueError for anything else.
    """
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError("write a duration such as 1h, 90m or 1h30m")
    total = sum((Fraction(number) * _UNITS[unit] for number, unit in re.findall(_PART, match[2])), Fraction())
    return -total if match[1] == "-" else total
