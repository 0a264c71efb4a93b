"""What an operation on a profile has done so far, so that state records it if the rest fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from packinfra.lifecycle.profiles.state import ProfileRecord, records_to_props
from packinfra.lifecycle.profiles.write import ProfileRefused
from packinfra.lifecycle.results import PartialFailure, Props

INPUTS_ONLY = ("layers", "published")
"""Not repeated in the outputs: `resolved` has the layers, and what is published belongs to one run."""
EDITED = "edited"
"""Output: what somebody changed in Palette in the current version, in words."""
INCOMPLETE = "incomplete"
"""Output: the operation failed midway, so that the inputs, which the engine keeps, name more than was done."""
OUTPUTS_ONLY = ("uid", "versions", "resolved", "projectUid", "tenant", EDITED, INCOMPLETE)


@dataclass
class Progress:
    """place: `projectUid` and `tenant`; layers: of the current version, as state records them"""

    props: Props
    place: Mapping[str, str]
    records: dict[str, ProfileRecord] = field(default_factory=dict)
    layers: list[dict[str, Any]] = field(default_factory=list)
    id: str = ""
    secrets_changed: bool = False

    def forced(self, version: str) -> bool:
        """Whether to write a recorded version although Palette may show no difference: in comments, and in secrets, which
        it masks."""
        record = self.records.get(version)
        return record is not None and (self.secrets_changed or record.declared != self.props.get("declared"))

    def keep(self, version: str, record: ProfileRecord, layers: list[dict[str, Any]]) -> None:
        self.records[version] = record
        self.layers = layers

    def is_current(self, version: str) -> bool:
        return bool(self.records) and max(self.records, key=lambda each: self.records[each].order) == version

    def outputs(self) -> Props:
        kept_ = {key: value for key, value in self.props.items() if key not in (*INPUTS_ONLY, *OUTPUTS_ONLY)}
        record = self.records.get(str(self.props["version"]))
        return {
            **kept_, **self.place, "uid": record.uid if record else None, "resolved": self.layers,
            "versions": records_to_props(self.records),
        }  # fmt: skip

    @contextmanager
    def recorded_if_it_fails(self) -> Iterator[None]:
        try:
            yield
        except ProfileRefused:  # before anything was written
            raise
        except Exception as error:
            if not self.records:
                raise
            id_ = self.id or f"{self.place['projectUid'] or 'tenant'}/{self.props['profileName']}"
            raise PartialFailure(error, id_, {**self.outputs(), INCOMPLETE: True}) from error
