"""PublishedPack's provider, in the SDK's real host process, on the sandbox's ECR."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.provider_host import UNKNOWN, URN, ProviderError, ProviderHost
from tests.support.published_pack import CONFIG, Pack, digests
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


def test_the_recorded_state_is_destroyed(pack: Pack, ecr: Ecr) -> None:
    """State as 0.2.0 wrote it for users: read and delete run from its reference, and understand its outputs."""
    state = json.loads((Path(__file__).parents[1] / "golden/state-0.2.0.json").read_text())["published-pack"]
    recorded = {"__provider": state["reference"], **state["outputs"], "repository": pack.repository}
    del recorded["registryAccess"]  # of a Basic registry
    id_, _, outs = pack.created()
    assert outs["versions"]["1.0.0"].keys() == recorded["versions"]["1.0.0"].keys()
    recorded["versions"] = outs["versions"]
    with ProviderHost(pack.environment(), pack.folder.parent, CONFIG) as later:
        assert later.read(id_, recorded) == (id_, {k: v for k, v in recorded.items() if k != "__provider"}, {})
        later.delete(id_, recorded)
    assert ecr.tags(pack.name) == {}


def test_preview_knows_the_digest(pack: Pack, ecr: Ecr) -> None:
    preview = pack.checked(repository=UNKNOWN)
    assert preview["repository"] == UNKNOWN
    assert preview["fileHashes"]["1.0.0"].keys() == {"pack.json", "values.yaml", "manifests/hello.yaml"}
    id_, inputs, outs = pack.created()
    assert digests(inputs) == digests(preview) == digests(outs) == ecr.tags(pack.name)
    assert id_ == pack.repository
    assert any(line.startswith("hello 1.0.0: published sha256:") for line in pack.host.logs)


def test_check_needs_no_network(tmp_path: Path) -> None:
    make_pack(tmp_path / "src")
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "PATH": "/usr/bin:/bin"}
    with ProviderHost(nowhere, tmp_path) as host:
        inputs, failures = host.check({}, {"repository": "h.example/x/hello", "sources": ["src"], "ownUrn": URN})
        assert failures == []
        assert host.diff("h.example/x/hello", inputs, inputs) == (False, [])


def test_check_reports_everything_at_once(host: ProviderHost, tmp_path: Path) -> None:
    make_pack(tmp_path / "a", version="1+1", layer="x")
    make_pack(tmp_path / "b", name="other")
    _, failures = host.check({}, {"repository": UNKNOWN, "sources": ["a", "b", "c"], "ownUrn": URN})
    text = "\n".join(failures)
    for expected in ("version-not-a-tag", "layer-unknown", "pack folder c does not exist", "hold hello, other"):
        assert expected in text


def test_diff(pack: Pack) -> None:
    _, inputs, outs = pack.created()
    diff = pack.host.diff
    assert diff("id", outs, pack.checked(inputs)) == (False, [])
    assert diff("id", outs, {**inputs, "repository": UNKNOWN}) == (True, ["repository"])
    assert diff("id", outs, {**inputs, "repository": pack.repository + "-2"}) == (True, ["repository"])
    assert diff("id", outs, {**inputs, "overwrite": True}) == (True, [])
    assert diff("id", outs, {**inputs, "sources": ["elsewhere"], "ownUrn": "urn:other"}) == (False, [])
    adopted = {
        **outs,
        "versions": {"1.0.0": {**outs["versions"]["1.0.0"], "adopted": True, "manifestDigest": "sha256:0"}},
    }
    assert diff("id", adopted, inputs) == (False, []), "what create adopted stands only in the outputs"


def test_a_bump_keeps_the_old_version(pack: Pack, ecr: Ecr) -> None:
    id_, inputs, outs = pack.created()
    make_pack(pack.folder, version="1.1.0")
    pack.folder.rename(pack.folder.with_name("renamed"))
    news = pack.checked(inputs, sources=["renamed"])
    assert pack.host.diff(id_, outs, news) == (True, [])
    updated = pack.host.update(id_, outs, news)
    assert ecr.tags(pack.name) == digests(updated) == {**digests(outs), "1.1.0": digests(news)["1.1.0"]}
    assert news["fileHashes"].keys() == {"1.1.0"}
    assert updated["currentVersions"] == ["1.1.0"]

    # going back: the older version is current again, and the registry hears nothing of it
    make_pack(pack.folder.with_name("renamed"))
    back = pack.checked(news, sources=["renamed"])
    assert pack.host.diff(id_, updated, back) == (True, [])
    again = pack.host.update(id_, updated, back)
    assert digests(again) == digests(updated)
    assert again["versions"]["1.0.0"]["order"] > again["versions"]["1.1.0"]["order"]
    assert len([line for line in pack.host.logs if ": published sha256:" in line]) == 2


def test_changed_content_needs_a_new_version(pack: Pack, ecr: Ecr) -> None:
    id_, inputs, outs = pack.created()
    make_pack(pack.folder, {"values.yaml": "pack: {namespace: other}\n"})
    _, failures = pack.host.check(inputs, pack.inputs())
    assert len(failures) == 1
    for expected in ("1.0.0", outs["versions"]["1.0.0"]["contentDigest"], "new version", "overwrite: true", "Palette"):
        assert expected in failures[0]
    news = pack.checked(inputs, overwrite=True)
    updated = pack.host.update(id_, outs, news)
    assert ecr.tags(pack.name) == digests(updated) == digests(news) != digests(outs)
    assert updated["versions"]["1.0.0"]["replacedDigests"] == list(digests(outs).values())
    with ProviderHost(_environment(pack), pack.folder.parent, CONFIG) as destroy:
        destroy.delete(id_, updated)
    assert ecr.api.list_images(repositoryName=pack.name)["imageIds"] == []


def test_versions_are_withdrawn_and_pruned(pack: Pack, ecr: Ecr) -> None:
    id_, inputs, outs = pack.created()
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        make_pack(pack.folder, version=version)
        news = pack.checked(inputs)
        inputs, outs = news, pack.host.update(id_, outs, news)
    news = pack.checked(inputs, unpublish=["1.1.0"])
    outs, inputs = pack.host.update(id_, outs, news), news
    assert ecr.tags(pack.name).keys() == {"1.0.0", "1.2.0", "1.3.0"}
    news = pack.checked(inputs, keepVersions=2)
    outs = pack.host.update(id_, outs, news)
    assert ecr.tags(pack.name).keys() == outs["versions"].keys() == {"1.2.0", "1.3.0"}
    _, failures = pack.host.check(news, pack.inputs(unpublish=["1.3.0"]))
    assert "to be withdrawn (unpublish), but src holds it" in failures[0]


def test_our_own_digest_is_adopted(pack: Pack, ecr: Ecr) -> None:
    _, inputs, outs = pack.created()
    _, again = pack.host.create(inputs)
    assert digests(again) == digests(outs)
    assert again["versions"]["1.0.0"]["adopted"] is True
    assert any("adopted" in line for line in pack.host.logs)


def by_hand(folder: Path) -> bytes:
    """As the guide says: tar -czf ... FOLDER."""
    command = ["tar", "-czf", "-", "--owner=7", folder.name]
    return subprocess.run(command, cwd=folder.parent, check=True, capture_output=True).stdout


def test_the_same_content_pushed_by_hand_is_adopted(pack: Pack, ecr: Ecr, tmp_path: Path) -> None:
    (pack.folder / ".DS_Store").write_text("junk")
    foreign = ecr.push(pack.name, "1.0.0", by_hand(pack.folder))
    id_, inputs, outs = pack.created()
    assert digests(outs) == ecr.tags(pack.name) == {"1.0.0": foreign}
    assert outs["versions"]["1.0.0"]["adopted"] is True
    assert "pushed by somebody else with the same content; nothing was written" in pack.host.logs[-1]
    assert pack.host.diff(id_, outs, pack.checked(inputs)) == (False, [])
    assert pack.host.read(id_, outs)[:2] == (id_, outs)

    make_pack(pack.folder, version="1.1.0")
    updated = pack.host.update(id_, outs, pack.checked(inputs))
    assert updated["versions"]["1.0.0"] == outs["versions"]["1.0.0"], "what was adopted stays in the outputs"
    with ProviderHost(pack.environment(), tmp_path, CONFIG) as destroy:
        destroy.delete(id_, updated)
        assert "stays: it was pushed by somebody else and only adopted" in destroy.logs[0]
    assert ecr.tags(pack.name) == {"1.0.0": foreign}
    with ProviderHost(pack.environment(), tmp_path, CONFIG) as destroy:
        destroy.delete(id_, {**updated, "deleteAdopted": True})
    assert ecr.tags(pack.name) == {}


def test_a_foreign_tag_is_refused(pack: Pack, ecr: Ecr) -> None:
    inputs = pack.checked()
    (pack.folder / "values.yaml").write_text("other: content\n")
    for layer, differs in (
        (by_hand(pack.folder), "from it to this pack: changed values.yaml"),
        (b"somebody else's", "it is not a readable .tar.gz"),
    ):
        foreign = ecr.push(pack.name, "1.0.0", layer)
        with pytest.raises(ProviderError) as caught:
            pack.host.create(inputs)
        assert "Traceback" not in str(caught.value)
        for expected in (
            "hello 1.0.0 was not published",
            foreign,
            digests(inputs)["1.0.0"],
            "overwrite: true",
            differs,
        ):
            assert expected in str(caught.value)
        assert ecr.tags(pack.name) == {"1.0.0": foreign}


def test_a_foreign_title_is_refused(pack: Pack, ecr: Ecr) -> None:
    """Palette finds packs by the titles of their layers, so the same content under another title is no pack to it."""
    foreign = ecr.push(pack.name, "1.0.0", by_hand(pack.folder), title="other-9.9.tgz")
    inputs = pack.checked()
    expected = (
        r'its layer has the org\.opencontainers\.image\.title "other-9\.9\.tgz" instead of "hello-1\.0\.0\.tar\.gz"'
    )
    with pytest.raises(ProviderError, match=expected):
        pack.host.create(inputs)
    assert ecr.tags(pack.name) == {"1.0.0": foreign}
    _, outs = pack.host.create({**inputs, "overwrite": True})
    assert ecr.tags(pack.name) == digests(outs) == digests(inputs)


def test_a_folder_that_changes_after_check(pack: Pack, ecr: Ecr) -> None:
    """What preview promised is published, or nothing."""
    inputs = pack.checked()
    make_pack(pack.folder, {"values.yaml": "changed: meanwhile\n"})
    with (
        ProviderHost(pack.environment(), pack.folder.parent, CONFIG) as other,
        pytest.raises(ProviderError, match="has changed since this run looked at it"),
    ):
        other.create(inputs)
    assert ecr.tags(pack.name) == {}
    pack.host.create(inputs)  # this process has the archive that its check built
    assert ecr.tags(pack.name) == digests(inputs)


def test_a_repository_of_another_name(pack: Pack, ecr: Ecr) -> None:
    """Preview fails; and create, where preview could not know the repository."""
    name = pack.name.replace("/hello", "/other")
    repository = ecr.create(name)
    _, (failure,) = pack.host.check({}, pack.inputs(repository=repository))
    assert failure.endswith("last component must equal the name in pack.json")
    inputs = {**pack.checked(repository=UNKNOWN), "repository": repository}
    with pytest.raises(ProviderError, match=r"last component must equal the name in pack\.json") as caught:
        pack.host.create(inputs)
    assert "Traceback" not in str(caught.value)
    assert ecr.tags(name) == {}


def test_refresh_finds_drift(pack: Pack, ecr: Ecr) -> None:
    id_, inputs, outs = pack.created()
    make_pack(pack.folder, version="1.1.0")
    outs = pack.host.update(id_, outs, pack.checked(inputs))
    assert pack.host.read(id_, outs)[:2] == (id_, outs)

    ecr.delete_tag(pack.name, "1.0.0")
    _, read, inputs = pack.host.read(id_, outs)
    assert read["versions"].keys() == inputs["versions"].keys() == {"1.1.0"}
    assert "1.0.0 is gone from the registry, and no folder holds this version any more" in pack.host.logs[-1]

    ecr.delete_tag(pack.name, "1.1.0")
    foreign = ecr.push(pack.name, "1.1.0", b"moved")
    assert pack.host.read(id_, outs)[0] == "", "nothing of ours is left"
    assert foreign in pack.host.logs[-1]
    assert foreign not in json.dumps(read)


def test_gone_repository_and_refusals(pack: Pack, ecr: Ecr, sandbox: Sandbox, tmp_path: Path) -> None:
    id_, _, outs = pack.created()
    ecr.api.delete_repository(repositoryName=pack.name, force=True)
    assert pack.host.read(id_, outs)[0] == ""
    pack.host.delete(id_, outs)  # done already

    stranger = {**sandbox.environment(), "AWS_SECRET_ACCESS_KEY": "wrong"}
    with ProviderHost(stranger, tmp_path, CONFIG) as host:
        for operation in (host.read, host.delete):
            with pytest.raises(ProviderError, match="authorization token") as caught:
                operation(id_, outs)
            assert "Traceback" not in str(caught.value)
            assert "-> set AWS_PROFILE" in str(caught.value)
    with (
        ProviderHost(sandbox.environment(), tmp_path, {"aws:allowedAccountIds": '["999999999999"]'}) as host,
        pytest.raises(ProviderError, match="may only touch 999999999999"),
    ):
        host.read(id_, outs)


def test_delete_takes_only_what_is_ours(pack: Pack, ecr: Ecr) -> None:
    id_, inputs, outs = pack.created()
    make_pack(pack.folder, version="1.1.0")
    outs = pack.host.update(id_, outs, pack.checked(inputs))
    stranger = ecr.push(pack.name, "stranger", b"x")
    ecr.delete_tag(pack.name, "1.1.0")
    moved = ecr.push(pack.name, "1.1.0", b"y")
    # destroy is a run of its own: in this one, the provider has just published these tags
    with ProviderHost(pack.environment(), pack.folder.parent, CONFIG) as other:
        other.delete(id_, outs)
        assert any("1.1.0 stays: it no longer carries what was published" in line for line in other.logs)
    assert ecr.tags(pack.name) == {"stranger": stranger, "1.1.0": moved}


def test_delete_spares_what_this_run_published(pack: Pack, ecr: Ecr) -> None:
    """A forced replacement creates first: its successor adopts the tag, then the old one is deleted."""
    id_, inputs, outs = pack.created()
    pack.host.create(inputs)
    pack.host.delete(id_, outs)
    assert ecr.tags(pack.name) == digests(outs)


def test_delete_spares_what_another_resource_wants(pack: Pack, ecr: Ecr) -> None:
    """A resource renamed without an alias: the new one adopts, then the old one is deleted."""
    id_, _, outs = pack.created()
    with ProviderHost(pack.environment(), pack.folder.parent, CONFIG) as other:
        other.check({}, pack.inputs(ownUrn=URN + "-renamed"))
        other.delete(id_, outs)
        assert "owns it now" in other.logs[-1]
    assert ecr.tags(pack.name) == digests(outs)


def test_numbers_come_as_floats_and_none_vanishes(pack: Pack) -> None:
    id_, inputs, outs = pack.created(keepVersions=3.0)
    assert isinstance(outs["versions"]["1.0.0"]["size"], float)
    assert pack.host.diff(id_, outs, pack.checked(inputs, keepVersions=3)) == (False, [])


def test_eight_at_once(host: ProviderHost, ecr: Ecr, tmp_path: Path, base_path: str) -> None:
    packs = [Pack(host, ecr, tmp_path / f"p{i}", f"{base_path}/{i}") for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda pack: pack.created(), packs))
    for pack, (_, inputs, outs) in zip(packs, results, strict=True):
        assert ecr.tags(pack.name) == digests(outs) == digests(inputs)


def test_requests_of_each_operation(pack: Pack, sandbox: Sandbox) -> None:
    """What a user waits for: guards that don't depend on the machine."""

    seen = [sandbox.mark()]

    def asked() -> list[str]:
        """The methods of the requests since the last call."""
        since = seen.pop()
        seen.append(sandbox.mark())
        return [asked.summary.split(" ")[0] for asked in sandbox.requests(since=since)]

    inputs = pack.checked()
    pack.host.diff("id", inputs, inputs)
    assert asked() == []
    id_, outs = pack.host.create(inputs)
    created = asked()
    assert len(created) == 7
    assert created[:2] == ["ecr:GetAuthorizationToken", "HEAD"]
    assert sorted(created[2:]) == ["POST", "POST", "PUT", "PUT", "PUT"]
    pack.host.read(id_, outs)
    assert asked() == ["HEAD"]
    assert pack.host.update(id_, outs, {**inputs, "overwrite": True})["versions"] == outs["versions"]
    assert asked() == []
    make_pack(pack.folder, version="1.1.0")
    pack.host.update(id_, outs, pack.checked(inputs))
    assert len(asked()) == 6
