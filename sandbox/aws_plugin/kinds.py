"""A kind of resource: a row of the table that drives create, read, update and delete."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from sandbox.aws_plugin.session import Aws
from sandbox.aws_plugin.values import Json

Setter = Callable[[Aws, str, Json, Json], Any]

GONE = {
    "LifecyclePolicyNotFoundException",
    "NoSuchEntity",
    "NotFoundException",
    "RepositoryNotFoundException",
    "RepositoryPolicyNotFoundException",
}


def not_found(id_: str) -> ClientError:
    """For a read that finds nothing where AWS itself returns no error."""
    return ClientError({"Error": {"Code": "NotFoundException", "Message": f"{id_} does not exist"}}, "Read")


def is_gone(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in GONE


@dataclass(frozen=True)
class Kind:
    """One kind. An input without a setter in ``update`` forces a replacement (behaviour.md PLUG-8)."""

    title: str  # the prefix of AWS errors: "creating ECR Repository (name): ..."
    required: tuple[str, ...]
    optional: tuple[str, ...]
    create: Callable[[Aws, Json], str | tuple[str, Json]]  # inputs -> id, and properties that AWS returns only once
    read: Callable[[Aws, str, Json], Json]  # id, state -> properties; a GONE error means that it doesn't exist
    delete: Callable[[Aws, str, Json], Any]
    update: Mapping[str, Setter] = field(default_factory=dict)  # id, news, state
    outputs: tuple[str, ...] = ()  # computed; unknown before create
    defaults: Json = field(default_factory=dict)
    kept: tuple[str, ...] = ()  # optional and computed: an absent one is no change
    documents: tuple[str, ...] = ()  # JSON texts that a program may also write as objects
    absent: tuple[str, ...] = ()  # inputs of the real kind that the stand-in does not have
    delete_first: bool = False
    always_written: bool = False  # an update also writes properties that did not change (PLUG-24)
    name_form: str = "{}"  # of a generated name
    # Values with the same result here are equal (Terraform's DiffSuppressFunc and sets).
    normal: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.required + self.optional

    @property
    def named(self) -> bool:
        return "name" in self.optional

    @property
    def tagged(self) -> bool:
        return "tags" in self.optional


def pairs(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]


def mapping(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def without_empty(**values: Any) -> Json:
    """The arguments that have a value."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def tag_setter(tag: Callable[[Aws, str, Json, Any], Any], untag: Callable[[Aws, str, Json, Any], Any]) -> Setter:
    def set_tags(aws: Aws, id_: str, news: Json, state: Json) -> None:
        new, old = news.get("tags") or {}, state.get("tags") or {}
        if removed := sorted(set(old) - set(new)):
            untag(aws, id_, state, removed)
        if new:
            tag(aws, id_, state, pairs(new))

    return set_tags


def state_only(*_: Any) -> None:
    """The setter of an input that AWS does not have: it is only in the state."""
