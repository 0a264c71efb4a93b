"""What the settings of a stack file have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from packinfra.errors import PackinfraError

NAMESPACE = "packinfra"


class SettingsError(PackinfraError):
    """The stack's config is wrong. `str()` lists every mistake."""


class Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, str_strip_whitespace=True
    )


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as tuple[PackEntry, ...]; None for plain values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in getattr(annotation, "__args__", ()) if (m := model_of(a))), None)
