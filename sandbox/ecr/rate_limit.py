"""How many manifests a second one registry accepts (behaviour.md MAN-17)."""

from sandbox import rate_limit
from sandbox.ecr.errors import ApiError
from sandbox.ecr.state import Registry


class ManifestRateLimit(rate_limit.RateLimit):
    def check(self, registry: Registry) -> None:
        if not self.allows((registry.account, registry.region)):
            raise ApiError("ThrottlingException", "Rate exceeded")
