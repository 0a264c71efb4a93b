"""Before a pack version is withdrawn, Palette is asked for cluster profiles that use it: those of others too."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packinfra.providers import PublishedNamesProvider
from tests.support.palette_resources import URN
from tests.support.profile_bench import Packs, packs_in_palette
from tests.support.profiles import P, body, create, layer, new_name, scope
from tests.support.provider_host import ProviderError, ProviderHost
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def packs(sandbox: Sandbox) -> Iterator[Packs]:
    with packs_in_palette(sandbox, f"t-{uuid.uuid4().hex[:10]}", "1.0.0", "1.1.0") as made:
        yield made


def inputs(packs: Packs, *versions: str, palette: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    place = {"registry": packs.base, "host": "api.spectrocloud.com", **(palette or {})}
    source = {"versions": list(versions), **more}
    return {"family": "packs", "sources": {"hello": source}, "removed": [], "palette": place, "ownUrn": URN}


def test_profiles_of_others(packs: Packs, tmp_path: Path) -> None:
    palette, sandbox = packs.palette, packs.sandbox
    project = new_name()
    sandbox.palette.project(project)
    of_project, of_tenant = new_name(), new_name()
    used = body(of_project, [layer(palette, "hello", "1.0.0", packs.registry)], "2.0.0")
    uids = {create(palette, used, scope(palette, project)): scope(palette, project)}
    used = body(of_tenant, [layer(palette, "hello", "1.0.0", packs.registry)])
    shared = create(palette, used, {})
    uids[shared] = {}
    unused = body(new_name(), [layer(palette, "hello", "1.1.0", packs.registry)])
    uids[create(palette, unused, {})] = {}

    with ProviderHost(sandbox.environment(), tmp_path, provider=PublishedNamesProvider()) as host:
        olds, _ = host.check({}, inputs(packs, "1.0.0", "1.1.0"))
        mark = sandbox.mark()
        kept, _ = host.check(olds, inputs(packs, "1.1.0"))
        assert host.diff("packs", {}, kept) == (False, []), "without a folder, and still published"
        news, _ = host.check(kept, inputs(packs, "1.1.0", unpublish=["1.0.0"]))
        assert news["withdraws"] == {"hello": ["1.0.0"]}
        assert host.diff("packs", {}, news) == (True, [])
        assert sandbox.requests("palette: *", mark) == [], "preview asks Palette nothing"
        with pytest.raises(ProviderError) as caught:
            host.update("packs", {}, news)
        message = str(caught.value)
        assert message.startswith(
            "hello 1.0.0 is to be withdrawn, but cluster profiles use it, and would become invalid:\n"
        )
        assert f"\n  {of_tenant} 1.0.0 (hello 1.0.0) in the tenant\n" in message
        assert f"\n  {of_project} 2.0.0 (hello 1.0.0) in project {project}\n" in message
        assert message.count("(hello") == 2
        assert len(sandbox.requests(f"palette: GET {P}/{shared}", mark)) == 1, "not in every project's list again"
        assert "-> take it out of these profiles first" in message

        forced, _ = host.check(kept, inputs(packs, "1.1.0", unpublish=["1.0.0"], palette={"withdrawUsed": True}))
        host.update("packs", {}, forced)
        assert "hello 1.0.0 is to be withdrawn, but cluster profiles use it" in host.logs[-1]

        for uid, headers in uids.items():
            assert palette.send("DELETE", f"{P}/{uid}", headers=headers).status_code == 204
        host.update("packs", {}, news)
        after, _ = host.check(news, inputs(packs, "1.1.0", unpublish=["1.0.0"]))
        assert "withdraws" not in after
        assert host.diff("packs", {}, after) == (False, [])
    with ProviderHost(sandbox.environment(), tmp_path, provider=PublishedNamesProvider()) as host:
        assert host.diff("packs", {}, news) == (False, []), "a refresh, which has the inputs of the run before"


@pytest.mark.parametrize("change", ["another name", "no longer registered"])
def test_a_registration_that_changes_in_the_same_run(packs: Packs, tmp_path: Path, change: str) -> None:
    """Packs are withdrawn before: profiles refer to it as it was."""
    name = new_name()
    uid = create(packs.palette, body(name, [layer(packs.palette, "hello", "1.0.0", packs.registry)]), {})
    with ProviderHost(packs.sandbox.environment(), tmp_path, provider=PublishedNamesProvider()) as host:
        olds, _ = host.check({}, inputs(packs, "1.0.0", "1.1.0"))
        changed = inputs(packs, "1.1.0", unpublish=["1.0.0"], palette={"registry": new_name()})
        if change == "no longer registered":
            del changed["palette"]
        news, _ = host.check(olds, changed)
        assert host.diff("packs", {}, news) == (True, [])
        with pytest.raises(ProviderError, match=f"{name} 1.0.0 \\(hello 1.0.0\\) in the tenant"):
            host.update("packs", {}, news)
        after, _ = host.check(news, changed)
        assert not {"withdraws", "paletteBefore"} & {*after}
    assert packs.palette.send("DELETE", f"{P}/{uid}").status_code == 204


def test_a_key_that_may_not_list_the_projects(packs: Packs, tmp_path: Path) -> None:
    with ProviderHost(packs.sandbox.environment(), tmp_path, provider=PublishedNamesProvider()) as host:
        olds, _ = host.check({}, inputs(packs, "1.0.0", "1.1.0"))
        news, _ = host.check(olds, inputs(packs, "1.1.0", unpublish=["1.0.0"]))
        denied = packs.sandbox.faults.add(
            "palette: GET /v1/dashboard/projects/metadata*", times=0, action="respond", response="forbidden"
        )
        with denied:
            host.update("packs", {}, news)
        assert host.logs[-1].startswith("whether cluster profiles of all projects use hello 1.0.0 is not known: ")
