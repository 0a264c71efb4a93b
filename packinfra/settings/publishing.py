"""The settings that all families share that publish versions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from packinfra.settings.model import Number


def _at_least_one(value: int | str) -> int | str:
    if isinstance(value, int) and value < 1:
        raise ValueError('at least 1, or "all"')
    return value


Overwrite = Annotated[bool, Field(description="publish changed content under an already published version")]
Unpublish = Annotated[tuple[str, ...], Field(description="versions to withdraw", examples=[["1.0.0"]])]
KeepVersions = Annotated[
    Number | Literal["all"],
    AfterValidator(_at_least_one),
    Field(description="how many versions stay published, including those with a folder", examples=[10]),
]
DeleteAdopted = Annotated[
    bool,
    Field(description="also delete versions that somebody else had pushed and packinfra only adopted (same content)"),
]
