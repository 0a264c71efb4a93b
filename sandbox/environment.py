"""The environment in which every tool for AWS or Palette uses the sandbox, and nothing else.

``environment.json`` holds it for programs; ``python -m sandbox env`` prints it for a shell.
"""

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

FILE = "environment.json"
# Variables of the user that would lead tools past the sandbox; a * matches any text.
UNSET = [
    "AWS_*", "SPECTROCLOUD_*", "HTTP_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_DIR",
]  # fmt: skip


@dataclass(frozen=True)
class Environment:
    variables: Mapping[str, str]
    unset: Iterable[str]

    @classmethod
    def make(cls, folder: Path, region: str, keys: Mapping[str, str], proxy_port: int) -> "Environment":
        ca = str(folder / "ca.pem")
        return cls(
            {
                **keys,
                "AWS_REGION": region,
                "AWS_DEFAULT_REGION": region,
                "AWS_CONFIG_FILE": str(folder / "aws-config"),
                "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws-credentials"),
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CA_BUNDLE": ca,
                "REQUESTS_CA_BUNDLE": ca,
                "CURL_CA_BUNDLE": ca,
                "SSL_CERT_FILE": ca,
                "HTTPS_PROXY": f"http://127.0.0.1:{proxy_port}",
                "NO_PROXY": "127.0.0.1,localhost",
            },
            UNSET,
        )

    @classmethod
    def read(cls, folder: Path) -> "Environment | None":
        try:
            return cls(**json.loads((folder / FILE).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Atomically, readable by the owner alone: the file has a key, and its presence means that the sandbox is ready."""
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            Path(self.variables[name]).write_text("")
        draft = folder / (FILE + ".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            json.dump({"variables": dict(self.variables), "unset": list(self.unset)}, stream, indent=2)
        draft.replace(folder / FILE)

    def exports(self, current: Mapping[str, str]) -> str:
        """Lines for ``eval`` in a shell that has the ``current`` environment."""
        unset = [name for name in sorted(current) if any(fnmatchcase(name, pattern) for pattern in self.unset)]
        lines = [f"unset {name}" for name in unset if name not in self.variables]
        lines += [f"export {name}={shlex.quote(value)}" for name, value in self.variables.items()]
        return "\n".join(lines)
