"""The settings that all families share that publish versions."""

from __future__ import annotations

from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, Field

from packinfra.settings.model import Model, Number


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


class _WithKeepVersions(Protocol):
    @property
    def keep_versions(self) -> int | str | None: ...


class KeepingSettings(Model):
    """Settings with keepVersions. Each model declares it itself: in the reference, a base's keys would come first."""

    @property
    def keep(self: _WithKeepVersions) -> int | None:
        """How many versions to keep in all; None = all."""
        return self.keep_versions if isinstance(self.keep_versions, int) else None
