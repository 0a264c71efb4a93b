"""packinfra:packs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from packinfra.packs.rules import check_settings
from packinfra.settings.model import Model


def _off(value: Any) -> Any:
    return "off" if value is False else value  # some YAML readers take a bare off for false


RuleSeverity = Annotated[Literal["error", "warning", "off"], BeforeValidator(_off)]


class PackSettings(Model):
    """Which folders are packs, and how they are published."""

    path: str = Field(min_length=1, description="folder or glob, relative to the project", examples=["packs/*"])
    overwrite: bool = Field(False, description="publish changed content under a version that is published already")
    unpublish: tuple[str, ...] = Field((), description="versions to withdraw", examples=[["1.0.0"]])
    keep_versions: int | Literal["all"] = Field(
        "all", description="how many versions stay published, those with a folder included", examples=[10]
    )
    delete_adopted: bool = Field(
        False,
        description="also remove, with the rest, what somebody else had pushed with the same content and was adopted",
    )
    rules: Mapping[str, RuleSeverity] = Field(
        {}, description="rules judged otherwise than docs/rules.md says", examples=[{"readme-missing": "error"}]
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
