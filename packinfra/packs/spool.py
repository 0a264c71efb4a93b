"""Bytes that are kept until they are sent."""

from __future__ import annotations

import contextlib
import tempfile
from typing import BinaryIO, cast

from packinfra.packs.contents import KEEP


class Spool:
    """An archive's bytes: up to KEEP of them in memory, more in a file without a name, which goes with the process."""

    def __init__(self) -> None:
        file = tempfile.SpooledTemporaryFile(KEEP, prefix="packinfra-")  # noqa: SIM115 - closed by its last owner
        self.file = cast("BinaryIO", file)

    def open(self) -> BinaryIO:
        """A reader from the start, one at a time."""
        self.file.seek(0)
        return cast("BinaryIO", _Reader(self.file))

    def close(self) -> None:
        with contextlib.suppress(OSError):  # bytes that a full disk refused: `build` has reported that
            self.file.close()


class _Reader:
    """The file that an upload reads and closes; the archive stays open, since an upload may be repeated."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read

    def close(self) -> None:
        pass
