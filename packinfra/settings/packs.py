"""packinfra:packs and packinfra:removedPacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from packinfra.packs.rules import check_settings
from packinfra.packs.rules.metadata import REPOSITORY_COMPONENT
from packinfra.settings.model import Model, Number


def _off(value: Any) -> Any:
    return "off" if value is False else value  # some YAML readers read a bare off as false


RuleSeverity = Annotated[Literal["error", "warning", "off"], BeforeValidator(_off)]


class PackSettings(Model):
    """The pack folders, and how packinfra publishes them."""

    path: str = Field(min_length=1, description="folder or glob, relative to the project", examples=["packs/*"])
    overwrite: bool = Field(False, description="publish changed content under an already published version")
    unpublish: tuple[str, ...] = Field((), description="versions to withdraw", examples=[["1.0.0"]])
    keep_versions: Number | Literal["all"] = Field(
        "all", description="how many versions stay published, including those with a folder", examples=[10]
    )
    delete_adopted: bool = Field(
        False,
        description="also delete versions that somebody else had pushed and packinfra only adopted (same content)",
    )
    rules: Mapping[str, RuleSeverity] = Field(
        {}, description="severities that differ from docs/rules.md", examples=[{"readme-missing": "error"}]
    )

    @field_validator("rules")
    @classmethod
    def _rules(cls, value: Mapping[str, RuleSeverity]) -> Mapping[str, RuleSeverity]:
        check_settings(value)
        return value

    @field_validator("keep_versions")
    @classmethod
    def _keep_versions(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError('at least 1, or "all"')
        return value


def _pack(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


PackEntry = Annotated[PackSettings, BeforeValidator(_pack)]


def _name(value: str) -> str:
    if not REPOSITORY_COMPONENT.fullmatch(value):
        raise ValueError("write the name in pack.json, without folder and version")
    return value


RemovedPacks = tuple[Annotated[str, AfterValidator(_name)], ...]
