"""YAML 1.1 values as Helm reads them.

Helm reads with go-yaml 2 into JSON, and then into fields that want text, so a number loses its form on the way: `1.10`
becomes "1.1", `010` becomes "8", `yes` becomes "true". All of it was seen with Helm 3.16 (docs/fidelity.md).
"""

from __future__ import annotations

import math
import re
import struct
from typing import Any

from packinfra.packs.yamltext import List, Map, Node, Scalar, entries

_NAMED = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MOST_DIGITS = 64
"""Of a number of 64 bits, at any base; longer ones are no integers for Go, and Python refuses them beyond 4,300."""
_MOST_NODES = 100_000
"""Aliases can make few lines many values (a "billion laughs")."""
TOO_MANY = "its aliases make too many values"


class ValueProblemError(Exception):
    """A value that Helm refuses: a clause about it, and its line."""

    def __init__(self, problem: str, line: int | None) -> None:
        super().__init__(problem)
        self.problem, self.line = problem, line


def scalar_value(node: Scalar) -> str | bool | int | float | None:
    """The value of a scalar."""
    text = node.text
    if node.null or not node.plain:
        return None if node.null else text
    if text in _NAMED:
        return _NAMED[text]
    if text[0] == ".":
        return _number(text) if _FLOAT.fullmatch(text) else text
    if text[0] not in "+-0123456789":
        return text
    plain = text.replace("_", "")
    if match := _INTEGER.fullmatch(plain):
        sign, *digits = match.groups()
        base, number = next((b, n) for b, n in zip((16, 2, 8, 10), digits, strict=True) if n is not None)
        value = int(number, base) * (-1 if sign == "-" else 1) if len(number.lstrip("0")) <= _MOST_DIGITS else 2**64
        if -(2**63) <= value < (2**63 if sign else 2**64):
            return value
    return _number(plain, text) if _FLOAT.fullmatch(plain) else text


def _number(plain: str, text: str = "") -> float | str:
    """The number; the text where 64 bits can't hold it, as Go's strconv says."""
    value = float(plain)
    return (text or plain) if math.isinf(value) else value


def text_of(value: object) -> str:
    """The text that Helm makes of a value where it wants text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _float_text(value) if isinstance(value, float) else str(value)


def _float_text(value: float) -> str:
    """The shortest form that a 32-bit float keeps, as Go's strconv formats it with 'g'."""
    single = _single(value)
    if math.isnan(single) or math.isinf(single):
        return "NaN" if math.isnan(single) else "+Inf" if single > 0 else "-Inf"
    text = next(text for digits in range(17) if _single(float(text := f"{single:.{digits}e}")) == single)
    mantissa, exponent = text.split("e")
    if -4 <= int(exponent) < 6:
        return f"{float(text):.{max(len(mantissa.replace('-', '').replace('.', '')) - 1 - int(exponent), 0)}f}"
    return f"{mantissa}e{exponent[0]}{exponent[1:]:0>2}"


def _single(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def mapping(node: Node | None) -> dict[str, Node]:
    """Key -> value. A key that is there twice has the last value; merged mappings (`<<`) come before all others.

    Raises ValueProblemError if aliases make it too large.
    """
    merged: dict[str, Node] = {}
    own: dict[str, Node] = {}
    left = _MOST_NODES
    for key, line, value in entries(node):
        if key == "<<":
            for each in value.items if isinstance(value, List) else [value]:
                for inner, _, inner_value in entries(each):
                    merged.setdefault(inner, inner_value)
                    left -= 1
                    if left < 0:
                        raise ValueProblemError(TOO_MANY, line)
        else:
            own[key] = value
    return {**merged, **own}


def plain_value(node: Node | None, left: list[int] | None = None) -> Any:
    """The whole tree as plain values. Raises ValueProblemError if aliases make it too large."""
    left = left if left is not None else [_MOST_NODES]
    left[0] -= 1
    if left[0] < 0:
        raise ValueProblemError(TOO_MANY, None)
    if isinstance(node, List):
        return [plain_value(item, left) for item in node.items]
    if isinstance(node, Map):
        return {key: plain_value(value, left) for key, value in mapping(node).items()}
    return scalar_value(node) if node else None
