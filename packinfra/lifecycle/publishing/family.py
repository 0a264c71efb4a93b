"""What a family of publishing resources adds to the life that all of them share (life.py): how its versions are read, what
is uploaded for them, and when somebody else's image has the same content."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

from packinfra.errors import PackinfraError
from packinfra.lifecycle.publishing.archive_cache import ArchiveCache
from packinfra.lifecycle.publishing.state import PublishedVersion, Versions
from packinfra.oci.client import Client
from packinfra.oci.manifest import Manifest
from packinfra.oci.reference import Reference

Hashes = Mapping[str, str]
"""Path -> short hash: see file_hashes.py."""


class PublishError(PackinfraError):
    """A version cannot be published; nothing of it was."""


class Words(NamedTuple):
    """How messages speak of a family.

    one:    a member of it; holder: what holds a version; where: the version is written; besides: what is content beside files
    """

    one: str
    holder: str
    where: str
    besides: str = ""


@dataclass(frozen=True)
class Held:
    """A version that a source holds now.

    source: as messages name it
    hashes: of its files, as in state
    files:  of each of its files; None where `hashes` is all that is known
    content: what `Family.record` needs; None where the version is published and unchanged
    """

    source: str
    name: str
    version: str
    content_digest: str
    hashes: Hashes
    files: Hashes | None = None
    content: Any = None


class Upload(NamedTuple):
    """record: the planned one; another only if the same content makes other bytes than when it was planned"""

    manifest: Manifest
    blobs: Mapping[str, Callable[[], BinaryIO]]
    record: PublishedVersion


@dataclass(frozen=True)
class Foreign:
    """The image under a tag.

    record: ours, with the foreign digests
    same:   its content is ours
    hashes: path -> short hash, as in state
    reason: why nothing could be compared, if so
    """

    record: PublishedVersion
    same: bool = False
    hashes: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


class Sources(ABC):
    """The sources of one resource during one operation."""

    @abstractmethod
    def upload(self, name: str, version: str, record: PublishedVersion) -> AbstractContextManager[Upload]:
        """What is to be uploaded; the blobs can be opened inside. name: of the member, for messages.

        Raises PublishError if the sources no longer hold what was planned.
        """

    @abstractmethod
    def compare(self, client: Client, reference: Reference, record: PublishedVersion) -> Foreign:
        """Compares the image under the tag with `record`'s version. Raises a RegistryError if the registry doesn't respond."""


class Family(ABC):
    words: Words

    @abstractmethod
    def read(
        self, news: Mapping[str, Any], old: Versions, old_hashes: Mapping[str, Hashes], problems: list[str]
    ) -> list[Held]:
        """Every version that a source holds; adds the reasons why one can't be published to `problems`."""

    @abstractmethod
    def conflicts(self, held: Sequence[Held], repository: object) -> list[str]:
        """Why these can't be versions of one repository. repository: "host/path", or something else if it is unknown"""

    @abstractmethod
    def record(self, held: Held, created: str, order: int, archives: ArchiveCache) -> PublishedVersion:
        """The record of a version that is to be published. Raises ArchiveError."""

    @abstractmethod
    def sources(self, props: Mapping[str, Any], archives: ArchiveCache) -> Sources: ...
