"""The base of all settings."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from packinfra.errors import PackinfraError

NAMESPACE = "packinfra"


class SettingsError(PackinfraError):
    """The stack's config is wrong. `str()` lists every problem."""


class Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, str_strip_whitespace=True
    )


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):  # which pydantic reads as 0 or 1
        raise ValueError("write a number")  # noqa: TRY004 - pydantic takes ValueError
    return value


def path_alone(value: Any) -> Any:
    """A text stands for an entry with this path."""
    return {"path": value} if isinstance(value, str) else value


Number = Annotated[int, BeforeValidator(_no_boolean)]


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models inside an annotation such as `tuple[PackEntry, ...]` or `EcrRegistry | BasicRegistry`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in getattr(annotation, "__args__", ()) for model in models_in(argument)]
