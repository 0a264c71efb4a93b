"""The loop around attempts: asks packinfra/retry.py what to do, and does it.

One RetryBudget is one thing that a caller asked for, "push" or "resolve". However many requests that takes, and in
however many threads, they share one budget of lost time, so no sequence of mishaps adds up beyond the deadline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from packinfra.http.retry import Failure, RetryPolicy, decide
from packinfra.oci.errors import AuthRejected, RegistryError

T = TypeVar("T")


class RetryBudget:
    """
    renew: takes what a refused login was and returns whether another one can be tried
    sleep: None = sleeps that `cancel` ends
    """

    def __init__(
        self,
        policy: RetryPolicy,
        renew: Callable[[AuthRejected], bool],
        clock: Callable[[], float],
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self._policy, self._renew, self._clock = policy, renew, clock
        self._cancelled = threading.Event()
        self._sleep = sleep or self._cancelled.wait
        self._lock = threading.Lock()
        self._lost = 0.0

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Nothing is tried again, in no thread."""
        self._cancelled.set()

    def attempt(self, action: Callable[[], T]) -> T:
        """Runs `action`, again while it fails in a way that may pass.

        A refused login is renewed at once, without a pause, but only once for each reason: after a challenge, and
        after the answer that it expired.
        """
        count, renewed = 1, set[bool]()
        while True:
            begun = self._clock()
            try:
                return action()
            except RegistryError as error:
                if error.stale:
                    answers_challenge = bool(error.stale.challenge)
                    if self.cancelled or answers_challenge in renewed or not self._renew(error.stale):
                        raise
                    renewed.add(answers_challenge)
                else:
                    self._pause(error, error.failure, count, self._clock() - begun)
                    count += 1

    def redo(self, action: Callable[[], T], kind: type[RegistryError]) -> T:
        """Runs a sequence of attempts, again if it fails with `kind`. What its attempts gave up on stays given up:
        loops inside of loops would multiply."""
        count = 1
        while True:
            try:
                return action()
            except kind as error:
                self._pause(error, Failure(error.status, temporary=True), count, 0.0)
                count += 1

    def _pause(self, error: RegistryError, failure: Failure, count: int, took: float) -> None:
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
