"""The resources that a component declares, recorded by Pulumi's mocks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks, set_mocks

BASE = "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/"
HOST = "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com"
Declared = dict[tuple[str, str], dict[str, Any]]
M = TypeVar("M", bound=Mocks)


def declares(program: Callable[[], Any]) -> Callable[[], None]:
    """Calling it runs the program until everything that it declared is known."""
    run: Callable[[], None] = pulumi_mocks.test(program)  # type: ignore[no-untyped-call]
    return run


class NoLookups(Mocks):
    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"a lookup: {args.token}")


@contextmanager
def installed(mocks: M) -> Iterator[M]:
    """Programs run against `mocks`."""
    before = runtime_settings.SETTINGS
    set_mocks(mocks, project="packinfra", stack="test")
    yield mocks
    runtime_settings.SETTINGS = before


class Recording(NoLookups):
    def __init__(self) -> None:
        self.declared: Declared = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        kind = args.typ.rpartition(":")[2]
        self.declared[kind, args.name] = args.inputs
        outputs = dict(args.inputs)
        if kind == "Repository":
            name = str(args.inputs.get("name") or args.resource_id)
            outputs |= {"name": name, "arn": BASE + name, "repositoryUrl": f"{HOST}/{name}"}
        elif kind in ("Policy", "Role"):
            outputs |= {"arn": f"arn:aws-us-gov:iam::123456789012:{kind.lower()}/{args.name}", "name": args.name}
        elif kind in ("PalettePrincipal", "PaletteRegistry"):
            outputs |= {"accountId": "222222222222", "externalId": "from-palette", "uid": "u-1", "tenant": "t-1"}
            outputs |= {"revision": 1}
        elif kind in ("PublishedPack", "PublishedArtifact", "CopiedArtifact"):
            outputs |= {"versions": {"1.0.0": {"manifestDigest": "sha256:abc"}}}
        return args.resource_id or f"{args.name}-id", outputs


def documents(declared: Declared, kind: str, name: str, key: str = "policy") -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads(declared[kind, name][key])["Statement"]
    return statements
