"""Delete tags, and nothing else, which the specification leaves to each registry.

1. DELETE by digest, if no other tag carries the image: distribution 2 and 3, Harbor and Zot take it. Nobody can pull the
   image afterwards, by digest neither.
2. Where another tag carries it, DELETE by tag: distribution 3 and Zot take it; distribution 2 responds with DIGEST_INVALID,
   Harbor UNSUPPORTED.
3. Harbor has an API of its own for a single tag.

ECR has BatchDeleteImage instead (packinfra/aws/ecr.py), which deletes an image with its last tag.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from urllib.parse import quote

from packinfra.oci.errors import DeleteDisabled, NotAuthorized, PolicyViolation, RegistryError, Step
from packinfra.oci.reference import Reference
from packinfra.oci.transport import Call

_DONE = (200, 202, 204, 404)


class Removal:
    """Deletes tags and images of one repository.

    For N tags its requests are linear in N: the tags are listed once, each is resolved once, and a way of deleting that
    the registry refused isn't tried again. So use one for one operation, and forget it: what it knows gets old.

    Args:
        tags: Lists the repository's tags.
        resolve: The digest that a tag carries.
        call: Begins a call on a reference.
        own_way: A registry's own way to delete a tag or, by digest, an image that no tag carries.
    """

    def __init__(
        self,
        repository: Reference,
        *,
        tags: Callable[[Reference], list[str]],
        resolve: Callable[[Reference], str | None],
        call: Callable[[Reference], Call],
        own_way: Callable[[Reference, str], None] | None = None,
    ) -> None:
        self._repository, self._tags, self._resolve, self._call = repository, tags, resolve, call
        self._own_way = own_way
        self._digests: dict[str, str | None] = {}
        self._listed: Collection[str] | None = None
        self._refused: dict[str, RegistryError] = {}

    def resolve(self, tag: str) -> str | None:
        """The digest that the tag carries, or carried when it was resolved first."""
        if tag not in self._digests:
            self._digests[tag] = self._resolve(self._at(tag))
        return self._digests[tag]

    def delete(self, reference: str, digest: str, *, along: Collection[str] = (), needed: str = "") -> None:
        """Deletes the tag, which carries `digest`; a missing one is success. A reference by digest: the image.

        Args:
            along: Other tags of the image that are to go too, and may go with this one.
            needed: What else needs the image, so that only the tag may go.

        Raises:
            DeleteDisabled: The registry can't, or not without other tags.
            RegistryError: Anything else.
        """
        at = self._at(reference)
        if self._own_way and not at.is_digest:
            self._own_way(at, digest)
        elif not (others := [*self._others(reference, digest, along), *filter(None, [needed])]) and self._is_listed(at):
            if self._own_way:
                self._own_way(at, digest)
            else:
                self._send("digest", at, f"manifests/{digest}")
            self._digests |= {tag: None for tag in along if self._digests.get(tag) == digest}
        elif at.is_digest:
            raise _takes_along(at, others)
        else:
            self._delete_one_tag(at, digest, others)
        self._digests[reference] = None

    def tags_with(self, digest: str, besides: str = "") -> list[str]:
        """The tags that carry the image."""
        if self._listed is None:
            listed = self._tags(self._repository)
            for tag in listed:
                self.resolve(tag)
            self._listed = listed
        return [tag for tag, carried in self._digests.items() if carried == digest and tag not in (besides, digest)]

    def _others(self, reference: str, digest: str, along: Collection[str]) -> list[str]:
        return [tag for tag in self.tags_with(digest, besides=reference) if tag not in along]

    def _is_listed(self, at: Reference) -> bool:
        """A list without the tag that is there comes from a cache, say: it may lack other tags of the image too."""
        return at.is_digest or self._listed is None or at.reference in self._listed

    def _delete_one_tag(self, at: Reference, digest: str, others: list[str]) -> None:
        try:
            self._send("tag", at, f"manifests/{at.reference}")
        except DeleteDisabled:
            if not self._is_listed(at) and self._resolve(at) is None:
                return  # distribution 2 rejects this DELETE whether the tag is there or not
            if not self._by_harbors_api(at, digest, others):
                raise _takes_along(at, others) from None

    def _by_harbors_api(self, at: Reference, digest: str, others: list[str]) -> bool:
        """False: the registry has no API like Harbor's."""
        project, _, name = at.repository.partition("/")
        # the slash in a repository's name is escaped twice (Harbor's API reference)
        path = f"/api/v2.0/projects/{project}/repositories/{quote(quote(name, safe=''), safe='')}"
        try:
            self._send("api", at, f"{path}/artifacts/{digest}/tags/{at.reference}", expect=(200,))
        except NotAuthorized as error:  # Harbor's API says "forbidden" and no more
            remedy = f"allow tag:delete for this user or robot account: {', '.join(others)} have the same image"
            raise error.recast(NotAuthorized, remedy=remedy) from error
        except RegistryError as error:
            if error.status in (400, 404, 405):
                return False
            raise
        return True

    def _send(self, way: str, at: Reference, path: str, expect: tuple[int, ...] = _DONE) -> None:
        if refused := self._refused.get(way):
            raise type(refused)(
                refused.step, at, status=refused.status, code=refused.code, text=refused.text, remedy=refused.remedy
            )
        call = self._call(at)
        url = path if path.startswith("/") else f"{call.repository}/{path}"
        try:
            try:
                response = call.send("DELETE", url, Step.DELETE, expect, actions="pull,push,delete", retry=True)
            except RegistryError as error:
                # Quay's token service rejects an action that it doesn't know; push is enough there (its v2auth.py).
                if (error.step, error.status) != (Step.TOKEN, 400):
                    raise
                response = call.send("DELETE", url, Step.DELETE, expect, actions="pull,push", retry=True)
        except RegistryError as error:
            if isinstance(error, (DeleteDisabled, NotAuthorized, PolicyViolation)) or (
                way == "api" and error.status == 404
            ):
                self._refused[way] = error
            raise
        if response.status == 404:
            call.confirm_missing(response, Step.DELETE)

    def _at(self, reference: str) -> Reference:
        return replace(self._repository, reference=reference)


def _takes_along(at: Reference, others: list[str]) -> DeleteDisabled:
    tags = f"the tags {', '.join(others)}" if others else "other tags: its list of tags lacks this one"
    return DeleteDisabled(
        Step.DELETE, at,
        text=f"the registry deletes by digest only, and that would take along {tags}",
        remedy="delete those tags too, or keep this one and forget it with pulumi state delete",
    )  # fmt: skip
