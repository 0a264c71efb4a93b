"""A slow link on loopback: a forwarder that lets so many bits through in a second, so many seconds late.

    with Link("127.0.0.1:5000", rate=100e6, round_trip=0.02) as link:
        push(link.host)
        print(link.sent)

All connections share one link, as behind one uplink; each way has its own. A new connection waits for the round trip
that its handshake would take. A real link also has slow start, loss and a queue.
Without a rate it delays nothing and only counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from types import TracebackType
from typing import Self

_PIECE = 16 << 10
_AHEAD = 0.002  # seconds of the link that one connection may take in advance
_PIECES = 64  # of one connection that are on the link at once


class Link:
    """
    to:         host:port of whom it leads to
    rate:       bits per second each way; None = as fast as it goes
    round_trip: seconds
    host:       where it listens; sent, received: bytes that went to the far end, and came from it
    """

    def __init__(self, to: str, *, rate: float | None = None, round_trip: float = 0.0) -> None:
        self._to, _, port = to.rpartition(":")
        self._port = int(port)
        self._round_trip = round_trip
        self._up, self._down = _Way(rate, round_trip / 2), _Way(rate, round_trip / 2)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.host = ""

    @property
    def sent(self) -> int:
        return self._up.bytes

    @property
    def received(self) -> int:
        return self._down.bytes

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._connected, "127.0.0.1", 0, limit=_PIECE), self._loop
        ).result()
        self.host = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        self._listening = listening
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._listening.close()
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in rest:
                task.cancel()
            await asyncio.wait(rest)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(self._to, self._port, limit=_PIECE)
            ends.append(far_writer)
            await asyncio.sleep(self._round_trip)
            async with asyncio.TaskGroup() as tasks:  # a failure of one direction ends the connection
                for way, source, target in ((self._up, reader, far_writer), (self._down, far_reader, writer)):
                    underway: _Underway = asyncio.Queue(_PIECES)
                    tasks.create_task(way.depart(source, underway))
                    tasks.create_task(way.arrive(underway, target))
        except* (OSError, asyncio.CancelledError):  # either end gave the connection up, or the link is closed
            pass
        finally:
            for end in ends:
                end.close()


_Underway = asyncio.Queue[tuple[float, bytes]]


class _Way:
    """One direction. `_free`: when all that was let onto the link so far will have passed its entrance."""

    def __init__(self, rate: float | None, delay: float) -> None:
        self._seconds_per_byte = 8 / rate if rate else 0.0
        self._delay = delay
        self._free = 0.0
        self.bytes = 0

    async def depart(self, source: asyncio.StreamReader, underway: _Underway) -> None:
        while piece := await source.read(_PIECE):
            while (ahead := self._free - time.monotonic()) > _AHEAD:  # noqa: ASYNC110 - others push it on meanwhile
                await asyncio.sleep(ahead - _AHEAD / 2)
            self._free = max(self._free, time.monotonic()) + len(piece) * self._seconds_per_byte
            self.bytes += len(piece)
            await underway.put((self._free + self._delay, piece))
        await underway.put((time.monotonic() + self._delay, b""))

    async def arrive(self, underway: _Underway, target: asyncio.StreamWriter) -> None:
        while True:
            due, piece = await underway.get()
            if (left := due - time.monotonic()) > 0:
                await asyncio.sleep(left)
            if not piece:
                target.write_eof()
                return
            target.write(piece)
            await target.drain()


def measured(rate: float, round_trip: float) -> tuple[float, float]:
    """The measured link: bits per second of 4 MB in one direction, and seconds of a small request and response."""
    size = 4_000_000

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                length = int.from_bytes(await reader.readexactly(4), "big")
                await reader.readexactly(length)
                writer.write(b"!")
        writer.close()

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length: int) -> float:
        begun = time.perf_counter()
        writer.write(length.to_bytes(4, "big") + bytes(length))
        await reader.readexactly(1)
        return time.perf_counter() - begun

    async def both() -> tuple[float, float]:
        server = await asyncio.start_server(respond, "127.0.0.1", 0)
        with Link(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", rate=rate, round_trip=round_trip) as link:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(link.host.rpartition(":")[2]))
            small = sorted([await ask(reader, writer, 0) for _ in range(9)])[4]
            large = await ask(reader, writer, size)
            writer.close()
            await asyncio.sleep(round_trip)
        server.close()
        return size * 8 / (large - small), small

    # asyncio.run would leave the thread without the loop that Pulumi's mocks, in the same test process, rely on.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(both())
