"""A stack's config as typed settings; every mistake is reported at once, with key, value, reason and an example.

    >>> settings = load({"packinfra:registry": '{"kind": "ecr", "basePath": "packs"}', "aws:region": "eu-west-1"})
    >>> settings.registry.base_path, settings.packs[0].path, settings.repositories.immutable
    ('packs', 'packs/*', True)

Keys are written in camelCase in stack files and snake_case in Python. The engine accepts keys that nobody knows, so
the whole mapping is judged here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from packinfra.errors import PackinfraError
from packinfra.packs.rules import REPOSITORY_COMPONENT, check_settings

NAMESPACE = "packinfra"
PACKS_PATH = "spectro-packs/archive"
"""What Palette appends to a base path (Palette documentation, Add a Pack to an ECR Registry)."""


_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9-]+)*(?::\d{1,5})?")
_KMS_KEY = re.compile(r"arn:aws[\w-]*:kms:[\w-]+:\d{12}:key/[\w-]+")


class SettingsError(PackinfraError):
    """The stack's config is wrong. `str()` lists every mistake."""


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, str_strip_whitespace=True
    )


class RegistrySettings(_Model):
    """Where packs are published."""

    kind: Literal["ecr", "basic"] = Field(
        description="ecr, or basic: Harbor and every other registry with user name and password", examples=["ecr"]
    )
    base_path: str = Field(
        description="what the repositories' names begin with (basic: the project first), without spectro-packs, which "
        "Palette appends",
        examples=["spectro-oci-registry"],
    )
    host: str | None = Field(
        None, description="basic: the registry's host, without scheme", examples=["harbor.example.com"]
    )
    ca_file: str | None = Field(
        None,
        description="basic: PEM file with the certificate authority of the registry, relative to the project",
        examples=["harbor-ca.pem"],
    )
    plain_http: bool = Field(False, description="basic: speak HTTP without TLS; passwords then travel readable")
    username: str | None = Field(
        None,
        description="basic: user name; its password is the secret packinfra:registryPassword. Absent: "
        "PACKINFRA_REGISTRY_USERNAME and _PASSWORD, else the Docker config",
        examples=["robot$packs"],
    )

    @field_validator("base_path")
    @classmethod
    def _base_path(cls, value: str) -> str:
        return valid_base_path(value)

    @field_validator("host")
    @classmethod
    def _host(cls, value: str | None) -> str | None:
        if value is not None and not _HOST.fullmatch(value):
            raise ValueError("write the host alone, with its port if it has one: no https://, no path")
        return value

    @model_validator(mode="after")
    def _of_kind(self) -> RegistrySettings:
        basic = {"host": self.host, "caFile": self.ca_file, "plainHttp": self.plain_http, "username": self.username}
        if self.kind == "ecr" and (given := [key for key, value in basic.items() if value]):
            raise ValueError(f"{', '.join(given)}: only for kind: basic; ECR's host, CA and login come from AWS")
        if self.kind == "basic" and not self.host:
            raise ValueError('host: missing, kind: basic needs it; for example: host: "harbor.example.com"')
        if self.plain_http and self.ca_file:
            raise ValueError("caFile is of no use with plainHttp: true: remove one of the two")
        return self


def valid_base_path(value: str) -> str:
    """Raises ValueError with the reason if `value` cannot begin the name of a repository for packs."""
    parts = value.split("/")
    if "spectro-packs" in parts:
        raise ValueError(f"leave {PACKS_PATH} out: it is appended for you, and Palette appends it too")
    if not all(REPOSITORY_COMPONENT.fullmatch(part) for part in parts):
        raise ValueError("use lower-case letters and digits, with single . _ - or / between them")
    if len(value) > 128:
        raise ValueError("at most 128 characters, so that pack names fit into ECR's 256")
    return value


def _off(value: Any) -> Any:
    return "off" if value is False else value  # some YAML readers take a bare off for false


RuleSeverity = Annotated[Literal["error", "warning", "off"], BeforeValidator(_off)]


class PackSettings(_Model):
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


class LifecycleSettings(_Model):
    """What ECR deletes by itself. Old versions are better withdrawn by keepVersions: Pulumi then knows of it."""

    expire_untagged_after_days: int | None = Field(
        None, ge=1, description="images that no tag names any more go after so many days", examples=[14]
    )
    keep_newest: int | None = Field(
        None, ge=1, description="only the newest N tagged images of each pack stay", examples=[50]
    )
    protect_tags: tuple[str, ...] = Field(
        (), max_length=40, description="tags, with * for any text, that keepNewest never touches", examples=[["1.*"]]
    )
    may_expire_published_versions: bool = Field(
        False, description="required by keepNewest, for that is what it does", examples=[True]
    )

    @field_validator("protect_tags")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_pattern(text, wildcards=4) for text in value)

    @model_validator(mode="after")
    def _consistent(self) -> LifecycleSettings:
        if not (self.expire_untagged_after_days or self.keep_newest):
            raise ValueError("nothing would ever expire: give expireUntaggedAfterDays or keepNewest, or remove it")
        if self.keep_newest and not self.may_expire_published_versions:
            raise ValueError(
                "keepNewest lets ECR delete versions that Pulumi published and clusters may use (signatures count "
                "too). keepVersions in packinfra:packs withdraws old versions without that. If it is what you want, "
                "say so: mayExpirePublishedVersions: true"
            )
        if self.protect_tags and not self.keep_newest:
            raise ValueError("protectTags without keepNewest protects nothing: no other rule touches a tagged image")
        return self


class RepositorySettings(_Model):
    """How the ECR repositories are made."""

    immutable: bool = Field(True, description="a tag, once pushed, is never moved")
    except_tags: tuple[str, ...] = Field(
        (),
        max_length=5,
        description="tags, with * for any text, for which the opposite of `immutable` holds",
        examples=[["sha256-*"]],
    )
    scan_on_push: bool = Field(True, description="ECR scans each image when it is pushed")
    force_delete: bool = Field(False, description="destroy also deletes repositories that hold foreign images")
    kms_key: str | None = Field(
        None,
        description="ARN of the KMS key that encrypts; absent: AES256",
        examples=["arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"],
    )
    lifecycle: LifecycleSettings | None = Field(
        None, description="what ECR deletes by itself; absent: nothing", examples=[{"expireUntaggedAfterDays": 14}]
    )
    base_repository: Literal["create", "existing"] = Field(
        "create", description="existing: `<basePath>/spectro-packs/archive` is there already, and is left alone"
    )
    import_repositories: tuple[str, ...] = Field(
        (),
        description="names of packs whose repositories exist already: they are taken over as they are. Taken out again "
        "after that `up`, the settings above hold for them too",
        examples=[["nginx"]],
    )
    protect: bool = Field(False, description="Pulumi refuses to delete repositories and packs")
    tags: Mapping[str, str] = Field({}, description="AWS tags of all resources", examples=[{"team": "platform"}])

    @field_validator("except_tags")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_pattern(text, wildcards=2) for text in value)

    @field_validator("kms_key")
    @classmethod
    def _kms_key(cls, value: str | None) -> str | None:
        if value is not None and not _KMS_KEY.fullmatch(value):
            # ECR answers with the key's own ARN, and the provider would replace the repository for the difference.
            raise ValueError("give the ARN of the key itself, not an id or alias (aws kms describe-key prints it)")
        return value

    @field_validator("tags")
    @classmethod
    def _tags(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for key, text in value.items():
            if not 1 <= len(key) <= 128 or len(text) > 256 or key.lower().startswith("aws:"):
                raise ValueError(f"{key}: AWS takes keys of 1 to 128 characters not beginning with aws:, values to 256")
        return value


class HolderSettings(_Model):
    """Who gets a policy."""

    roles: tuple[str, ...] = Field((), description="names of IAM roles", examples=[["ci"]])
    users: tuple[str, ...] = Field((), description="names of IAM users", examples=[["jane"]])

    @field_validator("roles", "users")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _iam_names(value)


class CiSettings(_Model):
    """A role that jobs of a CI system assume with their own token (OpenID Connect), without any stored key. The
    account must know the issuer: IAM, Identity providers."""

    issuer: str = Field(
        description="who signs the tokens, without https://", examples=["token.actions.githubusercontent.com"]
    )
    audience: str = Field("sts.amazonaws.com", min_length=1, description="for whom the token must be made")
    subjects: tuple[str, ...] = Field(
        min_length=1,
        description="which jobs: the token's sub, with * for any text",
        examples=[["repo:acme/packs:ref:refs/heads/main"]],
    )

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        issuer = value.removeprefix("https://").rstrip("/")
        if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?(/[\w./-]+)?", issuer):
            raise ValueError("write the issuer's host, and path if it has one")
        return issuer

    @field_validator("subjects")
    @classmethod
    def _subjects(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for subject in value:
            before = re.split(r"[*?]", subject)[0]
            if before != subject and "/" not in before and before.count(":") < 2:
                raise ValueError(
                    f"{subject}: everybody whom this issuer serves could publish; name your organisation before the *"
                )
        return value


class ReaderSettings(_Model):
    """Who pulls: Palette, through a role that its AWS account assumes, or as a user with an access key."""

    principal: str | None = Field(
        None,
        description="AWS account, or ARN in it, that may assume the reader role: Palette's, from its registration form",
        examples=["123456789012"],
    )
    external_id: str | None = Field(
        None, min_length=2, description="ExternalId that it must give, from the same form", examples=["a1b2c3"]
    )
    users: tuple[str, ...] = Field((), description="names of IAM users that get the policy", examples=[["palette"]])

    @field_validator("principal")
    @classmethod
    def _principal(cls, value: str | None) -> str | None:
        return None if value is None else _principal(value)

    @field_validator("users")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _iam_names(value)

    @model_validator(mode="after")
    def _consistent(self) -> ReaderSettings:
        if bool(self.principal) != bool(self.external_id):
            raise ValueError(
                "principal and externalId belong together: without the ExternalId, another customer of the same "
                "service could use the role"
            )
        if not (self.principal or self.users):
            raise ValueError("say who reads: principal and externalId, or users")
        return self


class PullSettings(_Model):
    """Other AWS accounts that may pull: a policy on each repository."""

    principals: tuple[str, ...] = Field(
        (), description="accounts, or ARNs of roles and users in them", examples=[["210987654321"]]
    )
    organization: str | None = Field(
        None, description="id of an AWS organization: everybody in it may pull", examples=["o-a1b2c3d4e5"]
    )

    @field_validator("principals")
    @classmethod
    def _principals(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_principal(text) for text in value)

    @field_validator("organization")
    @classmethod
    def _organization(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"o-[a-z0-9]{10,32}", value):
            raise ValueError("an organization's id is o- and 10 to 32 letters and digits")
        return value


class AccessSettings(_Model):
    """Who may do what with the repositories (docs/iam.md has the policies)."""

    publishers: HolderSettings = Field(
        HolderSettings(), description="who gets the publisher policy: all that the guide does"
    )
    pushers: HolderSettings | None = Field(
        None, description="who gets the pusher policy: publishes, but makes and deletes nothing"
    )
    ci: CiSettings | None = Field(None, description="a role with the pusher policy for jobs of a CI system")
    reader: ReaderSettings | None = Field(None, description="who gets the reader policy: Palette")
    pull: PullSettings | None = Field(None, description="other AWS accounts that may pull")


def _pattern(text: str, *, wildcards: int) -> str:
    if not re.fullmatch(r"[0-9a-zA-Z._*-]{1,128}", text) or text.count("*") > wildcards:
        raise ValueError(f"{text}: letters, digits, . _ - and at most {wildcards} *, together at most 128")
    return text


def _iam_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[\w+=,.@-]{1,64}", name):
            raise ValueError(f"{name}: give the name alone, without arn: and path")
    return names


def _principal(text: str) -> str:
    if not re.fullmatch(r"\d{12}|arn:aws[\w-]*:(iam|sts)::\d{12}:(root|(role|user|assumed-role)/.+)", text):
        raise ValueError(f"{text}: give an account's 12 digits in quotes, or the ARN of a role or user")
    return text


class Settings(_Model):
    """Everything that a stack file can say."""

    registry: RegistrySettings = Field(examples=[{"kind": "ecr", "basePath": "spectro-oci-registry"}])
    packs: tuple[PackEntry, ...] = Field((PackSettings(path="packs/*"),), examples=[["packs/*"]])
    repositories: RepositorySettings = RepositorySettings()
    access: AccessSettings = AccessSettings()

    @field_validator("packs")
    @classmethod
    def _packs(cls, value: tuple[PackSettings, ...]) -> tuple[PackSettings, ...]:
        if not value:
            raise ValueError("name at least one pack; to remove all packs, use pulumi destroy")
        return value


_PLAINLY = {
    "tuple_type": "write a list, with brackets or a dash for each entry",
    "model_type": "write its keys, indented below it",
    "mapping_type": "write keys and values, indented below it",
    "dict_type": "write keys and values, indented below it",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "string_type": "write a text",
}
"""What pydantic says in terms of Python, in terms of a stack file."""

SECRETS = ("registryPassword",)
"""Keys that the provider reads itself, in each operation: they never become part of a resource."""


def load(config: Mapping[str, Any]) -> Settings:
    """Settings from a stack's whole config: "packinfra:registry" and so on; objects as JSON text or parsed.

    An empty object counts as absent. Raises SettingsError with all mistakes.
    """
    mistakes: list[str] = []
    ours: dict[str, Any] = {}
    known = [to_camel(name) for name in Settings.model_fields]
    for full, value in config.items():
        namespace, _, key = full.partition(":")
        if namespace != NAMESPACE or key in SECRETS:
            continue
        if key not in known:
            mistakes.append(_unknown(f"{NAMESPACE}:{key}", key, [*known, *SECRETS]))
            continue
        try:
            parsed = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            if key == "packs":  # a single path needs no brackets
                ours[key] = [value]
                continue
            mistakes.append(f"{full}: {value!r} is not an object or list; indent its keys below it in the stack file")
            continue
        if parsed not in ({}, None):
            ours[key] = parsed
    wrong: set[str] = set()
    try:
        Settings.model_validate(ours)
    except ValidationError as error:
        mistakes += dict.fromkeys(_explain(dict(problem)) for problem in error.errors())
        wrong = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
    # What is right by itself is compared with the rest even if something else is wrong.
    sound = {key: value for key, value in ours.items() if key not in wrong}
    registry = {"registry": {"kind": "ecr", "basePath": "any"}} if "registry" not in sound else {}
    settings = Settings.model_validate({**registry, **sound})
    mistakes += _across(settings, sound, config, judge_kind=not registry)
    if mistakes:
        raise SettingsError("the stack's config has mistakes:\n" + "\n".join(f"  {m}" for m in mistakes))
    return settings


def load_packs(packs: Sequence[Any]) -> tuple[PackSettings, ...]:
    """What a program says of its packs: paths, mappings as in a stack file, or PackSettings.

    Raises SettingsError with all mistakes.
    """
    try:
        return Settings.model_validate({"registry": {"kind": "ecr", "basePath": "any"}, "packs": packs}).packs
    except ValidationError as error:
        said = dict.fromkeys(_explain(dict(problem)).removeprefix(f"{NAMESPACE}:") for problem in error.errors())
        raise SettingsError("\n".join(said)) from None


def _across(settings: Settings, given: Mapping[str, Any], config: Mapping[str, Any], *, judge_kind: bool) -> list[str]:
    """Mistakes that show only when two settings are compared."""
    mistakes = []
    repositories, region = settings.repositories, config.get("aws:region")
    overwritten = [pack.path for pack in settings.packs if pack.overwrite]
    if settings.registry.kind == "basic":
        mistakes += [
            f"{NAMESPACE}:{key}: only for kind: ecr; a basic registry keeps its own rules: remove it"
            for key in ("repositories", "access")
            if key in given
        ]
        password = any(config.get(f"{NAMESPACE}:{key}") for key in SECRETS)
        if settings.registry.username and not password:
            mistakes.append(
                f"{NAMESPACE}:registryPassword: missing for registry.username; set it: pulumi config set --secret "
                f"{NAMESPACE}:registryPassword. Or remove username and use the environment or docker login"
            )
        if password and not settings.registry.username:
            mistakes.append(f"{NAMESPACE}:registry.username: missing; registryPassword is the password of nobody")
        return mistakes
    if judge_kind and any(config.get(f"{NAMESPACE}:{key}") for key in SECRETS):
        mistakes.append(f"{NAMESPACE}:registryPassword: only for kind: basic; ECR's login comes from AWS: remove it")
    if not region:
        mistakes.append("aws:region: missing; say in which region the registry is, for example: aws:region: eu-west-1")
    if overwritten and repositories.immutable and not repositories.except_tags:
        mistakes.append(
            f"{NAMESPACE}:packs: {', '.join(overwritten)} has overwrite: true, but repositories.immutable is true and "
            "ECR never moves an immutable tag: set one of the two to false"
        )
    if region and repositories.kms_key and repositories.kms_key.split(":")[3] != region:
        mistakes.append(
            f"{NAMESPACE}:repositories.kmsKey: the key is in {repositories.kms_key.split(':')[3]}, but aws:region is "
            f"{region}: ECR takes a key of its own region"
        )
    return mistakes


def _unknown(shown: str, key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"{shown}: no such key; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}")


def _explain(problem: dict[str, Any]) -> str:
    # pydantic also names the validator or the branch of a union that failed
    path = [part for part in problem["loc"] if not re.match(r"function-|int$|literal\[", str(part))]
    model, field = _field(path)
    shown = ".".join([f"{NAMESPACE}:{path[0]}", *(str(part) for part in path[1:])])
    if problem["type"] == "extra_forbidden":
        return _unknown(shown, str(path[-1]), [to_camel(name) for name in model.model_fields])
    example = f"; for example: {path[-1]}: {json.dumps(field.examples[0])}" if field and field.examples else ""
    if problem["type"] == "missing":
        return f"{shown}: missing{example}"
    reason = _PLAINLY.get(problem["type"]) or re.sub("^Value error, ", "", problem["msg"])
    if isinstance(problem["input"], Mapping):
        return f"{shown}: {reason}"
    return f"{shown}: {json.dumps(problem['input'], default=str)} is wrong: {reason}{example}"


def _field(path: list[Any]) -> tuple[type[BaseModel], FieldInfo | None]:
    """The innermost model on the way along `path`, and its field that the path ends at or in."""
    model: type[BaseModel] = Settings
    field = None
    for place, part in enumerate(path):
        found = {to_camel(name): f for name, f in model.model_fields.items()}.get(str(part))
        field = found or (field if isinstance(part, int) else None)
        inner = model_of(found.annotation) if found else None
        if inner and place < len(path) - 1:
            model = inner
    return model, field


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as tuple[PackEntry, ...]; None for plain values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in getattr(annotation, "__args__", ()) if (m := model_of(a))), None)
