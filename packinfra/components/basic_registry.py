"""BasicPackRegistry: packs in Harbor, or in any other registry with user name and password. No AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from packinfra.components import _palette as in_palette
from packinfra.components._packs import base_path_or_error, packs_or_error, publish
from packinfra.lifecycle.registry_access import BasicAccess
from packinfra.resources.base_path import BasePath
from packinfra.settings import PACKS_PATH, PackSettings, PaletteSettings

TYPE = "packinfra:index:BasicPackRegistry"
"""Part of every URN below the component: frozen."""


class BasicPackRegistry(pulumi.ComponentResource):
    """The base path's empty artifact, and the packs below it.

        BasicPackRegistry("packs", host="harbor.example.com", base_path="team", packs=["packs/*"])

    name:       logical name; children are called `<name>-<packName>`
    host:       the registry, with its port if it has one, without scheme
    base_path:  the project (Harbor's must exist) and what stands below it, without spectro-packs
    packs:      as for EcrPackRegistry
    ca_file, plain_http, username: see BasicAccess
    palette:    as for EcrPackRegistry; Palette reads with `palette.username` and palette_password, and trusts `ca_file`
                where `palette.registry_ca_file` names no other

    Outputs, also together as `exports` (names in camelCase): `endpoint`, `base_path`, `repositories` (pack name ->
    host/path), `versions` (pack name -> version -> manifest digest). With `palette`, `palette_registry_uid`.
    """

    endpoint: pulumi.Output[str]
    base_path: pulumi.Output[str]
    repositories: pulumi.Output[dict[str, str]]
    versions: pulumi.Output[dict[str, dict[str, str]]]
    palette_registry_uid: pulumi.Output[str] | None

    def __init__(
        self,
        name: str,
        *,
        host: str,
        base_path: str,
        packs: str | Sequence[str | PackSettings | Mapping[str, Any]] = ("packs/*",),
        ca_file: str | None = None,
        plain_http: bool = False,
        username: str | None = None,
        palette: PaletteSettings | None = None,
        palette_password: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        base, found = base_path_or_error(base_path), packs_or_error(packs)
        super().__init__(TYPE, name, {}, opts)
        access = BasicAccess(ca_file=ca_file, plain_http=plain_http, username=username)
        archive = f"{host}/{base}/{PACKS_PATH}"
        root = BasePath(name, repository=archive, registry_access=access, opts=pulumi.ResourceOptions(parent=self))
        published = publish(
            self,
            name,
            found,
            {pack: f"{archive}/{pack}" for pack in found.packs},
            lambda: pulumi.ResourceOptions(parent=self, depends_on=[root]),
            registry_access=access,
        )
        self.endpoint = pulumi.Output.from_input(host)
        self.base_path = pulumi.Output.from_input(base)
        self.repositories, self.versions = published.repositories, published.versions
        self.palette_registry_uid = None
        if palette:
            login = in_palette.Login(
                username=palette.username,
                password=palette_password,
                registry_ca_file=palette.registry_ca_file or ca_file,
                ready=[root],
            )
            endpoint = f"{'http' if plain_http else 'https'}://{host}"
            registered = in_palette.register(
                name, palette, login, kind="basic", endpoint=endpoint, base_path=base,
                versions=self.versions, packs=published.packs, child=lambda: pulumi.ResourceOptions(parent=self),
            )  # fmt: skip
            self.palette_registry_uid = registered.uid
        exports = {
            "endpoint": self.endpoint,
            "basePath": self.base_path,
            "repositories": self.repositories,
            "versions": self.versions,
            "paletteRegistryUid": self.palette_registry_uid,
        }
        self.exports: dict[str, pulumi.Output[Any]] = {k: v for k, v in exports.items() if v is not None}
        self.register_outputs(self.exports)
