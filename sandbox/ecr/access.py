"""Callers, the tokens of ``/v2``, and the check of every action by IAM."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple


class Caller(NamedTuple):
    """A caller with a verified signature, by access key; its permissions are looked up at every request."""

    access_key: str
    account: str


class DeniedError(Exception):
    """IAM denies the action; the message is AWS's and names user, action and resource."""


# caller, action, resource ARN; raises DeniedError.
Authorize = Callable[[Caller, str, str], None]


class Token(NamedTuple):
    caller: Caller
    region: str
    expires: float


@dataclass
class Tokens:
    """The authorization tokens issued so far. They live in memory only."""

    seconds: float
    issued: dict[str, Token] = field(default_factory=dict)

    def issue(self, caller: Caller, region: str) -> tuple[str, float]:
        text, expires = secrets.token_urlsafe(96), time.time() + self.seconds
        self.issued[text] = Token(caller, region, expires)
        return text, expires
