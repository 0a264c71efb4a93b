"""Awaitables for pulumi.Output, which takes its value, and whether it is known and secret, as such."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

_T = TypeVar("_T")


async def value(given: _T) -> _T:
    return given


async def item(several: Awaitable[tuple[Any, ...]], index: int) -> Any:
    return (await several)[index]
