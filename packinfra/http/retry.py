"""Which requests are tried again, when, and for how long: pure decisions, without clock, sleep or network.

    >>> policy = RetryPolicy(attempts=3, first=1.0, jitter=0.0)
    >>> decide(policy, Failure(status=503), attempt=1, elapsed=0.2)
    1.0
    >>> decide(policy, Failure(status=404), attempt=1, elapsed=0.2) is None
    True

The loop is in budget.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from random import random

TEMPORARY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that a later attempt may turn into success: those that oras-go, go-containerregistry and regclient retry."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long.

    Args:
        attempts: How many in all, the first included.
        first: Seconds before the second attempt; each later pause is `factor` times the one before, up to `longest`.
        jitter: Share of a pause that is random, so that clients which failed together don't return together.
        deadline: Time budget in seconds for failed attempts and backoff, of all requests of one call together. The
            provider host has only four threads (pulumi/pulumi#13841: operations beyond about 180 s have hung).
    """

    attempts: int = 5
    first: float = 0.5
    factor: float = 2.0
    longest: float = 20.0
    jitter: float = 0.5
    deadline: float = 150.0


@dataclass(frozen=True)
class Failure:
    """One failed attempt: the response's status (None = no response), and the server's Retry-After in seconds."""

    status: int | None
    retry_after: float | None = None
    temporary: bool = False
    """Worth another attempt whatever its status: an upload session that vanished, a connection that broke."""


def decide(
    policy: RetryPolicy,
    failure: Failure,
    *,
    attempt: int,
    elapsed: float,
    randomness: Callable[[], float] = random,
) -> float | None:
    """Seconds to wait before the next attempt, or None: give up.

    Retry-After is honoured in full, or not at all where it would pass the deadline: returning earlier than asked
    only feeds a throttle.

    attempt: number of the one that just failed, from 1; elapsed: seconds lost so far
    """
    if not (failure.temporary or failure.status in TEMPORARY_STATUS) or attempt >= policy.attempts:
        return None
    pause = min(policy.longest, policy.first * policy.factor ** (attempt - 1))
    pause *= 1.0 - policy.jitter * randomness()
    if failure.retry_after is not None:
        pause = max(pause, failure.retry_after)
    return pause if elapsed + pause <= policy.deadline else None


def seconds_until(retry_after: str, now: float) -> float | None:
    """The value of a Retry-After header, a number or an HTTP date (RFC 9110, 10.2.3), in seconds; None if neither.

    >>> seconds_until("7", 0.0), seconds_until("Thu, 01 Jan 1970 00:01:00 GMT", 20.0), seconds_until("soon", 0.0)
    (7.0, 40.0, None)
    """
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except (ValueError, OverflowError):  # OverflowError: a year or a zone far out of range
        return None
