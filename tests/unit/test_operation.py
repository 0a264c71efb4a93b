"""The loop around attempts, and the pace: no clock, no sleep."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from packinfra.http.budget import RetryBudget
from packinfra.http.rate_limit import RateLimiter
from packinfra.http.retry import Failure, RetryPolicy, seconds_until
from packinfra.oci.errors import AuthRejected, BlobMissing, NotAuthorized, RegistryError, Throttled


class Time:
    def __init__(self) -> None:
        self.now, self.sleeps = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(round(seconds, 6))
        self.now += seconds

    def operation(self, renew: Callable[[AuthRejected], bool] = lambda _: False) -> RetryBudget:
        return RetryBudget(RetryPolicy(jitter=0.0, deadline=10.0), renew, lambda: self.now, self.sleep)


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


def stale(challenge: str = "") -> NotAuthorized:
    error = NotAuthorized("try", "it", status=401)
    error.stale = AuthRejected("Basic x", challenge)
    return error


def test_lost_time_is_one_budget_for_all_requests() -> None:
    time = Time()
    operation = time.operation()
    assert operation.attempt(failing(time, 4.0, broken())) == "done"
    assert operation.attempt(failing(time, 4.0)) == "done"  # success costs nothing
    with pytest.raises(RegistryError):
        operation.attempt(failing(time, 4.0, broken(), broken()))
    assert time.sleeps == [0.5, 0.5]


def test_loops_do_not_multiply() -> None:
    time = Time()
    operation, runs = time.operation(), list[int]()

    def sequence() -> None:
        runs.append(1)
        operation.attempt(failing(time, 0.0, *[broken()] * 9))

    with pytest.raises(RegistryError):
        operation.redo(sequence, BlobMissing)
    assert len(runs) == 1
    assert time.sleeps == [0.5, 1.0, 2.0, 4.0]


def test_a_login_is_renewed_once_for_each_reason() -> None:
    time, renewals = Time(), list[str]()

    def renew(was: AuthRejected) -> bool:
        renewals.append(was.challenge)
        return True

    operation = time.operation(renew)
    assert operation.attempt(failing(time, 0.0, stale("Bearer"), stale(), broken())) == "done"
    assert renewals == ["Bearer", ""]
    with pytest.raises(NotAuthorized):
        operation.attempt(failing(time, 0.0, stale(), stale()))
    assert renewals == ["Bearer", "", ""]
    assert time.sleeps == [0.5]


def test_nothing_is_tried_again_after_a_cancel() -> None:
    time = Time()
    operation = time.operation()
    operation.cancel()
    with pytest.raises(RegistryError):
        operation.attempt(failing(time, 0.0, broken()))
    assert time.sleeps == []


def test_a_cancel_ends_a_pause() -> None:
    operation = RetryBudget(RetryPolicy(), lambda _: False, lambda: 0.0)

    def action() -> None:
        operation.cancel()
        raise Throttled("try", "it", status=429, failure=Failure(429, retry_after=100.0))

    with pytest.raises(Throttled):
        operation.attempt(action)


def test_ten_a_second() -> None:
    time = Time()
    pace = RateLimiter(10.0, lambda: time.now, time.sleep)
    for _ in range(4):
        pace.wait()
        pace.accepted()
    assert time.sleeps == [0.1, 0.1, 0.1]
    time.now += 5.0  # what wasn't used is not saved up
    pace.wait()
    pace.wait()
    assert time.sleeps == [0.1] * 4


def test_a_burst_after_a_rest() -> None:
    time = Time()
    pace = RateLimiter(10.0, lambda: time.now, time.sleep, burst=5)
    for _ in range(7):
        pace.wait()
    assert time.sleeps == [0.1, 0.1]
    time.now += 0.25
    for _ in range(4):
        pace.wait()
    assert time.sleeps == [0.1, 0.1, 0.05, 0.1]


def test_slower_after_a_refusal_and_faster_again() -> None:
    time = Time()
    pace = RateLimiter(10.0, lambda: time.now, time.sleep)
    pace.wait()
    pace.refused()
    pace.wait()  # its turn was given before the refusal
    pace.wait()
    assert time.sleeps == [0.1, 0.2]
    for _ in range(20):
        pace.refused()
    pace.wait()
    pace.wait()
    assert time.sleeps[-1] == 1.6
    for _ in range(20):
        pace.accepted()
    pace.wait()
    pace.wait()
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
        ("\u0663", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert seconds_until(value, now=100.0) == seconds
