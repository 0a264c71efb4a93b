"""distribution's registry, 3 or 2.8 (registry:2), started on a free loopback port in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import trustme

from packinfra.oci import Client
from packinfra.oci.auth.credentials import Anonymous, Credentials, RegistryCredentials
from packinfra.oci.transport import Transport

BIN = Path(__file__).resolve().parents[2] / ".tools" / "bin"
BINARIES = {2: "registry2", 3: "registry"}
USER, PASSWORD = "robot", "p4ss:w\u00f6rd"


@dataclass(frozen=True)
class RealRegistry:
    """host: with port; ca_file: what signed its certificate, None without TLS; log: what it writes, requests included"""

    host: str
    ca_file: str | None
    log: Path
    version: int

    @property
    def requests(self) -> list[str]:
        """ "METHOD /path" of every request so far, in the order of their ends."""
        return re.findall(r'"([A-Z]+ /\S*) HTTP', self.log.read_text())

    def client(self) -> Client:
        """With its login where it has TLS."""
        login = RegistryCredentials(self.host, Credentials(USER, PASSWORD)) if self.ca_file else Anonymous()
        return Client(Transport(self.host, login, ca_file=self.ca_file, plain_http=not self.ca_file))

    def crane(self, *arguments: str) -> str:
        return self.crane_bytes(*arguments).decode()

    def crane_bytes(self, *arguments: str) -> bytes:
        """What crane, which others wrote, makes of it."""
        environment = {**os.environ, "SSL_CERT_FILE": self.ca_file or "", "DOCKER_CONFIG": str(self.log.parent)}
        command = [str(BIN / "crane"), *arguments, *([] if self.ca_file else ["--insecure"])]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


@contextlib.contextmanager
def real_registry(
    folder: Path,
    *,
    tls: bool,
    delete: bool = True,
    version: int = 3,
    address: str = "127.0.0.1",
    names: tuple[str, ...] = (),
    storage: str = "",
    more: str = "",
) -> Iterator[RealRegistry]:
    """Stopped whatever happens.

    tls: with a CA of its own, and a password; names: that its certificate has besides those of loopback; storage, more:
    lines of its configuration, below `storage` and at the top
    """
    folder.mkdir(parents=True, exist_ok=True)
    ca_file = None
    secure = ""
    if tls:
        ca = trustme.CA()
        ca_file = str(folder / "ca.pem")
        ca.cert_pem.write_to_path(ca_file)
        certificate = ca.issue_cert("127.0.0.1", "::1", "localhost", "0.0.0.0", *names)  # noqa: S104 - see helm.py
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(rounds=4)).decode()  # nothing but bcrypt is taken
        (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
        secure = f"tls: {{certificate: {folder}/cert.pem, key: {folder}/key.pem}}"
    (folder / "config.yml").write_text(f"""
version: 0.1
log: {{level: info}}
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: {str(delete).lower()}}}
  {storage}
{more}
http:
  addr: "{address}:0"
  relativeurls: {str(tls).lower()}
  {secure}
{f"auth: {{htpasswd: {{realm: packs, path: {folder}/htpasswd}}}}" if tls else ""}
""")
    log = folder / "log"
    with log.open("wb") as out:
        # without it each start complains that there is no collector of traces
        environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        process = subprocess.Popen(
            [str(BIN / BINARIES[version]), "serve", str(folder / "config.yml")], stdout=out, stderr=out, env=environment
        )
    try:
        yield RealRegistry(f"{address}:{_port(process, log)}", ca_file, log, version)
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder)  # large layers, and the login


def _port(process: subprocess.Popen[bytes], log: Path) -> str:
    """Written to its log at level info only."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := re.search(r"listening on (?:127\.0\.0\.1|\[::1\]):(\d+)", log.read_text()):
            return found[1]
        assert process.poll() is None, log.read_text()
        time.sleep(0.01)
    raise AssertionError(f"the registry did not start:\n{log.read_text()}")
