"""What users do today: for each pack `tar -czf`, then a plain push. Standard library only, so that it starts at once.

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

CONFIG = b"{}"


def publish(pack: str, asked: dict[str, object], folder: str) -> None:
    name = os.path.basename(pack)
    archive = os.path.join(folder, f"{name}.tar.gz")
    subprocess.run(["tar", "-czf", archive, "-C", os.path.dirname(pack), name], check=True)
    layout = _layout(archive, os.path.join(folder, name))
    target = f"{asked['target']}/{name}:1.0.0"
    subprocess.run([asked["crane"], "push", layout, target, *asked["options"]], check=True)  # type: ignore[list-item, misc]


def _layout(archive: str, layout: str) -> str:
    blobs = os.path.join(layout, "blobs", "sha256")
    os.makedirs(blobs, exist_ok=True)
    with open(archive, "rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    size = os.path.getsize(archive)
    os.replace(archive, os.path.join(blobs, digest))
    title = {"org.opencontainers.image.title": os.path.basename(archive)}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _blob(blobs, CONFIG, "application/vnd.unknown.config.v1+json"),
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": f"sha256:{digest}",
                "size": size,
                "annotations": title,
            }
        ],
    }
    index = {
        "schemaVersion": 2,
        "manifests": [_blob(blobs, json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")],
    }
    for path, document in (("index.json", index), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(os.path.join(layout, path), "w") as out:
            json.dump(document, out)
    return layout


def _blob(blobs: str, data: bytes, media_type: str) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as out:
        out.write(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def main() -> None:
    asked = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="packinfra-bench-") as folder, ThreadPoolExecutor(asked["at_once"]) as pool:
        list(pool.map(lambda pack: publish(pack, asked, folder), asked["packs"]))


if __name__ == "__main__":
    main()
