"""List a repository's tags, page by page, to an end that a registry can't put off."""

from __future__ import annotations

from packinfra.oci.bodies import next_page, tags_in
from packinfra.oci.destinations import absolute
from packinfra.oci.errors import RegistryError, Step
from packinfra.oci.transport import Call

_PAGE_LIMIT = 4 << 20
"""Bytes that are read of a page."""
_PAGES = 1000
_TAGS = 500_000
"""ECR keeps at most 100,000 images in a repository, without asking (ECR service quotas)."""


def list_tags(call: Call) -> list[str]:
    """Every tag of the call's repository; none if there is no such repository. Raises RegistryError."""
    tags, seen, url = list[str](), set[str](), f"{call.repository}/tags/list?n=1000"
    while url not in seen and len(seen) < _PAGES and len(tags) <= _TAGS:
        seen.add(url)
        page = call.send("GET", url, Step.LIST, (200, 404), limit=_PAGE_LIMIT, retry=True)
        if page.status == 404:
            call.confirm_missing(page, Step.LIST)
            return []
        tags += tags_in(page, call.reference)
        following = next_page(page)
        if not following:
            return tags
        url = absolute(page.url, following, Step.LIST, call.reference)
    raise RegistryError(Step.LIST, call.reference, text=f"no end after {len(seen)} pages and {len(tags)} tags")
