"""The progress of an operation on one repository, which state must have also where the operation fails midway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from packinfra.lifecycle.results import PartialFailure, Props

PENDING = "pendingWithdrawals"
"""Output: tag -> record of each tag that is to be withdrawn, and that the registry refused to remove; or whose manifest
failed when the tag may have been written already."""
INCOMPLETE = "incomplete"
"""Output: the operation failed midway, so that the inputs, which the engine keeps, name more than was done."""
OUTPUTS_ONLY = ("currentVersions", PENDING, INCOMPLETE)

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
