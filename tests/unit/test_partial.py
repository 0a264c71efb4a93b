"""What state keeps when an operation fails midway, and how the next run goes on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from packinfra.lifecycle.publishing.family import PublishError
from packinfra.lifecycle.results import PartialFailure
from packinfra.oci.errors import NotAuthorized
from tests.support.pack_bench import Bench, Props
from tests.support.packs import make_pack
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

REFUSED = Reply(403, body=error("DENIED", "requested access to the resource is denied"))


@pytest.fixture
def bench(registry: ScriptedRegistry, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(registry, tmp_path / "hello")
    yield made
    made.run.archives.close()


def tags(bench: Bench, registry: ScriptedRegistry) -> list[str]:
    return registry.tags(bench.name)


def failing_create(bench: Bench, registry: ScriptedRegistry) -> tuple[Props, Props]:
    """1.0.0 is published, then 1.1.0 is refused; (planned inputs, recorded outputs)."""
    registry.next("PUT", "/manifests/1.1.0", REFUSED)
    with pytest.raises(PartialFailure, match=r"could not publish the manifest .*1\.1\.0.*\n  -> ") as caught:
        bench.publish("1.0.0", "1.1.0")
    assert caught.value.id == bench.repository
    sources = [str(bench.folder.with_name(version)) for version in ("1.0.0", "1.1.0")]
    bench.new_run()
    return bench.check(sources=sources), caught.value.outputs


def test_create_that_fails_midway(bench: Bench, registry: ScriptedRegistry) -> None:
    inputs, outs = failing_create(bench, registry)
    assert tags(bench, registry) == list(outs["versions"]) == ["1.0.0"]
    assert outs["incomplete"]
    bench.new_run()
    assert bench.lifecycle.diff(bench.repository, outs, inputs).changes

    inputs, outs = bench.refresh(inputs, outs)  # as the engine does before the next run
    assert inputs["versions"].keys() == {"1.0.0"}
    assert "incomplete" not in inputs
    inputs, outs = bench.publish("1.0.0", "1.1.0", olds=inputs, outs=outs)
    assert tags(bench, registry) == list(outs["versions"]) == ["1.0.0", "1.1.0"]
    assert "incomplete" not in outs
    assert not bench.lifecycle.diff(bench.repository, outs, inputs).changes
    bench.destroy(outs)
    assert tags(bench, registry) == []


def test_destroy_after_a_create_that_failed(bench: Bench, registry: ScriptedRegistry) -> None:
    inputs, outs = failing_create(bench, registry)
    _, outs = bench.refresh(inputs, outs)
    bench.destroy(outs)
    assert tags(bench, registry) == []


def test_the_version_that_failed_gets_other_content(bench: Bench, registry: ScriptedRegistry) -> None:
    """The planned inputs say that it is published, with the old content; read says it isn't."""
    inputs, outs = failing_create(bench, registry)
    inputs, outs = bench.refresh(inputs, outs)
    make_pack(bench.folder.with_name("1.1.0"), {"values.yaml": "other: content\n"}, version="1.1.0")
    bench.new_run()
    inputs = bench.check(inputs, sources=inputs.get("sources") or [str(bench.folder.with_name("1.1.0"))])
    outs = bench.lifecycle.update(bench.repository, outs, inputs)
    assert tags(bench, registry) == ["1.0.0", "1.1.0"]


def test_the_version_that_failed_loses_its_folder(bench: Bench, registry: ScriptedRegistry) -> None:
    """Even where the planned inputs were kept: an engine that doesn't refresh first."""
    inputs, outs = failing_create(bench, registry)
    inputs, outs = bench.publish("1.0.0", olds=inputs, outs=outs)
    assert tags(bench, registry) == list(outs["versions"]) == ["1.0.0"]


def test_nothing_is_published_where_one_version_is_foreign(bench: Bench, registry: ScriptedRegistry) -> None:
    bench.publish("1.1.0")
    registry.manifests[bench.name, "1.0.0"] = registry.manifests[bench.name, "1.1.0"]
    del registry.manifests[bench.name, "1.1.0"]
    for versions in (("0.9.0", "1.0.0"), ("1.0.0", "1.1.0")):
        with pytest.raises(PublishError, match=r"hello 1\.0\.0 was not published"):
            bench.publish(*versions)
        assert tags(bench, registry) == ["1.0.0"]


def test_nothing_done_is_a_plain_failure(bench: Bench, registry: ScriptedRegistry) -> None:
    registry.next("PUT", "/manifests/1.0.0", REFUSED)
    with pytest.raises(NotAuthorized):
        bench.publish("1.0.0")


def test_update_that_fails_midway(bench: Bench, registry: ScriptedRegistry) -> None:
    """1.1.0 is published, 1.2.0 isn't, and 1.0.0 is not withdrawn yet."""
    inputs, outs = bench.publish("1.0.0")
    registry.next("PUT", "/manifests/1.2.0", REFUSED)
    with pytest.raises(PartialFailure) as caught:
        bench.publish("1.1.0", "1.2.0", olds=inputs, outs=outs, keepVersions=2)
    outs = caught.value.outputs
    assert tags(bench, registry) == list(outs["versions"]) == ["1.0.0", "1.1.0"]
    inputs, outs = bench.refresh(inputs, outs)
    inputs, outs = bench.publish("1.1.0", "1.2.0", olds=inputs, outs=outs, keepVersions=2)
    assert tags(bench, registry) == list(outs["versions"]) == ["1.1.0", "1.2.0"]


# ---- the tag is written, and the response is lost


def lost(*, written: bool) -> Reply:
    return Reply(502, {"Retry-After": "1000"}, after=written)  # it isn't tried again


def test_a_lost_response_to_the_first_version(bench: Bench, registry: ScriptedRegistry) -> None:
    registry.next("PUT", "/manifests/1.0.0", lost(written=True))
    with pytest.raises(PartialFailure, match="502") as caught:
        bench.publish("1.0.0")
    outs = caught.value.outputs
    assert (tags(bench, registry), outs["versions"], list(outs["pendingWithdrawals"])) == (["1.0.0"], {}, ["1.0.0"])
    bench.destroy(outs)
    assert registry.manifests == {}


@pytest.mark.parametrize("written", [True, False])
def test_a_lost_response_to_a_later_version(bench: Bench, registry: ScriptedRegistry, *, written: bool) -> None:
    inputs, outs = bench.publish("1.0.0")
    registry.next("PUT", "/manifests/1.1.0", lost(written=written))
    with pytest.raises(PartialFailure) as caught:
        bench.publish("1.0.0", "1.1.0", olds=inputs, outs=outs)
    failed_inputs, failed_outs = bench.refresh(inputs, caught.value.outputs)
    assert ("pendingWithdrawals" in failed_outs) is written

    inputs, outs = bench.publish("1.0.0", "1.1.0", olds=failed_inputs, outs=failed_outs)
    assert tags(bench, registry) == sorted(outs["versions"]) == ["1.0.0", "1.1.0"]
    assert not outs["versions"]["1.1.0"]["adopted"]
    assert "pendingWithdrawals" not in outs
    # the same with another version in its place
    inputs, outs = bench.publish("1.0.0", "1.2.0", olds=failed_inputs, outs=failed_outs)
    assert sorted(outs["versions"]) == ["1.0.0", "1.2.0"]
    assert tags(bench, registry) == (["1.0.0", "1.2.0"] if written else ["1.0.0", "1.1.0", "1.2.0"])


def test_an_error_that_nobody_foresaw(
    bench: Bench, registry: ScriptedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, for example: state must tell what was published all the same."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    bench.new_run()
    sources = [str(make_pack(bench.folder.with_name(version), version=version)) for version in ("1.0.0", "1.1.0")]
    inputs = bench.check(sources=sources)
    built = bench.run.archives.take(inputs["versions"]["1.1.0"]["layerDigest"])
    assert built
    built.close()  # so it is built again
    monkeypatch.setattr("packinfra.lifecycle.packs.content.build", full)
    with pytest.raises(PartialFailure, match=r"Traceback.*(?s:.*)No space left") as caught:
        bench.lifecycle.create(inputs)
    assert tags(bench, registry) == list(caught.value.outputs["versions"]) == ["1.0.0"]


# ---- withdrawals that the registry refuses


@pytest.fixture
def pending(bench: Bench, registry: ScriptedRegistry) -> tuple[Props, Props]:
    """1.0.0 was to go when 1.1.0 came, and deletion is off."""
    registry.deletes = ""
    inputs, outs = bench.publish("1.0.0")
    return bench.publish("1.1.0", olds=inputs, outs=outs, keepVersions=1)


def test_a_refused_withdrawal_does_not_fail(
    bench: Bench, registry: ScriptedRegistry, pending: tuple[Props, Props]
) -> None:
    _, outs = pending
    assert tags(bench, registry) == ["1.0.0", "1.1.0"]
    assert (list(outs["versions"]), list(outs["pendingWithdrawals"])) == (["1.1.0"], ["1.0.0"])
    (warning,) = bench.messages.warnings
    assert warning.startswith("hello 1.0.0 stays published: could not delete the tag")
    assert "storage.delete.enabled" in warning


def test_a_pending_withdrawal_is_named_and_costs_nothing(
    bench: Bench, registry: ScriptedRegistry, pending: tuple[Props, Props]
) -> None:
    inputs, outs = pending
    registry.seen.clear()
    bench.new_run()
    again = bench.check(inputs, sources=inputs["sources"], keepVersions=1)
    for _ in range(2):
        assert not bench.lifecycle.diff(bench.repository, outs, again).changes
    assert registry.seen == []
    (message,) = bench.messages.infos
    assert message.startswith("hello 1.0.0 could not be withdrawn and stays published")


def test_a_pending_withdrawal_is_tried_again(
    bench: Bench, registry: ScriptedRegistry, pending: tuple[Props, Props]
) -> None:
    inputs, outs = bench.publish("1.2.0", olds=pending[0], outs=pending[1], keepVersions=1)
    assert list(outs["pendingWithdrawals"]) == ["1.0.0", "1.1.0"]
    registry.deletes = "tag"
    inputs, outs = bench.publish("1.3.0", olds=inputs, outs=outs, keepVersions=1)
    assert "pendingWithdrawals" not in outs
    assert tags(bench, registry) == ["1.3.0"]


def test_destroy_with_a_pending_withdrawal(
    bench: Bench, registry: ScriptedRegistry, pending: tuple[Props, Props]
) -> None:
    _, outs = pending
    with pytest.raises(Exception, match=r"405 UNSUPPORTED\n  -> allow deletion"):
        bench.destroy(outs)
    assert tags(bench, registry) == ["1.0.0", "1.1.0"]
    registry.deletes = "distribution-2"
    bench.destroy(outs)
    assert registry.manifests == {}


def test_destroy_goes_on_after_a_refusal(bench: Bench, registry: ScriptedRegistry) -> None:
    _, outs = bench.publish("1.0.0", "1.1.0")
    immutable = Reply(412, body=error("PRECONDITION", "the tag 1.0.0 configured as immutable, cannot be deleted"))
    registry.next("DELETE", "/manifests/", immutable)
    with pytest.raises(Exception, match="immutable"):
        bench.destroy(outs)
    assert tags(bench, registry) == ["1.0.0"]


def test_a_version_that_comes_back(bench: Bench, registry: ScriptedRegistry, pending: tuple[Props, Props]) -> None:
    inputs, outs = pending
    registry.seen.clear()
    _, outs_back = bench.publish("1.0.0", "1.1.0", olds=inputs, outs=outs)
    assert registry.requests == ["HEAD manifest"], "it is there still"
    assert (list(outs_back["versions"]), outs_back.get("pendingWithdrawals")) == (["1.1.0", "1.0.0"], None)
    assert not outs_back["versions"]["1.0.0"]["adopted"]


def test_a_version_that_comes_back_after_it_was_removed_by_hand(
    bench: Bench, registry: ScriptedRegistry, pending: tuple[Props, Props]
) -> None:
    del registry.manifests[bench.name, "1.0.0"]
    _, outs = bench.publish("1.0.0", "1.1.0", olds=pending[0], outs=pending[1])
    assert sorted(outs["versions"]) == tags(bench, registry) == ["1.0.0", "1.1.0"]
    assert "pendingWithdrawals" not in outs


def test_a_version_that_comes_back_with_other_content(
    bench: Bench, registry: ScriptedRegistry, pending: tuple[Props, Props]
) -> None:
    """The inputs know nothing of it any more, so `check` doesn't refuse it."""
    inputs, outs = pending
    published = outs["pendingWithdrawals"]["1.0.0"]["manifestDigest"]
    make_pack(bench.folder.with_name("1.0.0"), {"values.yaml": "other: content\n"}, version="1.0.0")
    sources = [str(bench.folder.with_name(version)) for version in ("1.0.0", "1.1.0")]
    bench.new_run()
    changed, before = bench.check(inputs, sources=sources), dict(registry.manifests)
    with pytest.raises(PublishError, match=r"other content, and was published by this resource before"):
        bench.lifecycle.update(bench.repository, outs, changed)
    assert registry.manifests == before
    bench.new_run()
    changed = bench.check(inputs, sources=sources, overwrite=True)
    outs = bench.lifecycle.update(bench.repository, outs, changed)
    assert outs["versions"]["1.0.0"]["replacedDigests"] == [published]


def test_refresh_drops_pending_withdrawals_that_are_gone(
    bench: Bench, registry: ScriptedRegistry, pending: tuple[Props, Props]
) -> None:
    inputs, outs = pending
    assert bench.refresh(inputs, outs) == (inputs, outs)
    del registry.manifests[bench.name, "1.0.0"]
    inputs, outs = bench.refresh(inputs, outs)
    assert "pendingWithdrawals" not in outs
    registry.manifests.clear()
    bench.new_run()
    assert bench.lifecycle.read(bench.repository, pending[1]) is None


def test_a_withdrawal_that_fails_otherwise(bench: Bench, registry: ScriptedRegistry) -> None:
    """The connection breaks: that is worth another run, and state keeps what is published."""
    inputs, outs = bench.publish("1.0.0")
    registry.next("HEAD", "/manifests/1.0.0", Reply(503, {"Retry-After": "1000"}))
    with pytest.raises(PartialFailure, match="503") as caught:
        bench.publish("1.1.0", olds=inputs, outs=outs, keepVersions=1)
    assert list(caught.value.outputs["versions"]) == ["1.0.0", "1.1.0"]


# ---- what overwrite replaced


def test_overwrite_keeps_what_it_replaced(bench: Bench, registry: ScriptedRegistry) -> None:
    inputs, outs = bench.publish("1.0.0", overwrite=True)
    digests = [outs["versions"]["1.0.0"]["manifestDigest"]]
    for content in ("a: 1\n", "a: 2\n"):
        make_pack(bench.folder.with_name("1.0.0"), {"values.yaml": content}, version="1.0.0")
        registry.seen.clear()
        bench.new_run()
        news = bench.check(inputs, sources=inputs["sources"], overwrite=True)
        inputs, outs = news, bench.lifecycle.update(bench.repository, outs, news)
        assert "GET blob" not in registry.requests, "what is ours is not compared"
        assert outs["versions"]["1.0.0"]["replacedDigests"] == digests
        digests.append(outs["versions"]["1.0.0"]["manifestDigest"])
    assert {(bench.name, digest) for digest in digests} < registry.manifests.keys()
    assert not bench.lifecycle.diff(bench.repository, outs, inputs).changes
    registry.manifests[bench.name, "kept-by-hand"] = registry.manifests[bench.name, digests[1]]
    bench.destroy(outs)
    assert registry.manifests.keys() == {(bench.name, "kept-by-hand"), (bench.name, digests[1])}
    assert any(f"{digests[1]}, published as" in line and "kept-by-hand" in line for line in bench.messages.infos)


def test_what_overwrite_replaced_is_withdrawn_later(bench: Bench, registry: ScriptedRegistry) -> None:
    """The registry removes the tag, and then refuses; a refresh comes before the next attempt."""
    inputs, outs = bench.publish("1.0.0", overwrite=True)
    first = outs["versions"]["1.0.0"]["manifestDigest"]
    make_pack(bench.folder.with_name("1.0.0"), {"values.yaml": "a: 1\n"}, version="1.0.0")
    bench.new_run()
    news = bench.check(inputs, sources=inputs["sources"], overwrite=True)
    inputs, outs = news, bench.lifecycle.update(bench.repository, outs, news)
    registry.next("DELETE", f"/manifests/{first}", REFUSED)
    inputs, outs = bench.publish("1.1.0", olds=inputs, outs=outs, keepVersions=1)
    assert (tags(bench, registry), list(outs["pendingWithdrawals"])) == (["1.1.0"], ["1.0.0"])
    inputs, outs = bench.refresh(inputs, outs)
    bench.destroy(outs)
    assert registry.manifests == {}


def test_overwrite_never_deletes_foreign_images(bench: Bench, registry: ScriptedRegistry) -> None:
    inputs, outs = bench.publish("1.0.0", overwrite=True)
    bench.publish("9.0.0")
    foreign = registry.manifests[bench.name, "9.0.0"]
    registry.manifests[bench.name, "1.0.0"] = foreign
    del registry.manifests[bench.name, "9.0.0"]
    make_pack(bench.folder.with_name("1.0.0"), {"values.yaml": "a: 1\n"}, version="1.0.0")
    bench.new_run()
    news = bench.check(inputs, sources=inputs["sources"], overwrite=True)
    outs = bench.lifecycle.update(bench.repository, outs, news)
    bench.destroy(outs)
    assert list(registry.manifests.values()) == [foreign]
