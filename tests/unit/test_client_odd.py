"""The client against every odd response that registries are known to give: outcome, requests, bytes sent, pauses.

Each case publishes one version into a repository that has `{}` already, which takes 6 requests and the bytes of layer
and manifest. The tables say how much more, or less, it was.
"""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from email.utils import formatdate

import pytest

from packinfra.aws.ecr import TRAITS
from packinfra.http.client import Timeouts
from packinfra.oci import RegistryError
from packinfra.oci.errors import (
    BlobMissing,
    DigestMismatch,
    NotAuthorized,
    QuotaExceeded,
    RepositoryMissing,
    TagImmutable,
    Throttled,
    TimedOut,
    Unreachable,
)
from tests.support.oci import LAYER, manifest, prepared, sha
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

REQUESTS, BYTES = 6, len(LAYER) + len(manifest().body)
LOOK_UP, FIND, BEGIN = ("HEAD", "/manifests/"), ("HEAD", sha(LAYER)), ("POST", "/uploads/")
UPLOAD, PUBLISH = ("PUT", "/uploads/"), ("PUT", "/manifests/")
EXPIRED = b"Your authorization token has expired. Reauthenticate and try again."
PAUSES = [0.5, 1.0, 2.0, 4.0]


@dataclass(frozen=True)
class Passes:
    """what, when: the script; requests, sent: more than usual; renewed: logins"""

    what: str
    where: tuple[str, str]
    replies: tuple[Reply, ...]
    requests: int = 1
    sent: int = 0
    sleeps: tuple[float, ...] = (0.5,)
    renewed: int = 0


PASSES = [
    Passes("500 on HEAD", LOOK_UP, (Reply(500),)),
    Passes("502 with a page", BEGIN, (Reply(502, {"Content-Type": "text/html"}, b"<html>bad gateway</html>"),)),
    Passes("503", FIND, (Reply(503),)),
    Passes("504 after the manifest was stored", PUBLISH, (Reply(504, after=True),), sent=len(manifest().body)),
    Passes("408, 425", FIND, (Reply(408), Reply(425)), requests=2, sleeps=(0.5, 1.0)),
    Passes("429 without Retry-After", FIND, (Reply(429),)),
    Passes("429 with seconds", FIND, (Reply(429, {"Retry-After": "7"}),), sleeps=(7.0,)),
    Passes("429 with zero", FIND, (Reply(429, {"Retry-After": "0"}),)),
    Passes("429 with a date gone by", FIND, (Reply(429, {"Retry-After": formatdate(0, usegmt=True)}),)),
    Passes("429 with nonsense", FIND, (Reply(429, {"Retry-After": "-1 soon"}),)),
    Passes("429 with a year out of range", FIND,
           (Reply(429, {"Retry-After": "Fri, 31 Dec 999999999999 23:59:59 GMT"}),)),
    Passes("429 with a zone out of range", FIND,
           (Reply(429, {"Retry-After": f"Fri, 31 Dec 1999 23:59:59 +{'9' * 20}"}),)),
    Passes("503 of ECR's older throttle", PUBLISH, (Reply(503, body=error("TOOMANYREQUESTS", "Rate exceeded")),),
           sent=len(manifest().body)),
    Passes("dropped: HEAD of the tag", LOOK_UP, (Reply(drop=True),)),
    Passes("dropped: HEAD of the blob", FIND, (Reply(drop=True),)),
    Passes("dropped: POST", BEGIN, (Reply(drop=True),)),
    Passes("dropped: after the POST was done", BEGIN, (Reply(drop=True, after=True),)),
    Passes("dropped: before the body", UPLOAD, (Reply(drop=True, take=0),), requests=2),
    Passes("dropped: within the body", UPLOAD, (Reply(drop=True, take=1000),), requests=2, sent=1000),
    Passes("dropped: after the body", UPLOAD, (Reply(drop=True, after=True),), requests=2, sent=len(LAYER)),
    Passes("dropped: manifest, before", PUBLISH, (Reply(drop=True, take=0),)),
    Passes("dropped: manifest, after", PUBLISH, (Reply(drop=True, after=True),), sent=len(manifest().body)),
    Passes("response cut within an error", UPLOAD, (Reply(500, body=b"x" * 100, cut=10),), requests=2, sent=len(LAYER)),
    Passes("upload failed on the server", UPLOAD, (Reply(500),), requests=2, sent=len(LAYER)),
    Passes("416 of a session used before (apple/containerization#790)", UPLOAD,
           (Reply(416, body=error("BLOB_UPLOAD_INVALID")),), requests=2, sent=len(LAYER)),
    Passes("404 of a session gone", UPLOAD, (Reply(404, body=error("BLOB_UPLOAD_UNKNOWN")),), requests=2,
           sent=len(LAYER)),
    Passes("DIGEST_INVALID while another pushes the same blob", UPLOAD, (Reply(400, body=error("DIGEST_INVALID")),),
           requests=2, sent=len(LAYER)),
    Passes("MANIFEST_BLOB_UNKNOWN while another pushes", PUBLISH, (Reply(400, body=error("MANIFEST_BLOB_UNKNOWN")),),
           requests=3, sent=len(manifest().body)),
    Passes("DIGEST_INVALID for a manifest while another pushes", PUBLISH, (Reply(400, body=error("DIGEST_INVALID")),),
           requests=3, sent=len(manifest().body)),
    Passes("ECR's word for it (oras-py#54)", PUBLISH, (Reply(400, body=error("BLOB_UPLOAD_UNKNOWN", "Layers with")),),
           requests=3, sent=len(manifest().body)),
    Passes("401 on the tag", LOOK_UP, (Reply(401),), requests=2, sleeps=(), renewed=1),  # and GET for the reason
    Passes("401 before the body", UPLOAD, (Reply(401, take=0),), requests=2, sleeps=(), renewed=1),
    Passes("401 within the body", UPLOAD, (Reply(401, take=1000),), requests=2, sent=1000, sleeps=(), renewed=1),
    Passes("403 expired within the body", UPLOAD, (Reply(403, body=EXPIRED, take=1000),), requests=2, sent=1000,
           sleeps=(), renewed=1),
    Passes("403 expired as JSON", PUBLISH, (Reply(403, body=error("DENIED", EXPIRED.decode())),),
           sent=len(manifest().body), sleeps=(), renewed=1),
    Passes("401, then 503, then 401", BEGIN, (Reply(401), Reply(503)), requests=2, renewed=1),
    Passes("interim responses", UPLOAD, (Reply(201, interim=(100, 100), after=True),), requests=0, sleeps=()),
    Passes("slow final response", UPLOAD, (Reply(201, delay=0.5, after=True),), requests=0, sleeps=()),
    Passes("200 for the manifest", PUBLISH, (Reply(200, after=True),), requests=0, sleeps=()),
]  # fmt: skip


@pytest.mark.parametrize("case", PASSES, ids=lambda case: case.what)
def test_what_passes(registry: ScriptedRegistry, case: Passes) -> None:
    setup = prepared(registry, timeouts=Timeouts(connect=0.3, read=0.4, finish=5.0))
    registry.next(*case.where, *case.replies)
    assert setup.publish().digest == manifest().digest
    assert len(registry.seen) == REQUESTS + case.requests
    assert registry.sent == BYTES + case.sent
    assert tuple(setup.sleeps) == case.sleeps
    assert setup.credentials.renewed == case.renewed
    assert registry.manifests[setup.reference.repository, "1.0.0"] == manifest().body
    used = [seen.path for seen in registry.seen if seen.method == "PUT" and "/uploads/" in seen.path]
    assert len(used) == len(set(used)), "each attempt needs an upload session of its own"


def test_retry_after_as_a_date(registry: ScriptedRegistry) -> None:
    setup = prepared(registry)
    registry.next(*FIND, Reply(429, {"Retry-After": formatdate(time.time() + 60, usegmt=True)}))
    setup.publish()
    assert 55 < setup.sleeps[0] <= 61


@dataclass(frozen=True)
class Fails:
    what: str
    where: tuple[str, str]
    replies: tuple[Reply, ...]
    kind: type[RegistryError]
    message: str
    requests: int
    sleeps: tuple[float, ...] = ()


ENDLESS = {"Retry-After": "9" * 5000}
GONE = error("NAME_UNKNOWN", "The repository with name 'hello' does not exist in the registry")
FAILS = [
    Fails("always 503", LOOK_UP, (Reply(503),) * 9, RegistryError, "could not look up the tag (", 5, tuple(PAUSES)),
    Fails("always throttled", PUBLISH, (Reply(429),) * 9, Throttled, "429\n  -> run again in a minute", 10,
          tuple(PAUSES)),
    Fails("throttled beyond the deadline", LOOK_UP, (Reply(429, {"Retry-After": "999"}),), Throttled, "429", 1),
    Fails("escapes in a text", PUBLISH, (Reply(400, body=error("MANIFEST\x1b[2J", "a\x1b[1m\nb\u202e")),), RegistryError,
          "400 MANIFEST\\x1b[2J: a\\x1b[1m b\\u202e\n", 6),
    Fails("always dropped", LOOK_UP, (Reply(drop=True),) * 9, Unreachable, "HTTPS_PROXY", 5, tuple(PAUSES)),
    Fails("missing repository", BEGIN, (Reply(404, body=GONE),), RepositoryMissing, "does not exist", 4),
    Fails("missing repository, no word", BEGIN, (Reply(404),), RepositoryMissing, "404\n  -> run pulumi refresh", 4),
    Fails("Harbor's missing project", LOOK_UP,
          (Reply(401, {"WWW-Authenticate": ""}, error("UNAUTHORIZED", "project base not found")),) * 4,
          RegistryError, "401", 4),
    Fails("denied, with the action", BEGIN,
          (Reply(403, body=error("DENIED", "User: u is not authorized to perform: ecr:InitiateLayerUpload on resource")),),
          NotAuthorized, "-> allow ecr:InitiateLayerUpload on this", 4),
    Fails("wrong login", LOOK_UP, (Reply(401),) * 9, NotAuthorized, "401", 4),
    Fails("immutable tag", PUBLISH, (Reply(400, body=error("TAG_INVALID", "immutable")),), TagImmutable,
          "400 TAG_INVALID: immutable\n  -> publish the content under another version", 7),
    Fails("number of images in ECR", PUBLISH,
          (Reply(403, body=error("DENIED", "already has the maximum allowed number of images")),), QuotaExceeded, "maximum", 6),
    Fails("wrong digest stored", PUBLISH, (Reply(201, {"Docker-Content-Digest": sha(b"")}),), DigestMismatch, "stored", 6),
    Fails("blobs never seen", PUBLISH, (Reply(400, body=error("MANIFEST_BLOB_UNKNOWN")),) * 9, BlobMissing,
          "no other program", 18, tuple(PAUSES)),
    Fails("manifest refused", PUBLISH, (Reply(400, body=error("MANIFEST_INVALID", "why")),), RegistryError,
          "400 MANIFEST_INVALID: why", 6),
    Fails("always another digest", UPLOAD, (Reply(400, body=error("DIGEST_INVALID")),) * 9, DigestMismatch,
          "alters data", 13, tuple(PAUSES)),
    Fails("too large for a proxy", UPLOAD, (Reply(413, {"Content-Type": "text/html"}, b"<html>nginx</html>"),),
          RegistryError, "413\n  -> raise the limit", 5),
    Fails("429 for ever", BEGIN, (Reply(429, ENDLESS),), Throttled, "429\n  -> run again in a minute", 4),
    Fails("no Location", BEGIN, (Reply(202),), RegistryError, "has no Location", 4),
    *(Fails(f"a web server, {status}", BEGIN, (Reply(status, {"Content-Type": "text/html"}, b"<html>"),), RegistryError,
            f"{status}: the response is not what a registry sends\n  -> check the host", 4) for status in (200, 404, 405, 501)),
    Fails("a Location that is none", BEGIN, (Reply(202, {"Location": "http://[1:2/x"}),), RegistryError, "invalid URL", 4),
    Fails("a port that is none", BEGIN, (Reply(202, {"Location": "http://h:port/x"}),), RegistryError, "invalid URL", 4),
    Fails("an endless error page", PUBLISH, (Reply(400, body=b"x" * 5_000_000),), RegistryError, "400: xxx", 6),
    Fails("method not allowed", PUBLISH, (Reply(405, body=error("UNSUPPORTED")),), RegistryError, "405 UNSUPPORTED", 6),
    Fails("unauthorized by a proxy's page", BEGIN, (Reply(403, {"Content-Type": "text/html"}, b"<html>"),), NotAuthorized,
          "403\n  -> check which identity", 4),
]  # fmt: skip


@pytest.mark.parametrize("case", FAILS, ids=lambda case: case.what)
def test_what_fails(registry: ScriptedRegistry, case: Fails) -> None:
    setup = prepared(registry)
    registry.next(*case.where, *case.replies)
    if case.replies[0].status == 401:  # the GET that asks for the reason is refused as well
        registry.next("GET", "/manifests/", *case.replies)
    with pytest.raises(case.kind) as caught:
        setup.publish()
    assert case.message in str(caught.value)
    assert "\n  -> " in str(caught.value)
    assert "base/spectro-packs/archive/hello:1.0.0" in str(caught.value)
    assert len(registry.seen) == case.requests
    assert tuple(setup.sleeps) == case.sleeps
    if case.what != "wrong digest stored":
        assert (setup.reference.repository, "1.0.0") not in registry.manifests


def test_the_reason_for_a_refused_head(registry: ScriptedRegistry) -> None:
    setup = prepared(registry)
    registry.next(*LOOK_UP, Reply(403))
    registry.next(
        "GET", "/manifests/", Reply(403, body=error("DENIED", "not authorized to perform: ecr:BatchGetImage"))
    )
    with pytest.raises(NotAuthorized, match=r"403 DENIED.*\n  -> allow ecr:BatchGetImage"):
        setup.client.resolve(setup.reference)


@pytest.mark.parametrize(
    ("where", "action"),
    [
        (LOOK_UP, "ecr:BatchGetImage"),
        (FIND, "ecr:BatchCheckLayerAvailability"),
        (BEGIN, "ecr:InitiateLayerUpload"),
        (UPLOAD, "ecr:UploadLayerPart"),
        (PUBLISH, "ecr:PutImage"),
    ],
)
def test_an_empty_403_of_ecr_names_the_action(
    registry: ScriptedRegistry, where: tuple[str, str], action: str
) -> None:  # aws-dotnet-deploy#474
    setup = prepared(registry, traits=dataclasses.replace(TRAITS, manifests_per_second=math.inf))
    registry.next(*where, Reply(403))
    registry.next("GET", "/(manifests|blobs)/", Reply(403))
    with pytest.raises(NotAuthorized, match=f"probably {action}"):
        setup.publish()


@pytest.mark.parametrize(("code", "kind"), [("NAME_UNKNOWN", RepositoryMissing), ("MANIFEST_UNKNOWN", Unreachable)])
def test_ecr_drops_the_connection_instead_of_saying_why(
    registry: ScriptedRegistry, code: str, kind: type[RegistryError]
) -> None:  # containers-roadmap#1970
    setup = prepared(registry, traits=TRAITS)
    registry.next(*BEGIN, *[Reply(drop=True)] * 5)
    registry.next("GET", "/manifests/", *[Reply(404, body=error(code, "said"))] * 5)
    with pytest.raises(kind) as caught:
        setup.publish()
    assert setup.sleeps == ([] if kind is RepositoryMissing else PAUSES)
    assert ("allow ecr:InitiateLayerUpload" in str(caught.value)) is (kind is Unreachable)


def test_harbors_missing_project_is_no_login_failure(registry: ScriptedRegistry) -> None:
    setup = prepared(registry)
    missing = Reply(
        401, {"WWW-Authenticate": ""}, error("UNAUTHORIZED", "project base not found: project base not found")
    )
    registry.next(*BEGIN, missing, missing)
    with pytest.raises(RepositoryMissing, match=r"project base not found[\s\S]*-> create the project"):
        setup.publish()


def test_immutable_tag_with_our_own_digest_is_success(registry: ScriptedRegistry) -> None:
    """containers-roadmap#2179: ECR refuses it too; here the first response was lost."""
    setup = prepared(registry)
    registry.next(*PUBLISH, Reply(drop=True, after=True), Reply(400, body=error("TAG_INVALID")))
    assert setup.publish().digest == manifest().digest
    assert setup.sleeps == [0.5]


@pytest.mark.parametrize("where", ["send", "respond"])
def test_a_registry_that_stalls(registry: ScriptedRegistry, where: str) -> None:
    """Whether it takes no more of the body or says nothing for too long: a new attempt, not a wait for ever."""
    setup = prepared(registry, timeouts=Timeouts(connect=0.3, read=5.0, finish=0.3))
    layer = b"x" * ((16 << 20) if where == "send" else 1000)
    registry.next(*UPLOAD, Reply(stall=1.0, take=1000))
    assert setup.publish(layer).digest == manifest(layer).digest
    assert setup.sleeps == [0.5]


def test_stalled_for_good(registry: ScriptedRegistry) -> None:
    setup = prepared(registry, timeouts=Timeouts(connect=0.3, read=0.1, finish=0.1))
    registry.next(*LOOK_UP, *[Reply(stall=0.3)] * 5)
    with pytest.raises(TimedOut, match="no connection or response in time"):
        setup.publish()
    assert setup.sleeps == PAUSES


@pytest.mark.parametrize("take", [0, 1, 65_536, 1_000_000, 8_000_000])
def test_a_large_upload_dropped_at_any_byte(registry: ScriptedRegistry, take: int) -> None:
    setup = prepared(registry)
    layer = b"x" * (8 << 20)
    registry.next(*UPLOAD, Reply(drop=True, take=take))
    assert setup.publish(layer).sent == len(layer)
    assert setup.sleeps == [0.5]


def test_one_deadline_for_the_whole_operation(registry: ScriptedRegistry) -> None:
    """120 s were waited for the blob, so there is no time for 60 s more at the manifest."""
    setup = prepared(registry)
    registry.next(*FIND, Reply(429, {"Retry-After": "120"}))
    registry.next(*PUBLISH, Reply(429, {"Retry-After": "60"}))
    with pytest.raises(Throttled):
        setup.publish()
    assert setup.sleeps == [120.0]


def test_a_long_upload_does_not_eat_the_deadline(registry: ScriptedRegistry) -> None:
    now = [0.0]
    setup = prepared(registry, clock=lambda: now[0])
    registry.next(*PUBLISH, Reply(503))
    setup.client.resolve(setup.reference)
    setup.push(progress=lambda *_: now.__setitem__(0, now[0] + 1000.0))
    assert setup.sleeps == [0.5]
