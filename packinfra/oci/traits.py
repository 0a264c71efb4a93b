"""In what a kind of registry differs from the specification. What is Amazon's own stands in packinfra/aws/ecr.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from packinfra.oci.errors import Step


@dataclass(frozen=True)
class RegistryTraits:
    """
    permissions:          what an identity needs for a step, in the words of the registry's access control; named in
                          errors, since a refusal may come without a word
    drops_uploads:        the POST of an upload just loses its connection where the repository is missing
    manifests_per_second: how fast manifests may be published, all repositories together
    """

    permissions: Mapping[Step, str] = field(default_factory=dict)
    drops_uploads: bool = False
    manifests_per_second: float | None = None


SPEC_CONFORMING = RegistryTraits()
