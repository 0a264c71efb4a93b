"""Take one tag away, and nothing else: what the specification leaves to each registry.

1. DELETE by tag: in the specification, in distribution 3 and Zot; distribution 2 and Harbor refuse it.
2. DELETE by digest takes every tag of that image along, so only if no other tag carries it.
3. Where another one does, Harbor has an API of its own for a single tag.

ECR has BatchDeleteImage instead (packinfra/aws/ecr.py).
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from packinfra.http.budget import RetryBudget
from packinfra.oci.errors import DeleteDisabled, RegistryError, Step
from packinfra.oci.reference import Reference
from packinfra.oci.transport import Transport


def delete_tag(
    transport: Transport, operation: RetryBudget, reference: Reference, digest: str, sharing: Callable[[], list[str]]
) -> None:
    """Removes the tag, which carries `digest`; what isn't there is success. A reference by digest: the image.

    sharing: the repository's other tags with the same digest. Raises DeleteDisabled or another RegistryError.
    """

    def delete(url: str, expect: tuple[int, ...] = (200, 202, 204, 404)) -> None:
        answer = operation.attempt(
            lambda: transport.send(
                "DELETE", url, step=Step.DELETE, reference=reference, expect=expect, actions="pull,push,delete"
            )
        )
        if answer.status == 404:
            answer.require_gone(Step.DELETE, reference)

    def by_api() -> bool:
        """Harbor's own; elsewhere there is no such thing."""
        project, _, name = reference.repository.partition("/")
        # the slash in a repository's name is escaped twice (Harbor's API reference)
        place = f"/api/v2.0/projects/{project}/repositories/{quote(quote(name, safe=''), safe='')}"
        try:
            delete(f"{place}/artifacts/{digest}/tags/{reference.tag}", expect=(200,))
        except RegistryError as error:
            if error.status in (400, 404, 405):
                return False
            raise
        return True

    manifests = f"/v2/{reference.repository}/manifests"
    try:
        if reference.tag != digest:
            delete(f"{manifests}/{reference.tag}")
            return
    except DeleteDisabled:
        pass  # by tag, at least
    others = sharing()
    if not others:
        delete(f"{manifests}/{digest}")
    elif reference.tag == digest or not by_api():
        raise DeleteDisabled(
            Step.DELETE, reference, text=f"the registry deletes by digest only, and that would take along the tags "
            f"{', '.join(others)}", remedy="delete those tags too, or keep this one and forget it with pulumi state delete",
        )  # fmt: skip
