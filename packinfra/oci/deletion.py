"""Delete one tag, and nothing else, which the specification leaves to each registry.

1. DELETE by tag: in the specification, in distribution 3 and Zot; distribution 2 and Harbor refuse it.
2. DELETE by digest takes every tag of that image along, so only if no other tag carries it.
3. Where another one does, Harbor has an API of its own for a single tag.

ECR has BatchDeleteImage instead (packinfra/aws/ecr.py).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from packinfra.oci.errors import DeleteDisabled, RegistryError, Step
from packinfra.oci.responses import confirm_missing
from packinfra.oci.transport import Call


def delete_tag(call: Call, digest: str, sharing: Callable[[], list[str]]) -> None:
    """Deletes the tag, which carries `digest`; a missing one is success. A reference by digest: the image.

    sharing: returns the repository's other tags with the same digest. Raises DeleteDisabled, or another RegistryError.
    """
    reference = call.reference

    def delete(url: str, expect: tuple[int, ...] = (200, 202, 204, 404)) -> None:
        response = call.send("DELETE", url, Step.DELETE, expect, actions="pull,push,delete", retry=True)
        if response.status == 404:
            confirm_missing(response, Step.DELETE, reference)

    def by_api() -> bool:
        """Harbor's own; other registries have none."""
        project, _, name = reference.repository.partition("/")
        # the slash in a repository's name is escaped twice (Harbor's API reference)
        path = f"/api/v2.0/projects/{project}/repositories/{quote(quote(name, safe=''), safe='')}"
        try:
            delete(f"{path}/artifacts/{digest}/tags/{reference.reference}", expect=(200,))
        except RegistryError as error:
            if error.status in (400, 404, 405):
                return False
            raise
        return True

    if not reference.is_digest:
        try:
            delete(call.manifest)
            return
        except DeleteDisabled:
            pass  # by tag, at least
    others = sharing()
    if not others:
        delete(f"{call.repository}/manifests/{digest}")
    elif reference.is_digest or not by_api():
        raise DeleteDisabled(
            Step.DELETE, reference, text=f"the registry deletes by digest only, and that would take along the tags "
            f"{', '.join(others)}", remedy="delete those tags too, or keep this one and forget it with pulumi state delete",
        )  # fmt: skip
