"""Faults on demand, and a record of every request, for tests of retries and of interruptions.

A fault hits the N-th request whose summary matches a pattern: before the request takes effect, in the middle of its
body, or after its effect and before its response. It holds the request, delays it, cuts its connection, or responds in
the service's place. None of this is part of the AWS that the sandbox stands for; behaviour.md (FLT-...) says what each
fault imitates, and ``control.py`` is the interface to it.
"""

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from sandbox.asgi import App, CutShortError, DroppedError, Message, Receive, Request, Scope, Send
from sandbox.responses import FAILURES, failure_response

KEPT = 100_000  # requests remembered
CHOICES = {
    "when": ("before", "during", "after"),
    "action": ("hold", "delay", "cut", "respond"),
    "response": ("", *FAILURES),
}
PARAMS: dict[str, tuple[type, ...]] = {
    "match": (str,),
    "nth": (int,),
    "times": (int,),
    "when": (str,),
    "action": (str,),
    "response": (str,),
    "seconds": (int, float),
    "headers": (dict,),
}


@dataclass
class Record:
    """One request. Patterns are compared with ``summary``: ``PUT /v2/...``, or ``ecr:CreateRepository name``."""

    number: int
    host: str
    summary: str
    received: int = 0  # bytes of its body
    status: int | None = None  # None while it runs, and if its connection was cut
    seconds: float | None = None
    fault: int | None = None


@dataclass
class Fault:
    id: int
    match: str = "*"
    nth: int = 1
    times: int = 1  # how many requests in a row, from the N-th on; 0 = all of them
    when: str = "before"
    action: str = "hold"
    response: str = ""
    seconds: float = 0
    headers: dict[str, str] = field(default_factory=dict)  # of the response, such as Retry-After
    matched: int = 0  # requests that matched the pattern
    hits: list[int] = field(default_factory=list)  # numbers of the requests that it was applied to
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _removed: bool = False

    @classmethod
    def parse(cls, number: int, params: dict[str, Any]) -> "Fault":
        """Raises ValueError with a readable reason."""
        for name, value in params.items():
            if name not in PARAMS:
                raise ValueError(f"a fault has no parameter {name}; it has {', '.join(PARAMS)}")
            if not isinstance(value, PARAMS[name]) or (name in CHOICES and value not in CHOICES[name]):
                raise ValueError(f"{name}={value!r} is none of {CHOICES.get(name) or PARAMS[name][0].__name__}")
        fault = cls(number, **params)
        if (fault.action == "respond") != bool(fault.response):
            raise ValueError(f"action respond, and no other, needs one of {', '.join(FAILURES)}")
        return fault

    def describe(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith("_")}

    def matches(self, summary: str) -> bool:
        """Counts a request, and says whether the fault applies to it."""
        if not fnmatchcase(summary, self.match):
            return False
        self.matched += 1
        return self.matched >= self.nth and (not self.times or self.matched < self.nth + self.times)

    def release(self) -> None:
        """Requests that it holds continue."""
        self._open.set()

    def remove(self) -> None:
        """Requests that it holds are cut: a request of a dead client must not take effect later."""
        self._removed = True
        self._open.set()

    async def apply(self) -> None:
        if self.action == "delay":
            await asyncio.sleep(self.seconds)
        if self.action == "hold":
            await self._open.wait()
        if self.action == "cut" or self._removed:
            raise DroppedError


@dataclass
class Faults:
    """All faults that are set, and all requests so far."""

    records: deque[Record] = field(default_factory=lambda: deque(maxlen=KEPT))
    faults: dict[int, Fault] = field(default_factory=dict)
    _requests: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def add(self, params: dict[str, Any]) -> Fault:
        fault = Fault.parse(next(self._ids), params)
        self.faults[fault.id] = fault
        return fault

    def remove(self, number: int) -> None:
        self.faults.pop(number).remove()

    def clear(self) -> None:
        for number in list(self.faults):
            self.remove(number)

    def listed(self, since: int) -> list[dict[str, Any]]:
        return [asdict(record) for record in self.records if record.number > since]

    async def __call__(
        self, summary: str, protocol: str, app: App, connection: "tuple[Scope, Receive, Send, Cut]"
    ) -> None:
        """Passes one request on to ``app``, as far as the faults allow."""
        scope, receive, send, cut = connection
        request = Request(scope, receive)
        record = Record(next(self._requests), request.host, summary)
        self.records.append(record)
        # Every pattern counts every request; the first fault that matches is applied.
        matching = [fault for fault in self.faults.values() if fault.matches(summary)]
        record.fault = matching[0].id if matching else None
        exchange = _Exchange(record, matching[0] if matching else None, protocol, request, send, cut)
        begin = time.monotonic()
        try:
            if await exchange.continues("before"):
                await app(scope, exchange.receive, exchange.send)
        except DroppedError:
            await exchange.drop()
        finally:
            record.seconds = round(time.monotonic() - begin, 4)


Cut = Callable[[], None]


@dataclass
class _Exchange:
    """One request on its way in, and its response on the way out."""

    record: Record
    fault: Fault | None
    protocol: str
    request: Request
    _send: Send
    _cut: Cut
    _read: bool = False  # its body, to the end
    _finished: bool = False  # the client has its response, or never gets one: what the service sends is dropped

    async def continues(self, when: str) -> bool:
        """Applies the fault if its time has come. False if the service shall not go on."""
        fault = self.fault
        if fault is None or fault.when != when or self.record.number in fault.hits:
            return not self._finished
        fault.hits.append(self.record.number)
        try:
            await fault.apply()
            if fault.action == "respond":
                await self._respond(fault)
        except DroppedError:
            await self.drop()
        except CutShortError:
            self._finished = True
        return not self._finished

    async def drop(self) -> None:
        self._finished = True
        self._cut()
        # The rest of the request is read, or the server would wait for ever to hand it over.
        with contextlib.suppress(CutShortError, TimeoutError):
            async with asyncio.timeout(5):
                await self._drain()

    async def _respond(self, fault: Fault) -> None:
        self._finished = True
        # To the end of the body, so that a client which sends before it reads gets the response.
        await self._drain()
        response = failure_response(fault.response, self.protocol, self.record.host)
        response.headers.update(fault.headers)
        self.record.status = response.status
        await response.send(self.request.method, self._send)

    async def _drain(self) -> None:
        while not self._read:
            await self._next()

    async def _next(self) -> Message:
        message = await self.request.receive()
        if message["type"] != "http.request":
            raise CutShortError
        self._read = not message.get("more_body")
        self.record.received += len(message.get("body", b""))
        return message

    async def receive(self) -> Message:
        if self.record.received and not self._read and not await self.continues("during"):
            return {"type": "http.disconnect"}
        if self._read:
            return await self.request.receive()
        try:
            return await self._next()
        except CutShortError:
            return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if await self.continues("after"):
            if message["type"] == "http.response.start":
                self.record.status = message["status"]
            await self._send(message)
