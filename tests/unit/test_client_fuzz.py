"""Whatever a registry responds: a PackinfraError with a printable text, or a right result, within few requests and bytes."""

from __future__ import annotations

import io
import json
import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from packinfra.errors import PackinfraError
from packinfra.http.client import Timeouts
from packinfra.oci import Manifest, PushResult
from packinfra.oci.auth.credentials import Credentials, RegistryCredentials
from tests.support.oci import LAYER, Setup, manifest, sha
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

EXAMPLES = 25
MOST_REQUESTS = 200
"""Five attempts of each of a push's parts, with what explains a rejection; far below what a loop would make."""
SECRET = sha(b"password")[10:40]
"""Not in the source: Hypothesis reads literals there, and would have a registry repeat it where none ever does."""
Operation = Callable[[Setup], Any]


def _pull(setup: Setup) -> bytes:
    into = io.BytesIO()
    setup.client.pull(setup.reference, manifest().layers[0], into)
    return into.getvalue()


def _is_digest(result: Any) -> bool:
    return result is None or re.fullmatch(r"[a-z0-9.+_-]+:[0-9a-f]{32,}", result) is not None


OPERATIONS: dict[str, tuple[Operation, Callable[[Any], bool]]] = {
    "resolve": (lambda s: s.client.resolve(s.reference), _is_digest),
    "resolve, confirmed": (lambda s: s.client.resolve(s.reference, confirm_missing=True), _is_digest),
    "resolve, publishing": (lambda s: s.client.resolve(s.reference, publishing=True), _is_digest),
    "resolve by digest": (
        lambda s: s.client.resolve(s.tagged(manifest().digest)),
        lambda result: result in (None, manifest().digest),
    ),
    "manifest": (
        lambda s: s.client.manifest(s.reference),
        lambda result: result is None or (isinstance(result, Manifest) and all(d.size >= 0 for d in result.layers)),
    ),
    "tags": (lambda s: s.client.tags(s.reference), lambda result: all(re.fullmatch(r"[\w.-]+", tag) for tag in result)),
    "pull": (_pull, lambda result: result == LAYER),
    "push": (lambda s: s.push(), lambda result: isinstance(result, PushResult) and result.digest == manifest().digest),
    "delete": (lambda s: s.client.delete(s.reference, manifest().digest), lambda result: result is None),
}

# No "//": a redirect to a name would ask the network for it.
texts = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30).filter(lambda t: "//" not in t)
numbers = st.sampled_from([0, -1, 1.5, True, 10**400, float("inf"), float("nan"), "1e999"])
leaves = st.one_of(st.none(), st.booleans(), numbers, texts, st.sampled_from([sha(LAYER), "1.0.0", "UNAUTHORIZED"]))
shapes = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
KEYS = {
    "errors": [{"code": "DENIED", "message": "no"}], "tags": ["1.0.0"], "token": "abc", "expires_in": 60, "schemaVersion": 2,
    "config": manifest().config.as_json(), "layers": [manifest().layers[0].as_json()], "code": "X", "message": "why",
}  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """What a registry sends, with some of it replaced by anything."""
    document: dict[str, Any] = {key: KEYS[key] for key in draw(st.sets(st.sampled_from(sorted(KEYS)), max_size=5))}
    for key in draw(st.sets(st.sampled_from(sorted(KEYS)), max_size=2)):
        document[key] = draw(shapes)
    for key in ("config", "layers"):
        if key in document and draw(st.booleans()):
            described = {
                "mediaType": draw(leaves),
                "digest": draw(leaves),
                "size": draw(leaves),
                "annotations": draw(shapes),
            }
            document[key] = described if key == "config" else [described]
    return json.dumps(document).encode()


bodies = st.one_of(
    documents(),
    shapes.map(lambda shape: json.dumps(shape).encode()),
    st.binary(max_size=200),
    st.sampled_from([b"", manifest().body, LAYER, b"<html>", b"[" * 100_000, b'{"tags":["a' + b"x" * 100_000]),
    st.sampled_from(
        [error("NAME_UNKNOWN", f"echo {SECRET} \x1b[2J"), error("TAG_INVALID"), error("DENIED", "expired")]
    ),
)
locations = st.one_of(
    texts,
    st.sampled_from(
        ["/v2/x/manifests/y", "?a", "http://[", "http://h:port/", "ftp://127.0.0.1/", "https://127.0.0.1/", "http://127.1:1/",
         "http://user:pw@127.0.0.1:1/", "http://127.0.0.1:99999/", "//[::1]:1/", "\\\\x", "javascript:x", "http://127.0.0.1:1\\@x/"],
    ),
)  # fmt: skip
HEADERS = {
    "Location": locations,
    "Link": st.one_of(texts, locations.map(lambda link: f'<{link}>; rel="next"')),
    "Retry-After": st.one_of(
        texts, st.sampled_from(["0", "-1", "9" * 5000, "1e9", "Fri, 31 Dec 999999999999 23:59:59 GMT", "x" * 60_000])
    ),
    "Docker-Content-Digest": st.one_of(texts, st.sampled_from([manifest().digest, sha(LAYER), "sha256:abc"])),
    "WWW-Authenticate": st.one_of(
        texts,
        st.sampled_from(["Basic", "Bearer", 'Bearer realm=""', "Bearer " + "a" * 60_000]),
        locations.map(lambda realm: f'Bearer realm="{realm}",service="s"'),
        st.just('Bearer realm="/token",service="s",scope="x"'),
    ),
    "Warning": st.one_of(texts, texts.map(lambda text: f'299 - "{text} {SECRET}"'), st.just('299 - "' * 8000)),
    "Content-Type": st.one_of(
        texts, st.sampled_from(["text/html", "application/json", "application/vnd.oci.image.index.v1+json"])
    ),
    "Content-Encoding": st.sampled_from(["gzip", "br", "x"]),
    "Transfer-Encoding": st.sampled_from(["chunked", "x"]),
}
STATUS = [
    200,
    200,
    201,
    202,
    204,
    301,
    302,
    307,
    308,
    400,
    401,
    401,
    403,
    404,
    405,
    412,
    413,
    416,
    429,
    500,
    503,
    507,
    599,
]
replies = st.builds(
    Reply,
    st.sampled_from(STATUS),
    st.fixed_dictionaries({}, optional=HEADERS),
    bodies,
    drop=st.sampled_from([False] * 9 + [True]),
    cut=st.sampled_from([1 << 20] * 9 + [3]),  # each connection ends, so that nobody waits for the rest of a broken one
)


def outcome(script: list[Reply], operation: str, *, again: bool) -> Any:
    """The operation on a registry that gives these replies, regular ones afterwards or the same all over again."""
    act, is_right = OPERATIONS[operation]
    rest = list(script)
    with ScriptedRegistry() as registry:
        registry.issued["abc"] = "repository:base/spectro-packs/archive/hello:pull,push,delete"

        def scripted(_method: str, _path: str) -> Reply | None:
            with registry.lock:
                if not rest and again:
                    rest.extend(script)
                return rest.pop(0) if rest else None

        registry.scripted = scripted  # type: ignore[assignment,method-assign]
        login = RegistryCredentials(registry.host, Credentials("robot", SECRET))
        setup = Setup(registry, credentials=login, timeouts=Timeouts(connect=1.0, read=1.0, finish=1.0))
        with setup.client:
            try:
                result = act(setup)
            except PackinfraError as failure:
                result = failure
        assert len(registry.seen) <= MOST_REQUESTS
        assert sum(setup.sleeps) <= 5 * 150.0
        texts = [*setup.warnings, *([str(result)] if isinstance(result, PackinfraError) else [])]
        for text in texts:
            assert text.replace("\n", "").isprintable()
            assert SECRET not in text
            assert len(text) < 5000
        if isinstance(result, PackinfraError):
            assert "\n  -> " in str(result)
        else:
            assert is_right(result), result
        return result


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(script=st.lists(replies, min_size=1, max_size=4), again=st.booleans())
@example(script=[Reply(200, {"Link": "<" * 60_000}, b'{"tags":["a"]}')], again=True)
@example(
    script=[Reply(401, {"WWW-Authenticate": 'Bearer realm="/token"'}), Reply(200, body=b"[" * 200_000)], again=True
)
@example(
    script=[Reply(200, body=json.dumps({"schemaVersion": 2, "config": {"size": float("inf")}}).encode())], again=True
)
def test_any_response(script: list[Reply], operation: str, again: bool) -> None:
    outcome(script, operation, again=again)


@pytest.mark.parametrize(("operation", "status"), [*((operation, 200) for operation in OPERATIONS), ("push", 400)])
def test_a_body_without_an_end(operation: str, status: int) -> None:
    """16 MiB stand for it: of an error 64 KiB are read, of a manifest or a list 4 MiB, of a layer as much as was announced."""
    body = b'{"tags":["' + b"x" * (16 << 20)
    replies = [Reply(status, {"Content-Type": "application/json"}, body)]
    tracemalloc.start()
    try:
        outcome(replies, operation, again=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
