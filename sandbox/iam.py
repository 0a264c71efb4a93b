# ruff: noqa: SLF001  (ministack is pinned; its internals are what is corrected)
"""Corrections of ministack's IAM for the AWS plugin: operations that it doesn't have, conflicts that it overlooks.

Each handler takes the parameters of a query call and returns a response, as ministack's own do (behaviour.md USR-...,
OIDC-..., TAG-...).
"""

import functools
import re
from collections.abc import Callable
from typing import Any

from sandbox.tags import KEY, PATTERN, TAGS, VALUE, has_only_allowed, has_twice, is_reserved

Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, list[str]]], Response]
KEYS_OF_A_USER = 2


def correct(iam: Any) -> None:
    """Adds the handlers below to ministack's IAM, which keeps its state."""
    _Corrections(iam)


class _Corrections:
    def __init__(self, iam: Any) -> None:
        self._iam = iam
        self._original: dict[str, Handler] = dict(self._iam._IAM_HANDLERS)
        self._iam._IAM_HANDLERS.update(
            DeleteUser=self._delete_user,
            UpdateUser=self._update_user,
            CreateAccessKey=self._create_access_key,
            CreateOpenIDConnectProvider=self._create_provider,
            UpdateOpenIDConnectProviderThumbprint=self._of_provider(self._set_thumbprints),
            AddClientIDToOpenIDConnectProvider=self._of_provider(self._add_client),
            RemoveClientIDFromOpenIDConnectProvider=self._of_provider(self._remove_client),
            TagOpenIDConnectProvider=self._of_provider(self._tag),
            UntagOpenIDConnectProvider=self._of_provider(self._untag),
        )
        for action, handler in self._iam._IAM_HANDLERS.items():
            if action.startswith(("Create", "Tag")):
                self._iam._IAM_HANDLERS[action] = functools.partial(self._with_tags, handler)

    def _error(self, status: int, code: str, message: str) -> Response:
        response: Response = self._iam._error(status, code, message, ns="iam")
        return response

    def _done(self, action: str) -> Response:
        response: Response = self._iam._xml(200, f"{action}Response", "", ns="iam")
        return response

    # ---- tags -----------------------------------------------------------------------------------------------------

    def _with_tags(self, handler: Handler, p: dict[str, list[str]]) -> Response:
        tags = [(tag["Key"], tag["Value"]) for tag in _tags(p)]
        text = "1 validation error detected: Value '{}' at 'tags{}' failed to satisfy constraint: Member must {}"
        limits = ("key", KEY, "+"), ("value", VALUE, "*")
        for number, tag in enumerate(tags, 1):
            for (part, longest, repeated), content in zip(limits, tag, strict=True):
                wrong = f"have length less than or equal to {longest}" if len(content) > longest else ""
                if not has_only_allowed(content) or not (content or part == "value"):
                    wrong = f"satisfy regular expression pattern: {PATTERN}{repeated}"
                if wrong:
                    reason = text.format(content, f".{number}.member.{part}", wrong)
                    return self._error(400, "ValidationError", reason)
        keys = [key for key, _ in tags]
        if len(tags) > TAGS:
            reason = text.format(keys, "", f"have length less than or equal to {TAGS}")
            return self._error(400, "ValidationError", reason)
        if any(map(is_reserved, keys)):
            return self._error(400, "InvalidInput", "Tag keys that begin with aws: are reserved.")
        if has_twice(keys):  # in another case: ministack, which knows that only users and roles mind
            return self._error(400, "InvalidInput", self._iam.DUPLICATE_IDENTITY_TAG_KEYS)
        if len({*keys, *self._keys_of(p)}) > TAGS:
            return self._error(409, "LimitExceeded", f"Cannot exceed quota for tags: {TAGS}")
        return handler(p)

    def _keys_of(self, p: dict[str, list[str]]) -> list[str]:
        """The keys of the resource's tags, if the call adds to them."""
        iam = self._iam
        found: dict[str, Any] | None = {
            "TagRole": lambda: iam._roles.get(_first(p, "RoleName")),
            "TagUser": lambda: iam._users.get(_first(p, "UserName")),
            "TagPolicy": lambda: iam._policies.get(_first(p, "PolicyArn")),
            "TagOpenIDConnectProvider": lambda: iam._oidc_providers.get(_first(p, "OpenIDConnectProviderArn")),
        }.get(_first(p, "Action"), dict)()
        return [tag["Key"] for tag in (found or {}).get("Tags", [])]

    # ---- users ----------------------------------------------------------------------------------------------------

    def _delete_user(self, p: dict[str, list[str]]) -> Response:
        if self._iam._user_inline_policies.get(_first(p, "UserName")):
            return self._error(409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
        return self._original["DeleteUser"](p)

    def _update_user(self, p: dict[str, list[str]]) -> Response:
        users, name = self._iam._users, _first(p, "UserName")
        new = _first(p, "NewUserName") or name
        if name not in users:
            return self._error(404, "NoSuchEntity", f"The user with name {name} cannot be found.")
        if new != name and new in users:
            return self._error(409, "EntityAlreadyExists", f"User with name {new} already exists.")
        user = users.pop(name)
        path = _first(p, "NewPath") or user["Path"]
        account = user["Arn"].split(":")[4]
        users[new] = {**user, "UserName": new, "Path": path, "Arn": f"arn:aws:iam::{account}:user{path}{new}"}
        for key in self._iam._access_keys.values():
            if key["UserName"] == name:
                key["UserName"] = new
        policies = self._iam._user_inline_policies
        if name in policies:
            policies[new] = policies.pop(name)
        return self._done("UpdateUser")

    def _create_access_key(self, p: dict[str, list[str]]) -> Response:
        keys = [key for key in self._iam._access_keys.values() if key["UserName"] == _first(p, "UserName")]
        if len(keys) >= KEYS_OF_A_USER:
            text = f"Cannot exceed quota for AccessKeysPerUser: {KEYS_OF_A_USER}"
            return self._error(409, "LimitExceeded", text)
        return self._original["CreateAccessKey"](p)

    # ---- OpenID Connect providers ---------------------------------------------------------------------------------

    def _create_provider(self, p: dict[str, list[str]]) -> Response:
        url = _first(p, "Url")
        if not re.fullmatch(r"https://[^/?#]+(/[^?#]*)?", url):
            return self._error(400, "ValidationError", "Invalid Open ID Connect Provider URL")
        response = self._original["CreateOpenIDConnectProvider"](p)
        for provider in self._iam._oidc_providers.values():  # AWS stores and returns it without the scheme
            provider["Url"] = provider["Url"].removeprefix("https://")
        return response

    def _of_provider(self, change: Callable[[dict[str, Any], dict[str, list[str]]], None]) -> Handler:
        def handler(p: dict[str, list[str]]) -> Response:
            arn = _first(p, "OpenIDConnectProviderArn")
            provider = self._iam._oidc_providers.get(arn)
            if provider is None:
                return self._error(404, "NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}")
            change(provider, p)
            return self._done(_first(p, "Action"))

        return handler

    @staticmethod
    def _set_thumbprints(provider: dict[str, Any], p: dict[str, list[str]]) -> None:
        provider["ThumbprintList"] = _members(p, "ThumbprintList")

    @staticmethod
    def _add_client(provider: dict[str, Any], p: dict[str, list[str]]) -> None:
        provider["ClientIDList"] = list(dict.fromkeys([*provider["ClientIDList"], _first(p, "ClientID")]))

    @staticmethod
    def _remove_client(provider: dict[str, Any], p: dict[str, list[str]]) -> None:
        provider["ClientIDList"] = [client for client in provider["ClientIDList"] if client != _first(p, "ClientID")]

    def _tag(self, provider: dict[str, Any], p: dict[str, list[str]]) -> None:
        tags = {tag["Key"]: tag for tag in [*provider["Tags"], *self._iam._extract_tags(p)]}
        provider["Tags"] = list(tags.values())

    @staticmethod
    def _untag(provider: dict[str, Any], p: dict[str, list[str]]) -> None:
        keys = _members(p, "TagKeys")
        provider["Tags"] = [tag for tag in provider["Tags"] if tag["Key"] not in keys]


def _first(p: dict[str, list[str]], name: str) -> str:
    return p.get(name, [""])[0]


def _tags(p: dict[str, list[str]]) -> list[dict[str, str]]:
    """All tags of a call; ministack's own reader stops at an empty key."""
    numbers = sorted({int(m[1]) for name in p if (m := re.fullmatch(r"Tags\.member\.(\d+)\.(Key|Value)", name))})
    return [{part: _first(p, f"Tags.member.{number}.{part}") for part in ("Key", "Value")} for number in numbers]


def _members(p: dict[str, list[str]], name: str) -> list[str]:
    members = {key: values[0] for key, values in p.items() if key.startswith(f"{name}.member.")}
    return [members[key] for key in sorted(members, key=lambda key: int(key.rpartition(".")[2]))]
