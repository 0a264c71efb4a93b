"""The first push into a repository that was made a moment ago."""

from __future__ import annotations

import io

import pytest

from packinfra.aws.ecr import TRAITS
from packinfra.oci import RegistryTraits
from packinfra.oci.errors import RepositoryMissing
from tests.support.oci import LAYER, Setup, manifest
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

MISSING = Reply(404, body=error("NAME_UNKNOWN", "The repository does not exist"))


def push(setup: Setup, *, new: bool) -> None:
    setup.client.push(setup.reference, manifest(), lambda: io.BytesIO(LAYER), new_repository=new)


def test_it_is_waited_for(registry: ScriptedRegistry) -> None:
    setup = Setup(registry, traits=RegistryTraits(eventually_consistent=True))
    registry.next("POST", "/uploads/", *[MISSING] * 4)
    push(setup, new=True)
    assert registry.tags(setup.reference.repository) == ["1.0.0"]
    assert len(setup.sleeps) == 4


def test_not_for_ever(registry: ScriptedRegistry) -> None:
    setup = Setup(registry, traits=RegistryTraits(eventually_consistent=True))
    registry.next("POST", "/uploads/", *[MISSING] * 99)
    with pytest.raises(RepositoryMissing):
        push(setup, new=True)
    assert sum(setup.sleeps) < 60


@pytest.mark.parametrize(("consistent", "new"), [(False, True), (True, False)])
def test_other_repositories_are_not_waited_for(registry: ScriptedRegistry, consistent: bool, new: bool) -> None:
    setup = Setup(registry, traits=RegistryTraits(eventually_consistent=consistent))
    registry.next("POST", "/uploads/", *[MISSING] * 2)
    with pytest.raises(RepositoryMissing):
        push(setup, new=new)
    assert setup.sleeps == []


def test_ecr_is_eventually_consistent() -> None:
    assert TRAITS.eventually_consistent
