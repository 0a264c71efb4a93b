"""Faults on demand, and a record of every request: what tests of retries and of kills stand on.

A fault strikes the N-th request whose description fits a pattern, before the request takes effect, in the middle of
its body, or after it took effect and before its answer leaves. It holds the request, delays it, cuts its connection,
or answers in the service's place. Nothing of this is part of the AWS that the sandbox stands for; behaviour.md
(FLT-...) says what each fault imitates, and ``control.py`` is the way to it.
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

from sandbox.answers import TROUBLES, trouble
from sandbox.asgi import App, CutShortError, DroppedError, Message, Receive, Request, Scope, Send

KEPT = 100_000  # requests remembered
CHOICES = {
    "when": ("before", "during", "after"),
    "action": ("hold", "delay", "cut", "answer"),
    "answer": ("", *TROUBLES),
}
WISHES: dict[str, tuple[type, ...]] = {
    "match": (str,),
    "nth": (int,),
    "times": (int,),
    "when": (str,),
    "action": (str,),
    "answer": (str,),
    "seconds": (int, float),
    "headers": (dict,),
}


@dataclass
class Record:
    """One request. ``what`` is what patterns are compared with: ``PUT /v2/...``, or ``ecr:CreateRepository name``."""

    number: int
    host: str
    what: str
    received: int = 0  # bytes of its body
    status: int | None = None  # none while it runs, and when its connection was cut
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
    answer: str = ""
    seconds: float = 0
    headers: dict[str, str] = field(default_factory=dict)  # of the answer, such as Retry-After
    seen: int = 0  # requests that fitted the pattern
    struck: list[int] = field(default_factory=list)  # numbers of the requests it befell
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _removed: bool = False

    @classmethod
    def parse(cls, number: int, wishes: dict[str, Any]) -> "Fault":
        """Raises ValueError with a readable reason."""
        for name, value in wishes.items():
            if name not in WISHES:
                raise ValueError(f"a fault has no {name}; it has {', '.join(WISHES)}")
            if not isinstance(value, WISHES[name]) or (name in CHOICES and value not in CHOICES[name]):
                raise ValueError(f"{name}={value!r} is none of {CHOICES.get(name) or WISHES[name][0].__name__}")
        fault = cls(number, **wishes)
        if (fault.action == "answer") != bool(fault.answer):
            raise ValueError(f"action answer, and only it, needs one of {', '.join(TROUBLES)}")
        return fault

    def describe(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if not f.name.startswith("_")}

    def strikes(self, what: str) -> bool:
        if not fnmatchcase(what, self.match):
            return False
        self.seen += 1
        return self.seen >= self.nth and (not self.times or self.seen < self.nth + self.times)

    def release(self) -> None:
        """What is held goes on."""
        self._open.set()

    def remove(self) -> None:
        """What is held is cut: once its client is dead it must not take effect after all."""
        self._removed = True
        self._open.set()

    async def befall(self) -> None:
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

    def add(self, wishes: dict[str, Any]) -> Fault:
        fault = Fault.parse(next(self._ids), wishes)
        self.faults[fault.id] = fault
        return fault

    def remove(self, number: int) -> None:
        self.faults.pop(number).remove()

    def clear(self) -> None:
        for number in list(self.faults):
            self.remove(number)

    def listed(self, since: int) -> list[dict[str, Any]]:
        return [asdict(record) for record in self.records if record.number > since]

    async def __call__(self, what: str, dialect: str, app: App, passage: "tuple[Scope, Receive, Send, Cut]") -> None:
        """Passes one request on to ``app``, as far as the faults allow."""
        scope, receive, send, cut = passage
        request = Request(scope, receive)
        record = Record(next(self._requests), request.host, what)
        self.records.append(record)
        # Every pattern counts every request; the first fault that wants this one has it.
        wanting = [fault for fault in self.faults.values() if fault.strikes(what)]
        record.fault = wanting[0].id if wanting else None
        way = _Way(record, wanting[0] if wanting else None, dialect, request, send, cut)
        begin = time.monotonic()
        try:
            if await way.is_open("before"):
                await app(scope, way.receive, way.send)
        except DroppedError:
            await way.drop()
        finally:
            record.seconds = round(time.monotonic() - begin, 4)


Cut = Callable[[], None]


@dataclass
class _Way:
    """The way of one request in, and of its answer out."""

    record: Record
    fault: Fault | None
    dialect: str
    request: Request
    _send: Send
    _cut: Cut
    _read: bool = False  # its body, to the end
    _over: bool = False  # the client has had its answer, or never will: what the service still says is dropped

    async def is_open(self, when: str) -> bool:
        """Whether the request's own course goes on at this point."""
        fault = self.fault
        if fault is None or fault.when != when or self.record.number in fault.struck:
            return not self._over
        fault.struck.append(self.record.number)
        try:
            await fault.befall()
            if fault.action == "answer":
                await self._answer(fault)
        except DroppedError:
            await self.drop()
        except CutShortError:
            self._over = True
        return not self._over

    async def drop(self) -> None:
        self._over = True
        self._cut()
        # What the client had sent is taken in, or the server would wait for ever to hand it over.
        with contextlib.suppress(CutShortError, TimeoutError):
            async with asyncio.timeout(5):
                await self._drain()

    async def _answer(self, fault: Fault) -> None:
        self._over = True
        # To the end of its body, so that a client which sends before it listens hears the answer.
        await self._drain()
        answer = trouble(fault.answer, self.dialect, self.record.host)
        answer.headers.update(fault.headers)
        self.record.status = answer.status
        await answer.send(self.request.method, self._send)

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
        if self.record.received and not self._read and not await self.is_open("during"):
            return {"type": "http.disconnect"}
        if self._read:
            return await self.request.receive()
        try:
            return await self._next()
        except CutShortError:
            return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if await self.is_open("after"):
            if message["type"] == "http.response.start":
                self.record.status = message["status"]
            await self._send(message)
