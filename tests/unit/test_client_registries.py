"""Registries as they really respond (tests/support/real_responses.py): Harbor, Zot, Quay, Artifactory, and wrong ports."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from packinfra.oci import RegistryError
from packinfra.oci.auth.credentials import Credentials, RegistryCredentials
from packinfra.oci.errors import (
    NotAuthorized,
    PolicyViolation,
    QuotaExceeded,
    RepositoryMissing,
    TagImmutable,
)
from tests.support import real_responses as real
from tests.support.oci import SECRET, Setup, manifest, prepared
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

LOOK_UP, BEGIN, DELETE = ("(HEAD|GET)", "/manifests/"), ("POST", "/uploads/"), ("DELETE", "/manifests/")
UPLOAD, PUBLISH = ("PUT", "/uploads/"), ("PUT", "/manifests/")


@dataclass(frozen=True)
class Case:
    what: str
    where: tuple[str, str]
    reply: Reply
    kind: type[RegistryError]
    message: str


CASES = [
    Case("quota", UPLOAD, real.HARBOR_QUOTA, QuotaExceeded, "limit of 29.3 KiB.\n  -> withdraw versions"),
    Case("content trust", LOOK_UP, real.HARBOR_CONTENT_TRUST, PolicyViolation,
         "412 PROJECTPOLICYVIOLATION: The image is not signed by cosign.\n  -> sign the image"),
    Case("vulnerable images", LOOK_UP, real.HARBOR_VULNERABLE, PolicyViolation, "-> have the image scanned"),
    Case("proxy cache", BEGIN, real.HARBOR_PROXY_PROJECT, PolicyViolation, "-> set another project in basePath"),
    Case("read-only mode", BEGIN, real.HARBOR_READ_ONLY, PolicyViolation, "-> wait until the registry's administrator"),
    Case("read-only mode, deleting", DELETE, real.HARBOR_READ_ONLY, PolicyViolation, "-> wait until"),
    Case("immutable tag", PUBLISH, real.HARBOR_IMMUTABLE_PUT, TagImmutable,
         "configured as immutable.\n  -> publish the content under another version"),
    Case("immutable tag, deleting", DELETE, real.HARBOR_IMMUTABLE_DELETE, TagImmutable,
         "cannot be deleted\n  -> have the registry's rule for immutable tags changed"),
    Case("no project", LOOK_UP, real.HARBOR_NO_PROJECT, RepositoryMissing, "-> create the project"),
    Case("no right, or a wrong password", BEGIN, real.harbor_no_right("push"), NotAuthorized,
         "-> check user name and password; if they are right, allow repository:push"),
    Case("no right to delete", DELETE, real.harbor_no_right("delete"), NotAuthorized, "allow repository:delete"),
    Case("Zot's 401", LOOK_UP, real.ZOT_401, NotAuthorized, "401 UNAUTHORIZED: authentication required\n"),
    Case("a mirror, or read-only", BEGIN, real.DISTRIBUTION_READ_ONLY, PolicyViolation, "-> publish to a registry that"),
    Case("TLS at nginx", LOOK_UP, real.NGINX_TLS_PORT, RegistryError, "400\n  -> leave plainHttp out"),
    Case("TLS at Go's net/http", LOOK_UP, real.GO_TLS_PORT, RegistryError,
         "Client sent an HTTP request to an HTTPS server.\n  -> leave plainHttp out"),
    Case("a port that redirects to TLS", LOOK_UP, Reply(308, {"Location": "https://127.0.0.1/v2/x"}), RegistryError,
         "308: the registry redirects to https://127.0.0.1/v2/x\n  -> leave plainHttp out"),
    Case("the same for a POST", BEGIN, Reply(301, {"Location": "https://127.0.0.1:5443/v2/x"}), RegistryError,
         "-> leave plainHttp out"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_what_real_registries_said(registry: ScriptedRegistry, case: Case) -> None:
    """Each error fits, and comes at once."""
    setup = prepared(registry, credentials=RegistryCredentials("h", Credentials("robot", SECRET)))
    if case.where == DELETE:
        setup.push()
    method, pattern = case.where
    for each in ("HEAD", "GET") if case.where == LOOK_UP else (method,):
        registry.next(each, pattern, *[case.reply] * 5)
    with pytest.raises(case.kind) as caught:
        setup.client.delete(setup.reference, manifest().digest) if case.where == DELETE else setup.publish()
    assert type(caught.value) is case.kind
    assert case.message in str(caught.value)
    assert setup.sleeps == []


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"errors":[{"code":"A","message":"b"}]}', "A: b"),
        (b'{"errors":{"code":"A","message":"b"}}', "A: b"),
        (b'{"errors":["b"]}', "b"),
        (b'{"errors":[],"message":"b"}', "b"),
        (b'{"code":7,"message":["x"],"error":"invalid","error_description":"b"}', "b"),  # OAuth 2
        (b'{"details":"b"}', "b"),  # Docker Hub's token service
        (b'{"errors":[{"code":{"x":1},"message":null,"detail":"b"}]}', "b"),
        (b"b", "b"),
    ],
)
def test_shapes_of_error_bodies(registry: ScriptedRegistry, body: bytes, shown: str) -> None:
    setup = Setup(registry)
    registry.next("POST", "/uploads/", Reply(400, body=body), Reply(400, body=body))
    with pytest.raises(RegistryError) as caught:
        setup.push()
    assert f"400 {shown}\n" in str(caught.value) or f"400: {shown}\n" in str(caught.value)


# ---- the first push


def test_the_first_push_to_quay() -> None:
    """A repository that isn't there: 401 to a token that may only pull (helm#31567)."""
    with ScriptedRegistry(login=f"robot:{SECRET}", tokens=True, missing="quay") as registry:
        setup = Setup(registry, credentials=RegistryCredentials(registry.host, Credentials("robot", SECRET)))
        setup.publish()
        assert registry.tags(setup.reference.repository) == ["1.0.0"]
        assert setup.sleeps == []
        other = setup.tagged("none")
        assert setup.client.resolve(other) is None, "now it is there"


def test_the_first_push_to_artifactory() -> None:
    """A tag that isn't there: 403 (go-containerregistry's pull request 1691). For a read that is no "gone"."""
    with ScriptedRegistry(missing="artifactory") as registry:
        setup = Setup(registry)
        for confirm in (False, True):
            with pytest.raises(NotAuthorized, match="403 DENIED"):
                setup.client.resolve(setup.reference, confirm_missing=confirm)
        setup.publish()
        assert registry.tags(setup.reference.repository) == ["1.0.0"]
        assert setup.client.resolve(setup.tagged("2.0.0"), publishing=True) is None
        assert setup.client.resolve(setup.tagged(manifest().digest), publishing=True) == manifest().digest


@pytest.mark.parametrize("listed", [Reply(200, body=b'{"tags":["1.0.0"]}'), Reply(403), Reply(200, body=b"<html>")])
def test_a_403_that_may_hide_a_tag_stays_one(registry: ScriptedRegistry, listed: Reply) -> None:
    """Else a tag of somebody else's would be overwritten unseen."""
    setup = Setup(registry)
    registry.next("HEAD", "/manifests/", Reply(403))
    registry.next("GET", "/manifests/", Reply(403, body=error("DENIED")))
    registry.next("GET", "/tags/", listed)
    with pytest.raises(NotAuthorized) as caught:
        setup.client.resolve(setup.reference, publishing=True)
    assert ("Artifactory" in str(caught.value)) is (b"1.0.0" not in listed.body)
