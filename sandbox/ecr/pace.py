"""How many manifests a second one registry takes (behaviour.md MAN-17)."""

from sandbox import pace
from sandbox.ecr.errors import RefusedError
from sandbox.ecr.state import Registry


class Pace(pace.Pace):
    def take(self, registry: Registry) -> None:
        if not self.takes((registry.account, registry.region)):
            raise RefusedError("ThrottlingException", "Rate exceeded")
