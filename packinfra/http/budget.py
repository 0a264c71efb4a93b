"""The loop around attempts: takes the decision from retry.py, and acts on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from packinfra.http.errors import AuthRejected, ServiceError
from packinfra.http.retry import Failure, RetryPolicy, decide

T = TypeVar("T")


class RetryBudget:
    """The time that one call ("push", "resolve") may lose to failures, all its requests and threads together.

    refresh: takes rejected credentials and returns whether others can be tried; sleep: None = sleeps that `cancel` ends
    """

    def __init__(
        self,
        policy: RetryPolicy,
        refresh: Callable[[AuthRejected], bool] = lambda _: False,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._policy, self._refresh, self._clock = policy, refresh, clock
        self._cancelled = threading.Event()
        self._sleep = sleep or self._cancelled.wait
        self._lock = threading.Lock()
        self._lost = 0.0

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ends all attempts, in all threads."""
        self._cancelled.set()

    def attempt(self, action: Callable[[], T]) -> T:
        """Runs `action`, again while it fails in a way that may pass.

        Rejected credentials are refreshed at once, without a pause, but only once for each reason: a challenge, and
        an expiry.
        """
        count, refreshed = 1, set[bool]()
        while True:
            begun = self._clock()
            try:
                return action()
            except ServiceError as error:
                if rejected := error.auth_rejected:
                    challenged = bool(rejected.challenge)
                    if self.cancelled or challenged in refreshed or not self._refresh(rejected):
                        raise
                    refreshed.add(challenged)
                else:
                    self._pause(error, error.failure, count, self._clock() - begun)
                    count += 1

    def repeat(self, action: Callable[[], T], kind: type[ServiceError]) -> T:
        """Runs a sequence of attempts, again if it fails with `kind`; other errors were tried often enough inside."""
        count = 1
        while True:
            try:
                return action()
            except kind as error:
                self._pause(error, Failure(error.status, temporary=True), count, 0.0)
                count += 1

    def _pause(self, error: ServiceError, failure: Failure, count: int, took: float) -> None:
        """Waits until the next attempt, or raises the error if there is none."""
        with self._lock:
            self._lost += took
            pause = None if self.cancelled else decide(self._policy, failure, attempt=count, elapsed=self._lost)
            if pause is None:
                raise error
            self._lost += pause
        self._sleep(pause)
        if self.cancelled:
            raise error
