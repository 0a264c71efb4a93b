"""A login with email and password, in place of an API key: its token (JWT) is good for 15 minutes (Palette's API
documentation)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

RENEW_AFTER = 600.0
"""Seconds after which a new token is fetched, well before the 15 minutes are over."""
_FORM = 'write {"email": "...", "password": "...", "org": "..."}; org may be left out'


@dataclass(frozen=True)
class Login:
    """org: the organisation's name, "" where the user has one only"""

    email: str
    password: str = field(repr=False)
    org: str = ""

    @classmethod
    def parse(cls, text: str) -> Login:
        """From the JSON of the secret. Raises ValueError with the reason, which doesn't repeat the text."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(_FORM) from None
        if not isinstance(document, dict) or document.keys() - {"email", "password", "org"}:
            raise ValueError(_FORM)
        values = [document.get(name, "") for name in ("email", "password", "org")]
        if not all(isinstance(value, str) for value in values) or not all(values[:2]):
            raise ValueError(_FORM)
        return cls(*values)

    def body(self) -> dict[str, str]:
        """Of POST /v1/auth/authenticate."""
        body = {"emailId": self.email, "password": self.password}
        return {**body, "org": self.org} if self.org else body


class TokenCache:
    """The token of one login, shared by all threads. fetch: logs in; clock: seconds"""

    def __init__(self, fetch: Callable[[], str], clock: Callable[[], float]) -> None:
        self._fetch, self._clock = fetch, clock
        self._lock = threading.Lock()
        self._token, self._since = "", 0.0

    @property
    def current(self) -> str:
        """For redaction; "" if there is none."""
        return self._token

    def get(self) -> str:
        with self._lock:
            if not self._token or self._clock() - self._since > RENEW_AFTER:
                self._token, self._since = self._fetch(), self._clock()
            return self._token

    def forget(self, token: str) -> None:
        """A token that was rejected; the next `get` logs in anew, unless another thread did."""
        with self._lock:
            if token == self._token:
                self._token = ""
