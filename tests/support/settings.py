"""Stack configs for tests."""

from __future__ import annotations

import json
from typing import Any

REGISTRY = '{"kind": "ecr", "basePath": "packs"}'
GOOD = {"aws:region": "eu-west-1", "packinfra:registry": REGISTRY}
BASIC = '{"kind": "basic", "basePath": "team", "host": "harbor.example.com:8443"}'


def palette(registry: str = REGISTRY, **settings: Any) -> dict[str, str | None]:
    return {"packinfra:registry": registry, "packinfra:palette": json.dumps({"name": "packs", **settings})}
