"""What a kind of resource is: a row of the table that drives every step of its life."""

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


def gone(what: str) -> ClientError:
    """For a read that finds nothing where AWS itself gives no error."""
    return ClientError({"Error": {"Code": "NotFoundException", "Message": f"{what} is not there"}}, "Read")


def is_gone(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in GONE


@dataclass(frozen=True)
class Kind:
    """One kind. An input without a setter in ``update`` forces a replacement (behaviour.md PLUG-8)."""

    title: str  # as AWS errors are introduced: "creating ECR Repository (name): ..."
    required: tuple[str, ...]
    optional: tuple[str, ...]
    create: Callable[[Aws, Json], str | tuple[str, Json]]  # inputs -> id, and what AWS tells only now
    read: Callable[[Aws, str, Json], Json]  # id, state -> what AWS says; a GONE error means there is none
    delete: Callable[[Aws, str, Json], Any]
    update: Mapping[str, Setter] = field(default_factory=dict)  # id, news, state
    outputs: tuple[str, ...] = ()  # computed; unknown before create
    defaults: Json = field(default_factory=dict)
    kept: tuple[str, ...] = ()  # optional and computed: leaving it out is no change
    documents: tuple[str, ...] = ()  # JSON texts that a program may also give as objects
    absent: tuple[str, ...] = ()  # inputs of the real kind that the stand-in does not have
    delete_first: bool = False
    always_written: bool = False  # an update writes also what did not change (PLUG-24)
    name_form: str = "{}"  # of a generated name
    # Two values that come to the same here are the same (Terraform's DiffSuppressFunc and sets).
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


def given(**values: Any) -> Json:
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


def recorded(*_: Any) -> None:
    """The setter of an input that AWS does not know: it only stands in the state."""
