"""Redirects, and the hosts that a registry names: what is followed, what is refused, and with which words."""

from __future__ import annotations

import io

import pytest

from packinfra.http.addresses import is_internal
from packinfra.oci import Reference, RegistryError
from packinfra.oci.destinations import Destinations
from packinfra.oci.errors import DigestMismatch, Step
from packinfra.oci.transport import Transport
from tests.support.oci import LAYER, Setup, manifest, prepared, sha
from tests.support.scripted_registry import Reply, ScriptedRegistry

LOOK_UP, FIND, BEGIN = ("HEAD", "/manifests/"), ("HEAD", sha(LAYER)), ("POST", "/uploads/")
GET, UPLOAD, PUBLISH = ("GET", "/manifests/"), ("PUT", "/uploads/"), ("PUT", "/manifests/")


def to(url: str, status: int = 307) -> Reply:
    return Reply(status, {"Location": url})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_reads_follows(registry: ScriptedRegistry, status: int) -> None:
    """Within the registry with the login, to another host without it (distribution specification, #607)."""
    setup = Setup(registry)
    setup.push()
    path = f"/v2/{setup.reference.repository}/manifests/1.0.0"
    registry.seen.clear()
    registry.next("HEAD", "1.0.0$", to(f"{path}?again", status))
    assert setup.client.resolve(setup.reference) == manifest().digest
    assert [seen.path for seen in registry.seen] == [path, f"{path}?again"]
    assert all("Authorization" in seen.headers for seen in registry.seen)
    with ScriptedRegistry() as mirror:
        mirror.manifests[setup.reference.repository, "1.0.0"] = manifest().body
        for method in ("HEAD", "GET"):
            registry.next(method, "1.0.0$", to(f"http://{mirror.host}{path}", status))
        registry.next("GET", "/tags/", to(f"http://{mirror.host}/v2/x/tags/list", status))
        mirror.next("GET", "/v2/x/tags/", Reply(200, body=b'{"tags":["a"]}'))
        assert setup.client.resolve(setup.reference) == manifest().digest
        assert setup.client.manifest(setup.reference) == manifest()
        assert setup.client.tags(setup.reference) == ["a"]
        assert not any("Authorization" in seen.headers for seen in mirror.seen)


@pytest.mark.parametrize("where", [BEGIN, PUBLISH])
@pytest.mark.parametrize("status", [307, 308])
def test_what_writes_follows_within_the_registry(
    registry: ScriptedRegistry, where: tuple[str, str], status: int
) -> None:
    setup = prepared(registry)
    path = f"/v2/{setup.reference.repository}/{'manifests/1.0.0' if where == PUBLISH else 'blobs/uploads/'}"
    registry.next(*where, to(f"{path}?again", status))
    setup.publish()
    assert len(registry.seen) == 7
    assert setup.sleeps == []


@pytest.mark.parametrize(
    ("where", "status", "location"),
    [
        (BEGIN, 308, "http://elsewhere.example/v2/"),
        (BEGIN, 302, "/v2/x/blobs/uploads/"),  # RFC 9110: may become a GET
        (PUBLISH, 301, "/v2/x/manifests/1.0.0"),
        (PUBLISH, 307, "http://elsewhere.example/v2/"),
        (UPLOAD, 307, "http://elsewhere.example/v2/"),
        (UPLOAD, 307, "/v2/x"),  # its bytes are gone
    ],
)
def test_what_writes_names_the_target(
    registry: ScriptedRegistry, where: tuple[str, str], status: int, location: str
) -> None:
    setup = prepared(registry)
    registry.next(*where, to(f"{location}?secret=s3cret", status))
    target = location if location.startswith("http") else f"http://{registry.host}{location}"
    host = target.split("/")[2]
    with pytest.raises(RegistryError) as caught:
        setup.publish()
    assert (
        f"{status}: the registry redirects to {target}\n  -> if {host} is the registry's name, set it as host"
        in str(caught.value)
    )
    assert setup.sleeps == []


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(307), "the redirect has no Location"),
        (to("http://["), "names an invalid URL"),
        (to("http://h:port/x"), "names an invalid URL"),
        (to("http://h:0/x"), "names an invalid URL"),
        (to("ftp://h.example/x"), "without TLS: ftp://h.example/x"),
        (to("http://user:s3cret@[::2/x"), "names an invalid URL"),
        (to("ftp://user:s3cret@h.example/\x1b[2J?s3cret"), r"without TLS: ftp://h.example/(\\x1b)?\[2J\n"),
    ],
)
def test_redirects_that_lead_nowhere(registry: ScriptedRegistry, reply: Reply, message: str) -> None:
    setup = Setup(registry)
    registry.next(*LOOK_UP, reply)
    with pytest.raises(RegistryError, match=message) as caught:
        setup.client.resolve(setup.reference)
    assert "s3cret" not in str(caught.value)
    assert len(registry.seen) == 1


def test_redirects_that_never_end(registry: ScriptedRegistry) -> None:
    setup = Setup(registry)
    registry.next(*LOOK_UP, *[to("/v2/x/manifests/y?s3cret")] * 20)
    with pytest.raises(RegistryError, match=r"more than 5 redirects, the last to http://\S+/v2/x/manifests/y\n"):
        setup.client.resolve(setup.reference)
    assert len(registry.seen) == 6


# ---- login pages, and storages that say less than a registry


PAGE = Reply(200, {"Content-Type": "text/html", "Content-Length": "5000"}, b"<html>" + b"x" * 4994)


def test_a_login_page_is_no_tag(registry: ScriptedRegistry) -> None:
    setup = Setup(registry)
    with ScriptedRegistry() as portal:
        for method in ("HEAD", "GET"):
            registry.next(method, "/manifests/", to(f"http://{portal.host}/login", 302))
            portal.next(method, "/login", PAGE)
        with pytest.raises(RegistryError, match=r"not what a registry sends\n  -> .*login page"):
            setup.client.resolve(setup.reference, confirm_missing=True)


@pytest.mark.parametrize(
    "said",
    [
        PAGE,
        Reply(200, {"Content-Type": "text/html", "Content-Length": str(len(LAYER))}, LAYER),
        Reply(200, body=b"short"),
        Reply(403),  # a URL that was signed for GET
        Reply(404),
        Reply(405),
        Reply(416),
        Reply(500),
        Reply(drop=True),
        to("http://10.0.0.5/"),
        to("ftp://[::1"),
    ],
    ids=lambda reply: f"{reply.status} {len(reply.body)}",
)
def test_a_blob_that_may_be_there_is_sent(registry: ScriptedRegistry, said: Reply) -> None:
    """A login page on HEAD of a blob would pass for the blob, and the manifest for one without its blobs."""
    setup = prepared(registry)
    with ScriptedRegistry() as elsewhere:
        registry.next(*FIND, to(f"http://{elsewhere.host}/x", 302))
        elsewhere.next("HEAD", "/x", said)
        assert setup.publish().sent == len(LAYER)
    assert setup.sleeps == []


def test_a_blob_that_is_there_is_not_sent(registry: ScriptedRegistry) -> None:
    setup = prepared(registry)
    registry.blobs[setup.reference.repository, sha(LAYER)] = LAYER
    with ScriptedRegistry() as storage:
        registry.next(*FIND, to(f"http://{storage.host}/x"))
        storage.next("HEAD", "/x", Reply(200, body=LAYER))
        assert setup.publish().sent == 0
        assert [seen.method for seen in storage.seen] == ["HEAD"]


def test_a_registry_that_says_no_length_is_believed_by_its_digest(registry: ScriptedRegistry) -> None:
    setup = prepared(registry)
    registry.blobs[setup.reference.repository, sha(LAYER)] = LAYER
    registry.next(*FIND, Reply(200, {"Docker-Content-Digest": sha(LAYER), "Content-Length": "0"}))
    assert setup.publish().sent == 0


def test_a_digest_that_carries_something_else(registry: ScriptedRegistry) -> None:
    setup = Setup(registry)
    registry.next(*LOOK_UP, Reply(200, {"Docker-Content-Digest": sha(b"other")}))
    with pytest.raises(DigestMismatch, match="under it"):
        setup.client.resolve(setup.tagged(sha(b"this")))


def test_a_storage_that_refuses_is_named(registry: ScriptedRegistry) -> None:
    setup = Setup(registry)
    setup.push()
    with ScriptedRegistry() as storage:
        registry.next("GET", "/blobs/", *[to(f"http://{storage.host}/x?sig=s3cret")] * 5)
        storage.next("GET", "/x", *[Reply(403, body=b"<Error>AccessDenied</Error>")] * 5)
        with pytest.raises(RegistryError, match=f"403: from {storage.host}\n  -> check the storage") as caught:
            setup.client.pull(setup.reference, manifest().layers[0], io.BytesIO())
    assert "s3cret" not in str(caught.value)
    assert setup.credentials.renewed == 0


# ---- hosts inside this network


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST.", "foo.localhost", "foo.localhost.", "127.0.0.1", "127.1", "2130706433", "0x7f000001",
        "0177.0.0.1", "10.0.0.1", "10.0.0.1.", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
        "0", "224.0.0.1", "255.255.255.255", "::1", "::", "::ffff:10.0.0.1", "::ffff:a00:1", "fe80::1", "fe80::1%eth0",
        "fd00::5", "2002:7f00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_hosts_inside(host: str) -> None:
    assert is_internal(host)


@pytest.mark.parametrize(
    "host",
    ["registry.example.com", "localhost.example", "notlocalhost", "8.8.8.8", "100.128.0.1", "2600::1", "1.example", ""],
)
def test_hosts_outside(host: str) -> None:
    assert not is_internal(host)


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("http://registry.example.com/x", "a URL without TLS: http://registry.example.com/x\n  -> correct the registry's ext"),
        ("http://10.0.0.5:9000/x", r"without TLS: http://10.0.0.5:9000/x\n  -> .* or have the registry deliver blobs"),
        ("//10.0.0.5:9000/x?sig=s3cret", r"keeps its blobs at 10.0.0.5:9000, .*blobHosts: \[10.0.0.5:9000\]\} .*X-Forwarded-Proto"),
        ("https://[::1]:9000/x", r'blobHosts: \["\[::1\]:9000"\]'),
        ("https://100.64.0.1/x", r"blobHosts: \[100.64.0.1\]"),
        ("https://127.1/x", r"blobHosts: \[127.1\]"),
        ("https://foo.localhost/x", r"blobHosts: \[foo.localhost\]"),
        ("https://2130706433/x", r"blobHosts: \[2130706433\]"),
    ],
)  # fmt: skip
def test_where_nobody_is_sent(location: str, message: str) -> None:
    call = Transport("registry.example.com", token_host="10.0.0.5:9000").call(Reference("r", "r", "r"))
    with pytest.raises(RegistryError, match=f"(?s){message}") as caught:
        call.send("PUT", location, Step.UPLOAD, (201,))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("named", "url"),
    [
        ("10.0.0.5:9000", "https://10.0.0.5:9000/x"),
        ("10.0.0.5", "https://10.0.0.5:443/x"),
        ("10.0.0.5:443", "https://10.0.0.5/x"),
        ("[FD00:0::5]:9000", "https://[fd00::5]:9000/x"),
        ("minio.localhost", "https://MINIO.localhost/x"),
    ],
)
def test_hosts_that_the_user_allows(named: str, url: str) -> None:
    blobs, tokens = (
        Destinations("https://h.example", blob_hosts=[named]),
        Destinations("https://h.example", token_host=named),
    )
    assert blobs.checked(url, Step.DOWNLOAD, "r") == tokens.checked(url, Step.TOKEN, "r") == url
    assert tokens.may_get_login(url)
    assert not blobs.may_get_login(url)
    with pytest.raises(RegistryError, match=r"(?s)has its token service at .*tokenHost: "):
        blobs.checked(url, Step.TOKEN, "r")
    for other in ("https://10.0.0.6:9000/x", url.replace("https", "http")):
        with pytest.raises(RegistryError):
            blobs.checked(other, Step.DOWNLOAD, "r")


def test_a_login_never_leaves_tls() -> None:
    with pytest.raises(RegistryError, match="without TLS"):
        Destinations("https://h.example", token_host="t.example").checked("http://t.example/token", Step.TOKEN, "r")
