"""A kind of resource: a row of the table that drives create, read, update and delete."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from sandbox.aws_plugin.session import Aws
from sandbox.aws_plugin.values import UNKNOWN, Json, is_empty, same

Setter = Callable[[Aws, str, Json, Json], Any]

_CAPITAL = re.compile("[A-Z]")
TIME = "%Y-%m-%dT%H:%M:%SZ"
ALL_TAGS = "tagsAll"  # an input that Check adds (behaviour.md PLUG-6)

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
    # What Check refuses: a property, or one of the objects in it, "filters.filterType" -> name, value -> the reason, or "".
    valid: Mapping[str, Callable[[str, str], str]] = field(default_factory=dict)
    renamable: bool = False  # in place; the output `id` is the name
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
    def compared(self) -> tuple[str, ...]:
        return (*self.inputs, ALL_TAGS) if self.tagged else self.inputs

    def differs(self, key: str, old: Any, new: Any) -> bool:
        """A tag without a value is a tag; anywhere else an empty value is the same as none."""
        if key in ("tags", ALL_TAGS):
            return bool((old or {}) != (new or {}))
        if key in self.normal and not is_empty(old) and not is_empty(new):
            old, new = self.normal[key](old), self.normal[key](new)
        return not same(old, new)

    def invalid(self, values: Json) -> Iterator[tuple[str, str]]:
        """The invalid properties, each with the reason."""
        for path, reason in self.valid.items():
            key, _, inner = path.partition(".")
            found = values.get(key)
            for item in found if isinstance(found, list) else [found]:
                value = item.get(inner) if inner and isinstance(item, dict) else item
                name = _CAPITAL.sub(lambda match: f"_{match[0].lower()}", inner or key)
                if isinstance(value, str) and value not in ("", UNKNOWN) and (text := reason(name, value)):
                    yield path, text

    @property
    def named(self) -> bool:
        return "name" in self.optional

    @property
    def tagged(self) -> bool:
        return "tags" in self.optional


def one_of(*values: str) -> Callable[[str, str], str]:
    listed = " ".join(f'"{value}"' for value in values)
    return lambda name, value: "" if value in values else f"expected {name} to be one of [{listed}], got {value}"


def an_arn(name: str, value: str) -> str:
    prefix, *sections = value.split(":", 5)
    if prefix == "arn" and len(sections) == 5:
        return ""
    return (
        f'"{name}" ({value}) is an invalid ARN: arn: {"not enough sections" if prefix == "arn" else "invalid prefix"}'
    )


def pairs(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]


def mapping(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def without_empty(**values: Any) -> Json:
    """The arguments that have a value."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def tag_setter(tag: Callable[[Aws, str, Json, Any], Any], untag: Callable[[Aws, str, Json, Any], Any]) -> Setter:
    def set_tags(aws: Aws, id_: str, news: Json, state: Json) -> None:
        new, old = news.get(ALL_TAGS) or {}, state.get(ALL_TAGS) or {}
        if removed := sorted(set(old) - set(new)):
            untag(aws, id_, state, removed)
        if new:
            tag(aws, id_, state, pairs(new))

    return set_tags


def state_only(*_: Any) -> None:
    """The setter of an input that AWS does not have: it is only in the state."""
