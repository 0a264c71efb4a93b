"""Pack folders for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VALID: dict[str, Any] = {
    "name": "hello",
    "displayName": "Hello",
    "version": "1.0.0",
    "layer": "addon",
    "addonType": "app services",
    "cloudTypes": ["all"],
    "kubeManifests": ["manifests/hello.yaml"],
}


def make_pack(folder: Path, files: dict[str, str | bytes] | None = None, **metadata: Any) -> Path:
    """Writes a small valid pack into `folder`; `metadata` changes pack.json (None removes a key)."""
    document = {key: value for key, value in {**VALID, **metadata}.items() if value is not None}
    content: dict[str, str | bytes] = {
        "pack.json": json.dumps(document),
        "values.yaml": "pack:\n  namespace: hello\n",
        "manifests/hello.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: hello}\n",
        **(files or {}),
    }
    for path, data in content.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
    return folder
