"""The life of one pack without engine and provider host, on a scripted registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from packinfra.lifecycle.packs.published_pack import PublishedPackLifecycle
from packinfra.lifecycle.registry_access import BasicAccess, access_to_props
from packinfra.lifecycle.results import PartialFailure
from tests.support.packs import make_pack
from tests.support.run import Messages, new_run
from tests.support.scripted_registry import ScriptedRegistry

URN = "urn:pulumi:test::packinfra::pulumi-python:dynamic/packinfra:PublishedPack::packs-hello"
Props = dict[str, Any]


class Bench:
    """A pack folder `hello`, published in a scripted registry."""

    def __init__(self, registry: ScriptedRegistry, folder: Path) -> None:
        self.name = "team/spectro-packs/archive/hello"
        self.repository = f"{registry.host}/{self.name}"
        self.folder = make_pack(folder)
        self.run = new_run(Messages())
        self.new_run()

    def new_run(self) -> None:
        """As each pulumi command begins: nothing is known of the one before."""
        self.run.archives.close()
        self.messages = Messages()
        self.run = new_run(self.messages)
        self.lifecycle = PublishedPackLifecycle(self.run, lambda _: None)

    def check(self, olds: Props | None = None, **more: Any) -> Props:
        access = access_to_props(BasicAccess(plain_http=True))
        news = {"repository": self.repository, "sources": [str(self.folder)], "registryAccess": access, "ownUrn": URN}
        outcome = self.lifecycle.check(olds or {}, {**news, **more})
        assert not outcome.problems
        return outcome.inputs

    def publish(
        self, *versions: str, olds: Props | None = None, outs: Props | None = None, **more: Any
    ) -> tuple[Props, Props]:
        """A run that publishes the versions, each with a folder of its own; (inputs, outputs)."""
        self.new_run()
        sources = [str(make_pack(self.folder.with_name(version), version=version)) for version in versions]
        inputs = self.check(olds, sources=sources, **more)
        if outs is None:
            return inputs, self.lifecycle.create(inputs).outputs
        assert self.lifecycle.diff(self.repository, outs, inputs).changes
        return inputs, self.lifecycle.update(self.repository, outs, inputs)

    def refresh(self, inputs: Props, outs: Props) -> tuple[Props, Props]:
        """As the engine does: read, then the diff between the result and the old inputs; (inputs, outputs)."""
        self.new_run()
        outcome = self.lifecycle.read(self.repository, outs)
        assert outcome, "nothing of it is left"
        self.lifecycle.diff(self.repository, outcome.outputs, inputs)
        return outcome.inputs or inputs, outcome.outputs

    def destroy(self, outs: Props) -> None:
        self.new_run()
        self.lifecycle.delete(self.repository, outs)


def failed(error: PartialFailure, inputs: Props) -> tuple[Props, Props]:
    """What the engine keeps of a failure: (the planned inputs, the outputs so far)."""
    return inputs, error.outputs
