"""Today's scripts: for each pack `tar -czf`, then a plain push. Standard library only, so that it starts at once.

    python -I -S benchmarks/loop.py '{"crane": ..., "options": [...], "target": "host/path", "at_once": 4, "packs": [...]}'

The push is crane's (go-containerregistry), a Go program that starts, asks, uploads and ends once for each pack, as
`oras push` does. It takes the archive as an OCI image layout, which is written here: one hash and four small files.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.unknown.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
TITLE = "org.opencontainers.image.title"


def publish(pack: str, params: dict[str, Any], folder: str) -> None:
    name = os.path.basename(pack)
    archive = os.path.join(folder, f"{name}-1.0.0.tar.gz")
    subprocess.run(["tar", "-czf", archive, "-C", os.path.dirname(pack), name], check=True)
    prepared = layout(archive, os.path.join(folder, name))
    subprocess.run(
        [params["crane"], "push", prepared, f"{params['target']}/{name}:1.0.0", *params["options"]], check=True
    )


def layout(archive: str, folder: str) -> str:
    """An OCI image layout in `folder` with a manifest like that of ORAS 1.0.0; the archive is moved into it."""
    blobs = os.path.join(folder, "blobs", "sha256")
    os.makedirs(blobs, exist_ok=True)
    with open(archive, "rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    size, title = os.path.getsize(archive), os.path.basename(archive)
    os.replace(archive, os.path.join(blobs, digest))
    layer = {"mediaType": LAYER, "digest": f"sha256:{digest}", "size": size, "annotations": {TITLE: title}}
    manifest = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": _blob(blobs, b"{}", CONFIG), "layers": [layer],
    }  # fmt: skip
    index = {"schemaVersion": 2, "manifests": [_blob(blobs, json.dumps(manifest).encode(), MANIFEST)]}
    for path, document in (("index.json", index), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(os.path.join(folder, path), "w") as out:
            json.dump(document, out)
    return folder


def _blob(blobs: str, data: bytes, media_type: str) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as out:
        out.write(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def main() -> None:
    params = json.loads(sys.argv[1])
    with (
        tempfile.TemporaryDirectory(prefix="packinfra-bench-") as folder,
        ThreadPoolExecutor(params["at_once"]) as pool,
    ):
        list(pool.map(lambda pack: publish(pack, params, folder), params["packs"]))


if __name__ == "__main__":
    main()
