"""Are two hosts names of one registry? An upload that was begun at one host is known at the other, or it isn't.

    POST at the first host -> 202, Location -> GET of its path at the second host: 204 if it is the same registry
    (distribution specification, end-13) -> DELETE at the first host, so that nothing stays.

A HEAD of a tag or blob couldn't tell: two registries may well have the same content.
"""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

from packinfra.oci.destinations import absolute
from packinfra.oci.errors import RegistryError, Step
from packinfra.oci.reference import Reference
from packinfra.oci.transport import Transport

_ACTIONS = "pull,push"
# BLOB_UPLOAD_INVALID: distribution signs its Locations, and another one has another secret.
_UNKNOWN = ("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID")


def same_registry(one: Transport, other: Transport, reference: Reference) -> bool | None:
    """Whether the two hosts lead to one registry; None if that is unclear.

    reference: of a repository that is there at both
    """
    call, step = one.call(reference), Step.BEGIN
    try:
        response = call.send("POST", f"{call.repository}/blobs/uploads/", step, (202,), actions=_ACTIONS, retry=True)
        session = absolute(response.url, response.headers.get("Location", ""), step, reference)
    except RegistryError:
        return None
    try:
        path = urlsplit(session)._replace(scheme="", netloc="").geturl()
        other.call(reference).send("GET", path, step, (204,), actions=_ACTIONS, retry=True)
        return True
    except RegistryError as error:
        return False if error.status == 404 and error.code in _UNKNOWN else None
    finally:
        with contextlib.suppress(RegistryError):
            call.send("DELETE", session, step, (204, 404), actions=_ACTIONS)
