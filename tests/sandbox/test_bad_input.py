"""Invalid requests: always a typed error of the service, never a traceback, never a hang."""

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from packinfra.http.proxies import basic_authorization
from tests.support.aws import REGION, Caller, Registry, code_of, digest_of, no_upload_left, rejected
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

Headers = dict[str, str]
JSON = {"Content-Type": "application/x-amz-json-1.1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CALLS: dict[str, tuple[str, Headers, bytes]] = {
    "ecr": (
        f"https://api.ecr.{REGION}.amazonaws.com/",
        {**JSON, "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories"},
        b"{}",
    ),
    "kms": (f"https://kms.{REGION}.amazonaws.com/", {**JSON, "X-Amz-Target": "TrentService.ListKeys"}, b"{}"),
    "iam": ("https://iam.amazonaws.com/", FORM, b"Action=ListUsers&Version=2010-05-08"),
    "sts": (f"https://sts.{REGION}.amazonaws.com/", FORM, b"Action=GetCallerIdentity&Version=2011-06-15"),
}


@pytest.fixture(autouse=True)
def _no_trace_in_the_log(sandbox: Sandbox) -> Iterator[None]:
    yield
    assert "Traceback" not in (sandbox.dir / "sandbox.log").read_text()


def call(
    owner: Caller,
    service: str,
    change: Callable[[Headers], object] = lambda _: None,
    body: bytes | None = None,
    headers: Headers | None = None,
) -> requests.Response:
    """One signed call, changed after it was signed."""
    url, own, content = CALLS[service]
    content = content if body is None else body
    signed = AWSRequest("POST", url, {**own, **(headers or {})}, content)
    region = "us-east-1" if service == "iam" else REGION
    SigV4Auth(Credentials(owner.access_key, owner.secret_key), service, region).add_auth(signed)
    sent = dict(signed.headers)
    change(sent)
    return Registry(owner.sandbox, None).send("POST", url, data=content, headers=sent)


def error_of(response: requests.Response) -> tuple[int, str]:
    if "json" in response.headers["Content-Type"]:
        return response.status_code, response.json()["__type"].removesuffix("Exception")
    code = re.search("<Code>(.*?)</Code>", response.text)
    assert code, response.text
    return response.status_code, code[1]


def edit(pattern: str, new: str) -> Callable[[Headers], object]:
    return lambda headers: headers.update(Authorization=re.sub(pattern, new, headers["Authorization"]))


MALFORMED: dict[str, tuple[Callable[[Headers], object], str]] = {
    "garbage": (lambda h: h.update(Authorization="AWS4-HMAC-SHA256 nonsense"), "IncompleteSignature"),
    "another scheme": (lambda h: h.update(Authorization="Basic abc"), "IncompleteSignature"),
    "another algorithm": (edit("HMAC-SHA256", "HMAC-MD5"), "IncompleteSignature"),
    "short signature": (edit("Signature=.*", "Signature=abc"), "IncompleteSignature"),
    "no signed headers": (edit("SignedHeaders=[^,]*, ", ""), "IncompleteSignature"),
    "short credential": (edit("Credential=([^/]*)/[^,]*", r"Credential=\1/x"), "IncompleteSignature"),
    "no date": (lambda h: h.pop("X-Amz-Date"), "IncompleteSignature"),
    "wrong signature": (edit("Signature=.*", "Signature=" + "0" * 64), "mismatch"),
    "host not signed": (edit("SignedHeaders=[^,]*", "SignedHeaders=content-type"), "mismatch"),
    "unknown header signed": (edit("SignedHeaders=[^,]*", "SignedHeaders=host;x-none"), "mismatch"),
    "date as words": (lambda h: h.update({"X-Amz-Date": "yesterday"}), "mismatch"),
    "old date": (lambda h: h.update({"X-Amz-Date": "20200101T000000Z"}), "mismatch"),
    "date to come": (lambda h: h.update({"X-Amz-Date": "20990101T000000Z"}), "mismatch"),
    "date of the scope": (edit(r"/\d{8}/", "/20200101/"), "mismatch"),
    "session token": (lambda h: h.update({"X-Amz-Security-Token": "nonsense"}), "unknown"),
}
CODES = {  # JSON protocol, query protocol
    "mismatch": ((400, "InvalidSignature"), (403, "SignatureDoesNotMatch")),
    "unknown": ((400, "UnrecognizedClient"), (403, "InvalidClientTokenId")),
    "IncompleteSignature": ((400, "IncompleteSignature"), (400, "IncompleteSignature")),
}


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_signatures(owner: Caller, service: str, name: str) -> None:  # BAD-1
    change, code = MALFORMED[name]
    assert error_of(call(owner, service, change)) == CODES[code][service in ("iam", "sts")]
    assert call(owner, service).status_code == 200


@pytest.mark.parametrize("service", ["ecr", "kms"])
@pytest.mark.parametrize("body", [b"\xff\xfe{{{", b"[" * 100_000, b"[]", b'{"a":' * 50_000, b"null", b"7"])
def test_bodies_that_are_not_json(owner: Caller, service: str, body: bytes) -> None:  # BAD-2
    assert error_of(call(owner, service, body=body)) == (400, "Serialization")


@pytest.mark.parametrize("service", ["iam", "sts"])
@pytest.mark.parametrize("body", [b"", b"\xff\xfe{{{", b"[" * 100_000, b"Action="])
def test_bodies_that_are_not_a_form(owner: Caller, service: str, body: bytes) -> None:  # BAD-2
    assert error_of(call(owner, service, body=body)) == (400, "MissingAction")


@pytest.mark.parametrize(
    "target",
    [
        "",
        "DynamoDB_20120810.ListTables",
        "ListTables",
        "AmazonEC2ContainerRegistry_V20150921.Nope",
        "AmazonEC2ContainerRegistry_V20150921.__init__",
    ],
)
@pytest.mark.parametrize("service", CALLS)
def test_unknown_operations(owner: Caller, service: str, target: str) -> None:  # BAD-3
    headers = {"X-Amz-Target": target}
    if service in ("ecr", "kms"):
        assert error_of(call(owner, service, headers=headers)) == (400, "UnknownOperation")
    elif target:
        assert error_of(call(owner, service, headers=headers)) == (400, "InvalidAction")
    else:
        assert error_of(call(owner, service, body=b"Action=Nope")) == (400, "InvalidAction")


def test_operations_that_only_aws_has(owner: Caller) -> None:  # BAD-3
    with rejected("UnknownOperationException"):
        owner.ecr.describe_pull_through_cache_rules()
    with rejected("InvalidAction"):
        owner.iam.list_server_certificates()


@pytest.mark.parametrize("service", CALLS)
def test_other_paths_and_methods(owner: Caller, service: str) -> None:  # BAD-4
    registry, url = Registry(owner.sandbox, None), CALLS[service][0]
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "_ministack/health"), ("POST", "v2/")):
        status, code = error_of(registry.send(method, url + path))
        assert 400 <= status < 500
        assert code


@contextlib.contextmanager
def connect(sandbox: Sandbox, host: str) -> Iterator[ssl.SSLSocket]:
    """A connection for requests that no client library sends."""
    proxy = urlsplit(sandbox.variables["HTTPS_PROXY"])
    with socket.create_connection((proxy.hostname or "", proxy.port or 0), timeout=10) as plain:
        plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
        assert b"200" in plain.recv(4096)
        context = ssl.create_default_context(cafile=sandbox.ca)
        with context.wrap_socket(plain, server_hostname=host) as secure:
            yield secure


def received(connection: ssl.SSLSocket) -> str:
    """The response, until its headers end, the server hangs up or pauses."""
    connection.settimeout(3)
    text = b""
    with contextlib.suppress(OSError):
        while piece := connection.recv(4096):
            text += piece
            if b"\r\n\r\n" in text:
                break
    return text.decode("latin-1")


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: -1",
        "Content-Length: many",
        "Content-Length: 5\r\nContent-Length: 6",
        "Transfer-Encoding: something",
        "nonsense",
        "X: " + "y" * 100_000,
    ],
)
@pytest.mark.parametrize("host", [f"api.ecr.{REGION}.amazonaws.com", f"123456789012.dkr.ecr.{REGION}.amazonaws.com"])
def test_impossible_headers(sandbox: Sandbox, host: str, head: str) -> None:  # BAD-5
    with connect(sandbox, host) as connection:
        with contextlib.suppress(OSError):  # it may respond and close before everything is sent
            connection.sendall(f"POST /v2/s/x/blobs/uploads/ HTTP/1.1\r\nHost: {host}\r\n{head}\r\n\r\n".encode())
        response = received(connection)
    assert response == "" or response.startswith(("HTTP/1.1 4", "HTTP/1.1 501")), response


def test_more_than_announced(sandbox: Sandbox, registry: Registry, repository: str) -> None:  # BAD-6
    """Bytes after the announced end of a body are not part of the blob."""
    location, content = registry.start(repository), b"x" * 100
    assert registry.credentials
    auth = basic_authorization(*registry.credentials)
    with connect(sandbox, registry.host) as connection:
        head = f"PUT {location}?digest={digest_of(content)} HTTP/1.1\r\nHost: {registry.host}\r\n"
        connection.sendall(f"{head}Authorization: {auth}\r\nContent-Length: 100\r\n\r\n".encode() + content + b"y" * 50)
        assert received(connection).startswith("HTTP/1.1 201")
    stored = registry.send("HEAD", f"/v2/{repository}/blobs/{digest_of(content)}")
    assert stored.headers["Content-Length"] == "100"


@pytest.mark.parametrize("path", ["blobs/uploads/{upload}?digest={digest}", "manifests/1.0.0"])
def test_less_than_announced(sandbox: Sandbox, registry: Registry, repository: str, path: str) -> None:  # BAD-7
    """A body that stops and a client that waits: nothing is stored, and the sandbox serves others meanwhile."""
    content = b"x" * 100
    upload = registry.start(repository).rpartition("/")[2]
    target = f"/v2/{repository}/{path.format(upload=upload, digest=digest_of(content))}"
    assert registry.credentials
    auth = basic_authorization(*registry.credentials)
    with connect(sandbox, registry.host) as connection:
        head = f"PUT {target} HTTP/1.1\r\nHost: {registry.host}\r\nAuthorization: {auth}\r\nContent-Length: 1000\r\n"
        connection.sendall(f"{head}\r\n".encode() + content)
        begin = time.monotonic()
        assert registry.send("GET", "/v2/").status_code == 200
        assert time.monotonic() - begin < 2
    assert no_upload_left(sandbox)
    assert registry.send("HEAD", f"/v2/{repository}/blobs/{digest_of(content)}").status_code == 404
    assert registry.send("HEAD", f"/v2/{repository}/manifests/1.0.0").status_code == 404


def test_api_body_cut_short(sandbox: Sandbox, owner: Caller) -> None:  # BAD-7
    before = sandbox.mark()
    with connect(sandbox, f"api.ecr.{REGION}.amazonaws.com") as connection:
        connection.sendall(
            f"POST / HTTP/1.1\r\nHost: api.ecr.{REGION}.amazonaws.com\r\nContent-Length: 99\r\n\r\nx".encode()
        )
    assert owner.ecr.describe_repositories()
    assert [record.summary for record in sandbox.requests(since=before)] == ["ecr:DescribeRepositories"]


def test_uploads_side_by_side(sandbox: Sandbox, registry: Registry, repository: str) -> None:  # BAD-8
    """100 blobs in parallel: each arrives complete."""
    contents = [bytes([n]) * 200_000 for n in range(100)]
    failures: list[str] = []

    def push(content: bytes) -> None:
        try:
            registry.push_blob(repository, content)
        except (AssertionError, OSError) as error:
            failures.append(str(error))

    threads = [threading.Thread(target=push, args=[content]) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    for content in contents[::10]:
        head = registry.send("HEAD", f"/v2/{repository}/blobs/{digest_of(content)}")
        assert head.headers["Content-Length"] == str(len(content))
    assert no_upload_left(sandbox)


def test_two_bodies_for_one_session(sandbox: Sandbox, registry: Registry, repository: str) -> None:  # BAD-9
    """A second PUT during the first one is rejected, and the first one succeeds."""
    content = b"x" * 1_000_000
    location = f"{registry.start(repository)}?digest={digest_of(content)}"
    results: list[requests.Response] = []
    with sandbox.faults.add(f"PUT /v2/{repository}/blobs/*", when="during") as fault:
        thread = threading.Thread(target=lambda: results.append(registry.send("PUT", location, data=content)))
        thread.start()
        fault.wait()
        assert code_of(registry.send("PUT", location, data=content)) == (416, "BLOB_UPLOAD_INVALID")
        fault.release()
        thread.join(10)
    assert results[0].status_code == 201


def test_repository_deleted_under_an_upload(  # BAD-10
    sandbox: Sandbox, owner: Caller, registry: Registry, repository: str
) -> None:
    content = b"x" * 1_000_000
    location = f"{registry.start(repository)}?digest={digest_of(content)}"
    results: list[requests.Response] = []
    with sandbox.faults.add(f"PUT /v2/{repository}/blobs/*", when="during") as fault:
        thread = threading.Thread(target=lambda: results.append(registry.send("PUT", location, data=content)))
        thread.start()
        fault.wait()
        owner.ecr.delete_repository(repositoryName=repository)
        fault.release()
        thread.join(10)
    assert code_of(results[0]) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert no_upload_left(sandbox)
