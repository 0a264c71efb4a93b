"""Helm, which others wrote, against a real registry."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.registry import BIN, PASSWORD, USER, RealRegistry


class Helm:
    """Logged in at the registry; everything that it writes stays in `folder`."""

    def __init__(self, registry: RealRegistry, folder: Path) -> None:
        self._registry, self._folder = registry, folder
        # Helm speaks HTTP without TLS to 127.0.0.1 and localhost; this is another name of the same address.
        self.host = registry.host.replace("127.0.0.1", "0.0.0.0")  # noqa: S104
        folder.mkdir(parents=True, exist_ok=True)
        homes = {f"HELM_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "CONFIG", "DATA")}
        self._environment = {**homes, "HELM_REGISTRY_CONFIG": str(folder / "login.json"), "HOME": str(folder)}
        self.run("registry", "login", self.host, "-u", USER, "-p", PASSWORD, *self._secure)

    @property
    def _secure(self) -> list[str]:
        return ["--ca-file", self._registry.ca_file or ""]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(BIN / "helm"), *arguments],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def package(self, chart: Path) -> Path:
        """The archive that it makes of a folder."""
        shown = self.run("package", str(chart), "--destination", str(self._folder))
        return Path(shown.strip().rpartition(": ")[2])

    def push(self, archive: Path, path: str) -> None:
        self.run("push", str(archive), f"oci://{self.host}/{path}", *self._secure)

    def pull(self, path: str, version: str) -> Path:
        """The archive that it pulls."""
        self.run("pull", f"oci://{self.host}/{path}", "--version", version, *self._secure)
        return self._folder / f"{path.rpartition('/')[2]}-{version.replace('_', '+')}.tgz"

    def template(self, path: str, version: str) -> str:
        """The manifests that it makes of the chart in the registry."""
        return self.run("template", "rel", f"oci://{self.host}/{path}", "--version", version, *self._secure)
