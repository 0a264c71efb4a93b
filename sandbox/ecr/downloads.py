"""The addresses of blobs: on AWS a bucket of ECR, reached by a signed link.

behaviour.md BLOB-4: a registry client is redirected with 307 and must not send its ``Authorization`` header there.
"""

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

LIFE = 3600


@dataclass
class Downloads:
    links: dict[str, tuple[Path, float]] = field(default_factory=dict)

    def link(self, blob: Path, region: str) -> str:
        now = time.time()
        self.links = {key: link for key, link in self.links.items() if link[1] > now}
        key = secrets.token_urlsafe(24)
        self.links[key] = blob, now + LIFE
        return f"https://prod-{region}-starport-layer-bucket.s3.{region}.amazonaws.com/{key}?X-Amz-Expires={LIFE}"

    def find(self, key: str) -> Path | None:
        blob, expires = self.links.get(key, (None, 0.0))
        return blob if blob and expires > time.time() and blob.is_file() else None
