"""A copy of the ready program in a folder of a test's own, run by the real engine on the sandbox."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from packinfra.settings import PACKS_PATH
from tests.support.packs import make_pack
from tests.support.sandbox import Sandbox
from tools.workspace import Workspace

CHECKOUT = Path(__file__).parents[2]
_PLUGINS: list[Path] = []
"""The folder of the plugins of this process's last project; empty before the first one."""


class Project:
    """The program with one pack, `hello` 1.0.0 in packs/hello, below `base_path`."""

    def __init__(self, folder: Path, sandbox: Sandbox, base_path: str) -> None:
        self.base_path = base_path
        self.workspace = Workspace(CHECKOUT, folder / "project", folder / "local", sandbox.dir, "test")
        self.folder = self.workspace.project
        self._copy()
        make_pack(self.folder / "packs/hello")
        self.configure()
        _install_plugin(self.workspace)
        self.workspace.select_stack()

    @property
    def repository(self) -> str:
        return f"{self.base_path}/{PACKS_PATH}/hello"

    def _copy(self) -> None:
        (self.folder / "stacks").mkdir(parents=True)
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(CHECKOUT / name, self.folder)
        (self.folder / ".venv").symlink_to(CHECKOUT / ".venv")

    def configure(self, **changes: Any) -> None:
        """Writes the stack file; a change replaces a whole key ("packs" for packinfra:packs, "aws_region")."""
        config: dict[str, Any] = {
            "aws:region": "eu-west-1",
            "aws:allowedAccountIds": ["123456789012"],
            "packinfra:registry": {"kind": "ecr", "basePath": self.base_path},
            "packinfra:repositories": {"immutable": False},
            "packinfra:packs": ["packs/*"],
        }
        for key, value in changes.items():
            full = key.replace("_", ":") if key.startswith("aws_") else f"packinfra:{key}"
            config.pop(full, None)
            if value is not None:
                config[full] = value
        path = self.folder / "stacks/Pulumi.test.yaml"
        old = yaml.safe_load(path.read_text()) if path.exists() else {}
        secrets = {k: v for k, v in old.get("config", {}).items() if isinstance(v, dict) and "secure" in v}
        path.write_text(yaml.safe_dump({**old, "config": {**config, **secrets}}))

    def secret(self, key: str, value: str) -> None:
        """Sets packinfra:<key>; `configure` leaves it."""
        self.run("config", "set", "--secret", f"packinfra:{key}", value)

    def variables(self, **changes: str | None) -> None:
        """The engine's environment from now on: the sandbox's with these changes; None removes a variable."""
        found = json.loads((self.workspace.sandbox / "environment.json").read_text())
        variables = {**found["variables"], **changes}
        found["variables"] = {key: value for key, value in variables.items() if value is not None}
        folder = self.folder.parent / "environment"
        folder.mkdir(exist_ok=True)
        (folder / "environment.json").write_text(json.dumps(found))
        self.workspace = replace(self.workspace, sandbox=folder)

    def program(self, text: str) -> None:
        """Another program instead of the ready one; `BASE` in it is the base path."""
        imports = "import packinfra, pulumi, pulumi_aws as aws\nfrom pulumi import Alias, ResourceOptions\n"
        (self.folder / "__main__.py").write_text(f"{imports}BASE = {self.base_path!r}\n{text}")

    def urn(self, name: str) -> str:
        urn: str = self.resources()[name]["urn"]
        return urn

    def moved(self, folder: Path) -> Project:
        """The same stack from another checkout, which holds no packs."""
        other = object.__new__(Project)
        other.base_path = self.base_path
        other.workspace = replace(self.workspace, project=folder)
        other.folder = folder
        other._copy()
        shutil.copy(self.folder / "stacks/Pulumi.test.yaml", folder / "stacks")
        return other

    def run(self, *arguments: str, succeeds: bool = True) -> str:
        """What pulumi printed."""
        done = self.workspace.pulumi(*arguments, "--stack", "test", "--non-interactive")
        text = done.stdout + done.stderr
        assert (done.returncode == 0) is succeeds, text
        return text

    def up(self, *arguments: str, succeeds: bool = True) -> str:
        return self.run("up", "--yes", "--skip-preview", *arguments, succeeds=succeeds)

    def preview(self) -> dict[str, str]:
        """Logical name -> operation, of everything that would not stay the same; from the engine's JSON."""
        done: subprocess.CompletedProcess[str] = self.workspace.pulumi(
            "preview", "--json", "--stack", "test", "--non-interactive"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        steps = json.loads(done.stdout)["steps"]
        return {f"{_kind(s['urn'])} {_name(s['urn'])}": s["op"] for s in steps if s["op"] not in ("same", "read")}

    def preview_fails(self) -> str:
        """What it printed."""
        return self.run("preview", succeeds=False)

    def same(self) -> None:
        """Neither preview nor refresh finds anything to change."""
        self.run("preview", "--expect-no-changes")
        self.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")

    def destroy(self, *, succeeds: bool = True) -> str:
        return self.run("destroy", "--yes", "--skip-preview", succeeds=succeeds)

    def output(self, name: str) -> Any:
        return json.loads(self.run("stack", "output", name, "--json"))

    def kept(self) -> str:
        """Every file of the stack and of the engine, nothing decrypted: config, state, its history and backups, logs."""
        folders = (self.workspace.local, self.folder / "stacks")
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in files)

    def resources(self) -> dict[str, dict[str, Any]]:
        """The state: "Kind name" -> resource."""
        state = json.loads(self.run("stack", "export"))["deployment"]
        return {f"{_kind(r['urn'])} {_name(r['urn'])}": r for r in state.get("resources", [])}

    def pack(self) -> dict[str, Any]:
        """The outputs of the pack's PublishedPack."""
        outputs: dict[str, Any] = self.resources()["PublishedPack packs-hello"]["outputs"]
        return outputs

    def digests(self) -> dict[str, str]:
        return {version: record["manifestDigest"] for version, record in self.pack()["versions"].items()}


def _install_plugin(workspace: Workspace) -> None:
    """As `make up` does, but once in a process: it takes the engine half a second of CPU."""
    folder = workspace.local / "pulumi-home" / "plugins"
    if _PLUGINS:
        shutil.copytree(_PLUGINS[0], folder)
    workspace.install_plugin()
    _PLUGINS[:] = [folder]


def _kind(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", maxsplit=1)[-1].rpartition(":")[2]


def _name(urn: str) -> str:
    return urn.split("::")[3]
