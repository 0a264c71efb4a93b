"""API keys, users, and the tokens that they log in for (palette/behaviour.md PAL-1, PAL-104, PAL-105)."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sandbox.palette.errors import ApiError
from sandbox.palette.overrides import Overrides
from sandbox.palette.projects import Key
from sandbox.palette.spec import Json


class _User(NamedTuple):
    password: str
    key: Key
    needs_mfa: bool


@dataclass
class Logins:
    overrides: Overrides
    _keys: dict[str, Key] = field(default_factory=dict)
    _users: dict[tuple[str, str], _User] = field(default_factory=dict)  # by email and organisation
    _tokens: dict[str, tuple[Key, float]] = field(default_factory=dict)  # with the time of the login

    def make_key(self, key: Key) -> str:
        text = secrets.token_urlsafe(24)
        self._keys[text] = key
        return text

    def make_user(self, email: str, password: str, key: Key, *, mfa: bool) -> None:
        self._users[email, key.tenant] = _User(password, key, mfa)

    def authenticate(self, data: Json) -> Json:
        email, org, password = (data.get(name) or "" for name in ("emailId", "org", "password"))
        user = self._users.get((str(email), str(org)))
        if user is None or user.password != password:
            raise ApiError(401, "Unauthorized", f"email {email} or its password is not valid")
        token = ".".join(secrets.token_urlsafe(12) for _ in range(3))
        if not user.needs_mfa:
            self._tokens[token] = user.key, time.monotonic()
        return {"Authorization": token, "isMfa": user.needs_mfa}

    def caller(self, headers: Any) -> Key:
        """Raises ApiError."""
        if key := self._keys.get(headers.get("apikey", "")):
            return key
        key, since = self._tokens.get(headers.get("authorization", ""), (None, 0.0))
        if key is None or time.monotonic() > since + self.overrides.token_seconds:
            raise ApiError(401, "Unauthorized", "the API key or token is missing, expired or not valid")
        return key
