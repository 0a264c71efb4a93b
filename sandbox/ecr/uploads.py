"""Upload sessions: bytes go to a file as they arrive, so memory stays flat (behaviour.md BLOB-7 to BLOB-16)."""

import hashlib
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.asgi import Request
from sandbox.ecr.errors import ApiError
from sandbox.ecr.state import Repository

if TYPE_CHECKING:
    from hashlib import _Hash

PART_MINIMUM = 5 * 1024 * 1024
_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?")


@dataclass
class Upload:
    """One session. Its file lies in the repository's folder, so it goes with the repository."""

    id: str
    repository: Repository
    received: int = 0
    parts: list[int] = field(default_factory=list)
    hash: "_Hash" = field(default_factory=hashlib.sha256)
    is_open: bool = (
        True  # accepts more bytes: not after a success, a failure or a broken body, and not while a body arrives
    )

    @property
    def file(self) -> Path:
        return self.repository.folder / f"upload-{self.id}"

    async def append(self, request: Request) -> None:
        """Appends the body of one request, which must follow the bytes that the session has."""
        match = _RANGE.fullmatch(request.headers.get("content-range", "0-0"))
        start = int(match[1]) if match else -1
        if start != self.received or not self.is_open:
            # The address is good for one body, even for one that failed (apple/containerization#790).
            raise self._spent(start)
        self.is_open = False
        try:
            with self.file.open("ab") as stream:
                async for piece in request.body():
                    stream.write(piece)
                    self.hash.update(piece)
                    self.received += len(piece)
        except FileNotFoundError:  # the repository was deleted
            raise ApiError("UploadNotFoundException", f"The upload '{self.id}' does not exist") from None
        except BaseException:  # cut short: these bytes belong to no blob
            self.file.unlink(missing_ok=True)
            raise
        self.parts.append(self.received - start)
        self.is_open = True

    def finish(self, digest: str) -> None:
        """Turns the bytes into a blob of the repository. The file is always removed; the session is spent."""
        if not self.is_open:
            raise self._spent(0)
        self.is_open = False
        try:
            if not self.received:
                raise ApiError("EmptyUploadException", f"Upload with upload id '{self.id}' does not have any parts")
            if any(part < PART_MINIMUM for part in [part for part in self.parts if part][:-1]):
                raise ApiError("LayerPartTooSmallException", f"Layer parts must be at least {PART_MINIMUM} bytes")
            actual = "sha256:" + self.hash.hexdigest()
            if digest != actual:
                raise ApiError("InvalidLayerException", f"The layer's digest is {actual}, not {digest}")
            self.file.replace(self.repository.blob(digest))
        except FileNotFoundError:  # the repository was deleted
            raise ApiError("UploadNotFoundException", f"The upload '{self.id}' does not exist") from None
        finally:
            self.file.unlink(missing_ok=True)

    def _spent(self, start: int) -> ApiError:
        return ApiError(
            "InvalidLayerPartException", f"First byte of the layer part is {start} instead of {self.received}"
        )


@dataclass
class Uploads:
    sessions: dict[str, Upload] = field(default_factory=dict)

    def start(self, repository: Repository) -> Upload:
        upload_id = str(uuid.uuid4())
        self.sessions[upload_id] = Upload(upload_id, repository)
        return self.sessions[upload_id]

    def find(self, upload_id: str, repository: Repository) -> Upload:
        upload = self.sessions.get(upload_id)
        if upload is None or upload.repository is not repository:
            raise ApiError(
                "UploadNotFoundException",
                f"The upload with upload id '{upload_id}' does not exist in the repository '{repository.name}'",
            )
        return upload
