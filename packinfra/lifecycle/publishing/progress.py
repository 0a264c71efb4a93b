"""The progress of an operation on one repository, which state must have also where the operation fails midway."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from packinfra.lifecycle.results import PartialFailure, Props

PENDING = "pendingWithdrawals"
"""Output: tag -> record of each tag that is to be withdrawn, and that the registry refused to remove; or whose manifest
failed when the tag may have been written already."""
INCOMPLETE = "incomplete"
"""Output: the operation failed midway, so that the inputs, which the engine keeps, name more than was done."""
_OUTPUTS_ONLY = ("currentVersions", PENDING, INCOMPLETE)

Record = TypeVar("Record")


@dataclass
class Progress(Generic[Record]):
    """props: the resource's; done: tag -> record of what is published or copied; pending: of what could not be withdrawn

    to_outputs: makes the resource's outputs of `done` and `pending`
    """

    id: str
    props: Props
    done: dict[str, Record]
    pending: dict[str, Record]
    to_outputs: Callable[[Mapping[str, Record], Mapping[str, Record]], Props]

    def keep(self, tag: str, record: Record) -> None:
        self.done[tag] = record
        self.pending.pop(tag, None)

    def postpone(self, tag: str, record: Record) -> None:
        self.forget(tag)
        self.pending[tag] = record

    def forget(self, tag: str) -> None:
        self.done.pop(tag, None)
        self.pending.pop(tag, None)

    def outputs(self) -> Props:
        return self.to_outputs(self.done, self.pending)

    @contextmanager
    def recorded_if_it_fails(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever it is, a full disk too: what was done must be known
            if not self.done and not self.pending:
                raise
            raise PartialFailure(error, self.id, {**self.outputs(), INCOMPLETE: True}) from error


def outputs_of(
    props: Props,
    versions: Mapping[str, Any],
    current: Sequence[str],
    pending: Mapping[str, Any],
    *,
    inputs_only: Collection[str],
) -> Props:
    """versions, pending: tag -> record, as state has them; current: the tags that the program names; inputs_only: keys of
    inputs that outputs don't repeat, since the engine writes all state after each step"""
    kept = {key: value for key, value in props.items() if key not in (*inputs_only, *_OUTPUTS_ONLY)}
    return {**kept, "versions": versions, "currentVersions": current, **({PENDING: pending} if pending else {})}


def inputs_of(outputs: Props) -> Props:
    """The inputs that lead to these outputs, but for those that outputs don't repeat."""
    return {key: value for key, value in outputs.items() if key not in _OUTPUTS_ONLY}
