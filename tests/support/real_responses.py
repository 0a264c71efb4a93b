"""What real registries said, word for word: Harbor 2.16, Zot (main of August 2026), distribution 2.8.2 and 3.1.2, nginx 1.22."""

from __future__ import annotations

from tests.support.scripted_registry import Reply, error

HARBOR_401 = {"WWW-Authenticate": 'Basic realm="harbor"'}
HARBOR_QUOTA = Reply(
    403,
    body=error(
        "DENIED",
        "adding 12.7 KiB of storage resource, which when updated to current usage of 25.8 KiB will exceed the configured "
        "upper limit of 29.3 KiB.",
    ),
)
"""To the PUT of a blob. Several are joined by "; "."""
HARBOR_CONTENT_TRUST = Reply(412, body=error("PROJECTPOLICYVIOLATION", "The image is not signed by cosign."))
"""To HEAD and GET of an unsigned manifest."""
HARBOR_VULNERABLE = Reply(
    412,
    body=error(
        "PROJECTPOLICYVIOLATION",
        "current image without vulnerability scanning cannot be pulled due to configured policy in 'Prevent images with "
        'vulnerability severity of "Critical" or higher from running.\'',
    ),
)
"""By source only; not seen."""
HARBOR_PROXY_PROJECT = Reply(403, body=error("DENIED", "denied: can not push artifact to a proxy project: base"))
HARBOR_READ_ONLY = Reply(403, body=error("DENIED", "The system is in read only mode. Any modification is prohibited."))
HARBOR_IMMUTABLE_PUT = Reply(
    412,
    body=error(
        "PRECONDITION",
        "Failed to process request due to 'x/spectro-packs/archive/hello:1.0.0' configured as immutable.",
    ),
)
HARBOR_IMMUTABLE_DELETE = Reply(
    412, body=error("PRECONDITION", "the tag 1.0.0 configured as immutable, cannot be deleted")
)
HARBOR_NO_PROJECT = Reply(
    401, {"WWW-Authenticate": ""}, error("UNAUTHORIZED", "project base not found: project base not found")
)
HARBOR_API_FORBIDDEN = Reply(403, body=error("FORBIDDEN", "forbidden"))


def harbor_no_right(action: str) -> Reply:
    """A wrong password gets the same."""
    text = f"unauthorized to access repository: base/spectro-packs/archive/hello, action: {action}: unauthorized"
    return Reply(401, HARBOR_401, error("UNAUTHORIZED", text))


ZOT_401 = Reply(
    401, {"WWW-Authenticate": 'Basic realm="zot"', "Content-Type": "application/json"},
    b'{"code":"UNAUTHORIZED","message":"authentication required","detail":{"description":"The access controller was unable '
    b'to authenticate the client."}}',
)  # fmt: skip
"""No list, unlike its 403 and 404."""
DISTRIBUTION_READ_ONLY = Reply(405, body=error("UNSUPPORTED", "The operation is unsupported."))
NGINX_TLS_PORT = Reply(
    400, {"Content-Type": "text/html"},
    b"<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n"
    b"<center><h1>400 Bad Request</h1></center>\r\n<center>The plain HTTP request was sent to HTTPS port</center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
)  # fmt: skip
GO_TLS_PORT = Reply(400, body=b"Client sent an HTTP request to an HTTPS server.\n")
"""Of net/http, so of distribution, Zot and others in Go."""
