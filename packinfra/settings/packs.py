"""packinfra:packs and packinfra:removedPacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from packinfra.packs.rules import check_settings
from packinfra.packs.rules.metadata import REPOSITORY_COMPONENT
from packinfra.settings.model import path_alone
from packinfra.settings.publishing import DeleteAdopted, KeepingSettings, KeepVersions, Overwrite, Unpublish


def _off(value: Any) -> Any:
    return "off" if value is False else value  # some YAML readers read a bare off as false


RuleSeverity = Annotated[Literal["error", "warning", "off"], BeforeValidator(_off)]


class PackSettings(KeepingSettings):
    """The pack folders, and how packinfra publishes them."""

    path: str = Field(min_length=1, description="folder or glob, relative to the project", examples=["packs/*"])
    overwrite: Overwrite = False
    unpublish: Unpublish = ()
    keep_versions: KeepVersions = "all"
    delete_adopted: DeleteAdopted = False
    rules: Mapping[str, RuleSeverity] = Field(
        {}, description="severities that differ from docs/rules.md", examples=[{"readme-missing": "error"}]
    )

    @field_validator("rules")
    @classmethod
    def _rules(cls, value: Mapping[str, RuleSeverity]) -> Mapping[str, RuleSeverity]:
        check_settings(value)
        return value


PackEntry = Annotated[PackSettings, BeforeValidator(path_alone)]


def _name(value: str) -> str:
    if not REPOSITORY_COMPONENT.fullmatch(value):
        raise ValueError("write the name in pack.json, without folder and version")
    return value


RemovedPacks = tuple[Annotated[str, AfterValidator(_name)], ...]
