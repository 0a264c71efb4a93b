"""How a kind of registry differs from the specification. Amazon's traits are in packinfra/aws/ecr.py."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from packinfra.oci.errors import Step


@dataclass(frozen=True)
class RegistryTraits:
    """How a kind of registry behaves.

    Args:
        permissions: The permissions that a step needs, in the terms of the registry's access control; errors name it,
            since a rejection may come without a text.
        drops_uploads: The POST of an upload just loses its connection where the repository is missing.
        eventually_consistent: A repository that was made a moment ago may not be there yet.
        manifests_per_second: How fast manifests may be published, all repositories together.
    """

    permissions: Mapping[Step, str] = field(default_factory=dict)
    drops_uploads: bool = False
    eventually_consistent: bool = False
    manifests_per_second: float = math.inf


SPEC_CONFORMING = RegistryTraits()
