"""The retry budget and the rate limiter: no clock, no sleep."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from packinfra.http.budget import RetryBudget
from packinfra.http.errors import AuthRejected
from packinfra.http.rate_limit import RateLimiter
from packinfra.http.retry import Failure, RetryPolicy, seconds_until
from packinfra.oci.errors import BlobMissing, NotAuthorized, RegistryError, Throttled


class Time:
    def __init__(self) -> None:
        self.now, self.sleeps = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(round(seconds, 6))
        self.now += seconds

    def budget(self, refresh: Callable[[AuthRejected], bool] = lambda _: False) -> RetryBudget:
        return RetryBudget(RetryPolicy(jitter=0.0, deadline=10.0), refresh, clock=lambda: self.now, sleep=self.sleep)


def failing(time: Time, took: float, *errors: RegistryError) -> Callable[[], str]:
    left = list(errors)

    def action() -> str:
        time.now += took
        if left:
            raise left.pop(0)
        return "done"

    return action


def broken(status: int = 503) -> RegistryError:
    return RegistryError("try", "it", status=status)


def rejected(challenge: str = "") -> NotAuthorized:
    error = NotAuthorized("try", "it", status=401)
    error.auth_rejected = AuthRejected("Basic x", challenge)
    return error


def test_lost_time_is_one_budget_for_all_requests() -> None:
    time = Time()
    budget = time.budget()
    assert budget.attempt(failing(time, 4.0, broken())) == "done"
    assert budget.attempt(failing(time, 4.0)) == "done"  # success costs nothing
    with pytest.raises(RegistryError):
        budget.attempt(failing(time, 4.0, broken(), broken()))
    assert time.sleeps == [0.5, 0.5]


def test_loops_do_not_multiply() -> None:
    time = Time()
    budget, runs = time.budget(), list[int]()

    def sequence() -> None:
        runs.append(1)
        budget.attempt(failing(time, 0.0, *[broken()] * 9))

    with pytest.raises(RegistryError):
        budget.repeat(sequence, BlobMissing)
    assert len(runs) == 1
    assert time.sleeps == [0.5, 1.0, 2.0, 4.0]


def test_credentials_are_refreshed_once_for_each_reason() -> None:
    time, refreshes = Time(), list[str]()

    def refresh(was: AuthRejected) -> bool:
        refreshes.append(was.challenge)
        return True

    budget = time.budget(refresh)
    assert budget.attempt(failing(time, 0.0, rejected("Bearer"), rejected(), broken())) == "done"
    assert refreshes == ["Bearer", ""]
    with pytest.raises(NotAuthorized):
        budget.attempt(failing(time, 0.0, rejected(), rejected()))
    assert refreshes == ["Bearer", "", ""]
    assert time.sleeps == [0.5]


def test_nothing_is_tried_again_after_a_cancel() -> None:
    time = Time()
    budget = time.budget()
    budget.cancel()
    with pytest.raises(RegistryError):
        budget.attempt(failing(time, 0.0, broken()))
    assert time.sleeps == []


def test_a_cancel_ends_a_pause() -> None:
    budget = RetryBudget(RetryPolicy(), clock=lambda: 0.0)

    def action() -> None:
        budget.cancel()
        raise Throttled("try", "it", status=429, failure=Failure(429, retry_after=100.0))

    with pytest.raises(Throttled):
        budget.attempt(action)


def test_ten_a_second() -> None:
    time = Time()
    limiter = RateLimiter(10.0, lambda: time.now, time.sleep)
    for _ in range(4):
        limiter.acquire()
        limiter.succeeded()
    assert time.sleeps == [0.1, 0.1, 0.1]
    time.now += 5.0  # what wasn't used is not saved up
    limiter.acquire()
    limiter.acquire()
    assert time.sleeps == [0.1] * 4


def test_a_burst_after_a_rest() -> None:
    time = Time()
    limiter = RateLimiter(10.0, lambda: time.now, time.sleep, burst=5)
    for _ in range(7):
        limiter.acquire()
    assert time.sleeps == [0.1, 0.1]
    time.now += 0.25
    for _ in range(4):
        limiter.acquire()
    assert time.sleeps == [0.1, 0.1, 0.05, 0.1]


def test_slower_after_a_429_and_faster_again() -> None:
    time = Time()
    limiter = RateLimiter(10.0, lambda: time.now, time.sleep)
    limiter.acquire()
    limiter.throttled()
    limiter.acquire()  # its turn was given before
    limiter.acquire()
    assert time.sleeps == [0.1, 0.2]
    for _ in range(20):
        limiter.throttled()
    limiter.acquire()
    limiter.acquire()
    assert time.sleeps[-1] == 1.6
    for _ in range(20):
        limiter.succeeded()
    limiter.acquire()
    limiter.acquire()
    assert time.sleeps[-1] == 0.1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Thu, 01 Jan 999999999999 00:02:00 GMT", None),
        ("Thu, 01 Jan 1970 00:02:00 +99999999999999999999", None),
        ("\u0663", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert seconds_until(value, now=100.0) == seconds
