"""Retry decisions: a table, no clock."""

from __future__ import annotations

import pytest

from packinfra.http.retry import Failure, RetryPolicy, decide

POLICY = RetryPolicy(attempts=4, first=1.0, factor=2.0, longest=3.0, jitter=0.5, deadline=60.0)


@pytest.mark.parametrize(
    ("failure", "attempt", "elapsed", "randomness", "expected"),
    [
        (Failure(503), 1, 0.0, 0.0, 1.0),
        (Failure(503), 2, 0.0, 0.0, 2.0),
        (Failure(503), 3, 0.0, 0.0, 3.0),  # never longer than `longest`
        (Failure(503), 1, 0.0, 1.0, 0.5),  # jitter takes at most its share
        (Failure(503), 4, 0.0, 0.0, None),  # attempts are used up
        (Failure(503), 1, 59.5, 0.0, None),  # the deadline would pass
        (Failure(429, retry_after=30.0), 1, 0.0, 0.0, 30.0),  # in full, though beyond `longest`
        (Failure(429, retry_after=61.0), 1, 0.0, 0.0, None),  # or not at all
        (Failure(429, retry_after=0.0), 1, 0.0, 0.0, 1.0),
        (Failure(None, temporary=True), 1, 0.0, 0.0, 1.0),
        (Failure(None), 1, 0.0, 0.0, None),
        (Failure(404, temporary=True), 1, 0.0, 0.0, 1.0),
        *((Failure(status), 1, 0.0, 0.0, 1.0) for status in (408, 425, 429, 500, 502, 504)),
        *((Failure(status), 1, 0.0, 0.0, None) for status in (400, 401, 403, 404, 405, 409, 412, 413, 416, 501)),
    ],
)
def test_decide(failure: Failure, attempt: int, elapsed: float, randomness: float, expected: float | None) -> None:
    assert decide(POLICY, failure, attempt=attempt, elapsed=elapsed, randomness=lambda: randomness) == expected
