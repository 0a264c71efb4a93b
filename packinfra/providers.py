"""The dynamic providers. FROZEN: users' state holds each as a pickled reference to this module and a class in it.

Read, delete, refresh and destroy run from that reference, with the version of packinfra that is installed then. So
classes are added here, and never renamed, moved or given attributes of an instance (docs/upgrading.md). Each one only
hands over to lifecycle/, which is loaded when the provider host configures it: loading this file loads nothing else.
"""
# ruff: noqa: PLC0415 - see above

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

if TYPE_CHECKING:
    from packinfra.lifecycle.results import Lifecycle
    from packinfra.lifecycle.run import Config, Run

_PROVIDER = "__provider"


class _Provider(ResourceProvider):
    """Translates between Pulumi and a Lifecycle; called in up to four threads."""

    serialize_as_secret_always = False  # there is nothing secret in a reference

    def make(self, run: Run, config: Config) -> Lifecycle:
        raise NotImplementedError

    def configure(self, req: ConfigureRequest) -> None:
        from packinfra.host.error_format import install_error_formatter
        from packinfra.host.run import current_run

        install_error_formatter()
        self._lifecycle = self.make(current_run(), req.config.get)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        outcome = self._lifecycle.check(_olds, news)
        return CheckResult(outcome.inputs, [CheckFailure("", problem) for problem in outcome.problems])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        outcome = self._lifecycle.diff(_id, _olds, _news)
        return DiffResult(
            # True with every replacement: with False the engine silently ignores `replaces`.
            changes=outcome.changes or _olds.get(_PROVIDER) != _news.get(_PROVIDER),
            replaces=list(outcome.replaces),
            delete_before_replace=outcome.old_first,
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        outcome = self._lifecycle.create(props)
        return CreateResult(outcome.id, outcome.outputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._lifecycle.update(_id, _olds, _news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        outcome = self._lifecycle.read(id_, props)
        return ReadResult(id_, outcome.outputs, outcome.inputs) if outcome else ReadResult("", {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        self._lifecycle.delete(_id, _props)


class PublishedPackProvider(_Provider):
    def make(self, run: Run, config: Config) -> Lifecycle:
        from packinfra.lifecycle.packs.published_pack import PublishedPackLifecycle

        return PublishedPackLifecycle(run, config)


class PublishedArtifactProvider(_Provider):
    def make(self, run: Run, config: Config) -> Lifecycle:
        from packinfra.lifecycle.artifacts.published_artifact import PublishedArtifactLifecycle

        return PublishedArtifactLifecycle(run, config)


class CopiedArtifactProvider(_Provider):
    def make(self, run: Run, config: Config) -> Lifecycle:
        from packinfra.lifecycle.copies.copied_artifact import CopiedArtifactLifecycle

        return CopiedArtifactLifecycle(run, config)


class PublishedNamesProvider(_Provider):
    def make(self, run: Run, config: Config) -> Lifecycle:
        from packinfra.lifecycle.published_names import PublishedNamesLifecycle

        return PublishedNamesLifecycle(run, config)


class BasePathProvider(_Provider):
    def make(self, run: Run, config: Config) -> Lifecycle:
        from packinfra.lifecycle.base_path import BasePathLifecycle

        return BasePathLifecycle(run, config)


class PalettePrincipalProvider(_Provider):
    def make(self, run: Run, config: Config) -> Lifecycle:
        from packinfra.lifecycle.palette.principal import PalettePrincipalLifecycle

        return PalettePrincipalLifecycle(run, config)


class PaletteRegistryProvider(_Provider):
    def make(self, run: Run, config: Config) -> Lifecycle:
        from packinfra.lifecycle.palette.registry import PaletteRegistryLifecycle

        return PaletteRegistryLifecycle(run, config)


class PaletteSyncProvider(_Provider):
    def make(self, run: Run, config: Config) -> Lifecycle:
        from packinfra.lifecycle.palette.sync import PaletteSyncLifecycle

        return PaletteSyncLifecycle(run, config)


class RemovalCheckProvider(_Provider):
    def make(self, run: Run, config: Config) -> Lifecycle:
        from packinfra.lifecycle.removal_check import RemovalCheckLifecycle

        return RemovalCheckLifecycle(run, config)


class ClusterProfileProvider(_Provider):
    def make(self, run: Run, config: Config) -> Lifecycle:
        from packinfra.lifecycle.profiles.cluster_profile import ClusterProfileLifecycle

        return ClusterProfileLifecycle(run, config)
