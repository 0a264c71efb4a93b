"""The sandbox process: one asyncio loop with the TLS port, the proxy, IAM, KMS and STS, the ECR, and Palette."""

import asyncio
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from sandbox.certificates import Certificates, serve_tls
from sandbox.control import Control
from sandbox.ecr.access import Tokens
from sandbox.ecr.control import ControlPlane
from sandbox.ecr.data_plane import DataPlane
from sandbox.ecr.downloads import Downloads
from sandbox.ecr.rate_limit import ManifestRateLimit
from sandbox.ecr.state import Store
from sandbox.ecr.uploads import Uploads
from sandbox.environment import Environment
from sandbox.faults import Faults
from sandbox.front import Front
from sandbox.instance import Instance
from sandbox.palette.api import Palette
from sandbox.palette.overrides import Overrides
from sandbox.palette.source import RegistryProbe
from sandbox.proxy import PIECE, Proxy


@dataclass(frozen=True)
class Settings:
    """The options of ``start`` and ``serve``."""

    region: str = "eu-west-1"
    account: str = "123456789012"
    proxy_port: int = 0
    tls_port: int = 0
    token_seconds: float = 12 * 3600
    put_image_rate: float = 10
    missing_repository: str = "respond"


# ministack reads these when it is imported. Everything that would open a port or write to the disk is off.
_MINISTACK = {
    "AUTH": "true",
    "BIND_HOST": "127.0.0.1",
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "PERSIST_STATE": "0",
    "USE_SSL": "0",
    "LOG_LEVEL": "WARNING",
}


class PortTakenError(Exception):
    """Another program has the port."""


def _listen(option: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError as error:
        listener.close()
        text = f"{option} {port}: {error.strerror or error}"
        raise PortTakenError(f"{text}. Choose another port, or leave {option} out to take a free one.") from None
    return listener


def _scrub_environment(settings: Settings) -> None:
    """Hides the user's environment from ministack: AWS credentials, settings of another ministack, Docker."""
    for name in list(os.environ):
        if name not in ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ"):
            del os.environ[name]
    os.environ.update(_MINISTACK, MINISTACK_ACCOUNT_ID=settings.account, MINISTACK_REGION=settings.region)


def run(folder: Path, settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; raises AlreadyRunningError or PortTakenError before it does anything."""
    instance = Instance(folder)
    with (
        instance.hold(),
        _listen("--proxy-port", settings.proxy_port) as proxy,
        _listen("--tls-port", settings.tls_port) as tls,
        (folder / "proxy.log").open("a") as log,
    ):
        _scrub_environment(settings)
        asyncio.run(_serve(folder, settings, proxy, tls, log))


async def _serve(folder: Path, settings: Settings, proxy: socket.socket, tls: socket.socket, log: TextIO) -> None:
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)

    from sandbox import accounts  # noqa: PLC0415  (ministack reads the environment when it is imported)

    certificates = Certificates()
    certificates.write_authority(folder / "ca.pem")
    store = Store(folder / "blobs" / "repositories", frozenset({settings.account}))
    tokens, downloads = Tokens(settings.token_seconds), Downloads()
    manifests = ManifestRateLimit(settings.put_image_rate, settings.put_image_rate)
    authorize, faults = accounts.authorize(store), Faults()
    control = ControlPlane(store, tokens, downloads, manifests, authorize, accounts.has_principal, accounts.find_key)
    drops = settings.missing_repository == "drop"
    registry = DataPlane(store, tokens, Uploads(), downloads, manifests, authorize, drops)

    key = await accounts.create_user(settings.account, accounts.USER, accounts.POLICY)
    tls_port, proxy_port = tls.getsockname()[1], proxy.getsockname()[1]
    palette_key = await accounts.create_user(accounts.PALETTE_ACCOUNT, "palette", accounts.PALETTE_POLICY)
    overrides = Overrides()
    probe = RegistryProbe(f"http://127.0.0.1:{proxy_port}", str(folder / "ca.pem"), *palette_key, overrides)
    palette = Palette(accounts.PALETTE_ACCOUNT, probe, overrides)
    health = {"pid": os.getpid(), "account": settings.account, "region": settings.region}
    asked: dict[str, set[str]] = {}
    accounts.record_asked(asked)
    connect = Proxy(tls_port, log, Control(health, faults, palette, asked))
    front = Front(registry, accounts.install(control, store), downloads, palette, faults, connect.cut)
    async with await asyncio.start_server(connect, sock=proxy, limit=PIECE):
        keys = {
            "AWS_ACCESS_KEY_ID": key.access_key,
            "AWS_SECRET_ACCESS_KEY": key.secret_key,
            "SPECTROCLOUD_APIKEY": palette.make_key(admin=True),
        }
        environment = Environment.make(folder, settings.region, keys, proxy_port)
        serving = asyncio.create_task(serve_tls(front, certificates, tls, stop))
        environment.write(folder)
        await asyncio.wait({serving, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        faults.clear()
        connect.abort()
        await serving
