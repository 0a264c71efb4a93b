"""Arguments and results of each lifecycle operation, in plain data: providers.py translates them for Pulumi."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Protocol

from packinfra.errors import PackinfraError

Props = dict[str, Any]
"""A resource's properties: inputs, or outputs. Unknown values are neither text nor number nor None."""
UNKNOWN = "it must be a text that preview knows, not the output of a resource that this run creates"
"""Why an unknown value of something that is read in `check` can't be used."""
_UNKNOWN_OPTION = "it must be a value that preview knows, not the output of a resource that this run creates"


def known_list(props: Mapping[str, Any], key: str) -> Sequence[str]:
    """A list of texts; empty if it is absent or unknown, which `unknown_options` reports."""
    value = props.get(key)
    return value if isinstance(value, (list, tuple)) and is_known(value) else ()


def unknown_options(props: Mapping[str, Any], *keys: str) -> list[str]:
    """A problem for each of these inputs that preview doesn't know."""
    return [f"{key}: {_UNKNOWN_OPTION}" for key in keys if not is_known(props.get(key))]


def is_known(value: object) -> bool:
    """Whether the value, with all in it, is known."""
    if isinstance(value, Mapping):
        return all(map(is_known, value.values()))
    return (
        all(map(is_known, value))
        if isinstance(value, (list, tuple))
        else isinstance(value, (str, int, float, NoneType))
    )


@dataclass(frozen=True)
class CheckOutcome:
    """inputs: completed by what follows from them; problems: every reason why they can't be used"""

    inputs: Props
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class DiffOutcome:
    """replaces: inputs whose change needs a replacement; old_first: delete the old resource before that"""

    changes: bool
    replaces: Sequence[str] = ()
    old_first: bool = False


@dataclass(frozen=True)
class CreateOutcome:
    id: str
    outputs: Props


@dataclass(frozen=True)
class ReadOutcome:
    """inputs: None = those in state still hold"""

    outputs: Props
    inputs: Props | None = None


class PartialFailure(PackinfraError):  # noqa: N818 - reads as what happened, as in errors.py
    """`create` or `update` failed midway. State records `outputs`, and the next run goes on from there.

    outputs: what was done. `read` must turn them into inputs, since the engine keeps those that were planned
    """

    def __init__(self, error: Exception, id_: str, outputs: Props) -> None:
        is_ours = isinstance(error, PackinfraError)
        super().__init__(str(error) if is_ours else "".join(traceback.format_exception(error)))
        self.id, self.outputs = id_, outputs


class Lifecycle(Protocol):
    """The operations of one kind of resource, in up to four threads at once.

    Old properties are the old inputs in `check`, and the old outputs everywhere else. Failures are PackinfraErrors.
    """

    def check(self, olds: Props, news: Props) -> CheckOutcome: ...

    def diff(self, id_: str, olds: Props, news: Props) -> DiffOutcome: ...

    def create(self, props: Props) -> CreateOutcome: ...

    def update(self, id_: str, olds: Props, news: Props) -> Props:
        """The new outputs."""

    def read(self, id_: str, props: Props) -> ReadOutcome | None:
        """None: the resource is definitely gone."""

    def delete(self, id_: str, props: Props) -> None: ...


def changed_keys(olds: Mapping[str, Any], news: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """The keys with another value; an absent value counts as an empty one."""
    return [key for key in keys if (olds.get(key) or None) != (news.get(key) or None)]
