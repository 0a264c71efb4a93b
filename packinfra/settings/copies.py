"""packinfra:copies and packinfra:removedCopies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from packinfra.oci.pinned import Pinned
from packinfra.oci.reference import Reference, split
from packinfra.packs.rules.metadata import REPOSITORY_COMPONENT
from packinfra.palette.credentials import validate_role_arn
from packinfra.settings.model import Number
from packinfra.settings.publishing import KeepingSettings
from packinfra.settings.registry import PACKS_PATH, Host

_ECR = re.compile(r"\d{12}\.dkr[.-]ecr(-fips)?\.")
EXAMPLE = "ghcr.io/acme/app:1.2.3@sha256:" + "0123456789abcdef" * 4


def _pinned(text: str) -> str:
    Pinned.parse(text)
    return text


def _path(text: str) -> str:
    parts = text.split("/")
    if "spectro-packs" in parts:
        raise ValueError(f"write the pack's name and pack: true; packinfra adds {PACKS_PATH}")
    if not all(REPOSITORY_COMPONENT.fullmatch(part) for part in parts):
        raise ValueError("use lower-case letters and digits, with single . _ - or / between them")
    return text


def _tag(text: str) -> str:
    if Reference.of("h.example/r", text).is_digest:
        raise ValueError("a digest is no tag")
    return text


class CopySettings(KeepingSettings):
    """An artifact of another repository, copied by its digest, byte for byte (docs/copies.md). Several entries may have one
    `to`, for several tags in it."""

    source: Annotated[str, AfterValidator(_pinned)] = Field(
        alias="from",
        description="HOST/PATH@sha256:..., with :TAG before the @ if you like: a tag that no longer carries the digest is a "
        "warning",
        examples=[EXAMPLE],
    )
    to: Annotated[str, AfterValidator(_path)] = Field(
        description="the repository, below the base path; with pack: true the pack's name", examples=["app"]
    )
    tags: tuple[Annotated[str, AfterValidator(_tag)], ...] = Field(
        (), description="tags that it gets; absent: the tag in `from`", examples=[["1.2.3"]]
    )
    pack: bool = Field(
        False,
        description=f"it is a pack, and goes to {PACKS_PATH}/<to>, where Palette finds it; its tag is its version",
    )
    referrers: bool = Field(
        False, description="copy what refers to it too (signatures, SBOMs, attestations), and what refers to that"
    )
    overwrite: bool = Field(False, description="move tags that carry another digest")
    unpublish: tuple[str, ...] = Field(
        (), description="tags of earlier entries with this `to` to withdraw", examples=[["1.2.2"]]
    )
    keep_versions: Number | Literal["all"] | None = Field(
        None,
        description="how many tags stay in `to`, those of entries included; absent, or all: every tag",
        examples=[10],
    )
    profile: str | None = Field(
        None, description="source in ECR: profile of the AWS config files that may read it", examples=["dev"]
    )
    role_arn: Annotated[str, AfterValidator(validate_role_arn)] | None = Field(
        None,
        description="source in ECR: role to assume for reading it, with the identity that is otherwise used",
        examples=["arn:aws:iam::123456789012:role/reader"],
    )
    ca_file: str | None = Field(
        None,
        description="source elsewhere: PEM file with the certificate of its certificate authority, relative to the project",
        examples=["harbor-ca.pem"],
    )
    plain_http: bool = Field(False, description="source elsewhere: use HTTP without TLS")
    token_host: Host | None = Field(
        None,
        description="source elsewhere: host of its token service, if that is not the registry's own and may get its login",
        examples=["auth.docker.io"],
    )

    @model_validator(mode="after")
    def _consistent(self) -> CopySettings:
        reasons = [*self._reasons()]
        if reasons:
            raise ValueError("; ".join(reasons))
        return self

    def _reasons(self) -> Iterator[str]:
        tags, host = self.all_tags, self.host
        if not tags:
            yield "name its tags, or the source's tag before the @: registries remove what has none"
        if twice := sorted({tag for tag in tags if tag in self.unpublish}):
            yield f"{', '.join(twice)}: both to be copied and to be withdrawn (unpublish)"
        if self.pack and (len(tags) > 1 or "/" in self.to):
            yield "a pack has a name without / and one tag, its version"
        if isinstance(self.keep_versions, int) and self.keep_versions < 1:
            yield 'keepVersions: at least 1, or "all"'
        if _ECR.match(host):
            if self.ca_file or self.plain_http or self.token_host:
                yield "caFile, plainHttp and tokenHost are not for a source in ECR: remove them"
        elif self.profile or self.role_arn:
            yield f"profile and roleArn are for a source in ECR, and {host} is none: log in there with docker login"
        if self.ca_file and self.plain_http:
            yield "caFile has no effect with plainHttp: true: remove one of the two"

    @property
    def host(self) -> str:
        return split(Pinned.parse(self.source).repository)[0].lower()

    @property
    def all_tags(self) -> tuple[str, ...]:
        tag = Pinned.parse(self.source).tag
        return tuple(dict.fromkeys(self.tags)) or ((tag,) if tag else ())

    @property
    def path(self) -> str:
        """Of the repository, below the base path."""
        return f"{PACKS_PATH}/{self.to}" if self.pack else self.to


class CopyTarget(NamedTuple):
    """All entries of one repository. keep: how many tags to keep in all, None = all"""

    to: str
    path: str
    pack: bool
    entries: Sequence[CopySettings]
    unpublish: Sequence[str]
    keep: int | None


def by_target(copies: Sequence[CopySettings]) -> list[CopyTarget]:
    """Raises ValueError with everything in which entries of one repository contradict each other."""
    groups: dict[str, list[CopySettings]] = {}
    for entry in copies:
        groups.setdefault(entry.to, []).append(entry)
    problems, targets = list[str](), list[CopyTarget]()
    for to, entries in groups.items():
        if len({entry.pack for entry in entries}) > 1:
            problems.append(f"to: {to}: some entries have pack: true, and some don't: they are two repositories")
        keeps = {entry.keep_versions for entry in entries if entry.keep_versions is not None}
        if len(keeps) > 1:
            problems.append(f"to: {to}: the entries have several keepVersions: {', '.join(sorted(map(str, keeps)))}")
        tags = [tag for entry in entries for tag in entry.all_tags]
        unpublish = sorted({tag for entry in entries for tag in entry.unpublish})
        problems += [
            f"to: {to}: {tag} is a tag of several entries" for tag in sorted({t for t in tags if tags.count(t) > 1})
        ]
        problems += [
            f"to: {to}: one entry has the tag {tag}, and another one withdraws it (unpublish)"
            for tag in unpublish
            if tag in tags and not any(tag in entry.unpublish and tag in entry.all_tags for entry in entries)
        ]
        keep = next((entry.keep for entry in entries if entry.keep_versions is not None), None)
        targets.append(CopyTarget(to, entries[0].path, entries[0].pack, entries, unpublish, keep))
    if problems:
        raise ValueError("; ".join(problems))
    return targets


def consistent(copies: tuple[CopySettings, ...]) -> tuple[CopySettings, ...]:
    by_target(copies)
    return copies


Copies = Annotated[tuple[CopySettings, ...], AfterValidator(consistent)]
RemovedCopies = tuple[Annotated[str, AfterValidator(_path)], ...]
