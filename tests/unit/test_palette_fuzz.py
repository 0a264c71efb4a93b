"""Whatever Palette responds: a PackinfraError or a right result, never another exception."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packinfra.errors import PackinfraError
from packinfra.http.client import Timeouts
from packinfra.http.rate_limit import RateLimiter
from packinfra.http.retry import RetryPolicy
from packinfra.palette import PaletteClient, PaletteTransport
from packinfra.palette.profile import Layer, ProfileVersion, StoredProfile, Variable
from tests.support.registrations import BASIC, ROLE
from tests.support.scripted_palette import KEY, Reply, ScriptedPalette

NAMES = st.sampled_from([
    "uid", "name", "items", "metadata", "spec", "status", "syncStatus", "listmeta", "continue", "tags", "version",
    "packUid", "packValues", "values", "endpoint", "credentials", "sts", "arn", "auth", "tls", "tenant", "tenantUid",
    "draft", "published", "packs", "manifests", "variables", "labels", "annotations", "versions", "inUseClusters",
    "results", "errors", "scope", "kind", "values", "packValues",
    "accountId", "externalId", "code", "message", "lastRunTime", "isSyncSupported", "registryType", "certificate",
])  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["u1", "\ud800", "\x1b[2J", "../..", "9999-12-31T23:59:59-23:59", "ecr", "hello", "web", "packs", "1.0.0", KEY, 10**400]),
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=24
)
BODIES = st.one_of(
    st.none(),
    JSON.map(json.dumps),
    st.dictionaries(NAMES, JSON, max_size=8).map(json.dumps),
    st.sampled_from(["", "<html>", "[" * 100_000, "{", "1" * 5000, '{"uid": "u1"}', "\ufeff{}", '{"uid":NaN}']),
)
CLOSE = {"Connection": "close"}  # where the client can't know where the response ends
HEADERS = st.sampled_from([
    {}, {"Location": "https://[x"}, {"Retry-After": "999999999999"}, {"Retry-After": "Mon, 01 Jan 999999999999 00:00:00 GMT"},
    {"Content-Type": "text/html"}, {"Content-Encoding": "gzip"}, {"Transfer-Encoding": "chunked", **CLOSE}, {"Content-Length": "x", **CLOSE},
])  # fmt: skip
STATUS = st.sampled_from(
    [200, 200, 200, 201, 202, 204, 206, 299, 302, 304, 400, 401, 403, 404, 409, 429, 500, 501, 503, 999]
)

PROFILE = ProfileVersion("web", "1.0.0", layers=(Layer("hello", "1.0.0", "u1", "u1"),), variables=(Variable("a"),))
CALLS: dict[str, Callable[[PaletteClient], object]] = {
    "principal": lambda client: client.principal(),
    "tenant": lambda client: client.tenant(),
    "registries": lambda client: client.registries(),
    "validate": lambda client: client.validate(ROLE),
    "create": lambda client: client.create(BASIC),
    "read": lambda client: client.read("ecr", "u1", "t1"),
    "update": lambda client: client.update("u1", ROLE),
    "delete": lambda client: client.delete("basic", "u1", "t1"),
    "sync": lambda client: client.sync("ecr", "u1"),
    "sync_status": lambda client: client.sync_status("ecr", "u1").age(0.0),
    "versions": lambda client: client.versions("hello", "u1"),
    "projects": lambda client: client.projects(),
    "resolve": lambda client: client.packs().resolve("packs", "hello", "1.0.0"),
    "find": lambda client: client.profiles("p1").find("web"),
    "get": lambda client: client.profiles("p1", "t1").get("u1"),
    "create profile": lambda client: client.profiles().create(PROFILE),
    "update profile": lambda client: client.profiles().update(
        StoredProfile("u1", replace(PROFILE, variables=())), PROFILE
    ),
    "delete profile": lambda client: client.profiles("p1", "t1").delete("u1"),
    "publish": lambda client: client.profiles().publish("u1"),
    "validate profile": lambda client: client.profiles("p1").validate(PROFILE),
}


@pytest.fixture(scope="module")
def palette(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedPalette]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with ScriptedPalette(folder) as running:
        yield running


@pytest.fixture(scope="module")
def client(palette: ScriptedPalette) -> PaletteClient:
    limiter = RateLimiter(10.0, lambda: 0.0, lambda _: None)
    policy = RetryPolicy(attempts=2, first=0.0)
    return PaletteClient(
        PaletteTransport(
            palette.host,
            KEY,
            ca_file=palette.ca_file,
            policy=policy,
            limiter=limiter,
            sleep=lambda _: None,
            timeouts=Timeouts(5.0, 5.0),
        )
    )


def reply(status: int, body: str | None, headers: dict[str, str]) -> Reply:
    return Reply(status, body, {**headers, **CLOSE} if status in (204, 304) else headers)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(replies=st.lists(st.builds(reply, STATUS, BODIES, HEADERS), min_size=1, max_size=3))
@pytest.mark.parametrize("call", CALLS)
def test_whatever_palette_responds(
    client: PaletteClient, palette: ScriptedPalette, call: str, replies: list[Reply]
) -> None:
    palette.forget()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        palette.on(method, "", *replies)
    try:
        result: Any = CALLS[call](client)
    except PackinfraError as error:
        assert KEY not in str(error)
        assert "\x1b" not in str(error)
        assert "\n  -> " in str(error)
    else:
        json.dumps(repr(result)).encode()  # it may go into state
