"""packinfra:copies in the ready program, on the real engine: another region's image and pack, and Palette that offers it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from packinfra.artifacts.pack import pack_manifest
from tests.support.aws import Registry
from tests.support.ecr import HOST, Ecr
from tests.support.images import Artifact, image, index
from tests.support.oci import sha
from tests.support.palette import OCI, Palette, pack_layer
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

ELSEWHERE = HOST.replace("eu-west-1", "us-east-1")
APP = index(image(b"amd64", b"shared"), image(b"arm64", b"shared"))
NEXT = index(image(b"amd64, next", b"shared"), APP.children[1])


@pytest.fixture
def elsewhere(sandbox: Sandbox, base_path: str) -> Registry:
    """Another region, with empty repositories for an image and a pack."""
    ecr: Any = sandbox.session().client("ecr", region_name="us-east-1", config=sandbox.config, verify=sandbox.ca)
    for name in ("app", "mirror"):
        ecr.create_repository(repositoryName=f"{base_path}/dev/{name}")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    return Registry(sandbox, (user, password), ELSEWHERE)


def push(registry: Registry, name: str, artifact: Artifact) -> str:
    """Returns what `from` says."""
    for each in (*artifact.children, artifact):
        for blob in each.blobs:
            registry.push_blob(name, blob)
        assert registry.put(name, each.digest, each.manifest, each.media_type).status_code == 201
    return f"{registry.host}/{name}@{artifact.digest}"


def test_the_whole_life(project: Project, sandbox: Sandbox, ecr: Ecr, elsewhere: Registry) -> None:
    base = project.base_path
    layer = pack_layer("mirror", "1.0.0")
    pack = pack_manifest("mirror-1.0.0.tar.gz", sha(layer), len(layer), "2020-01-01T00:00:00Z")
    app = {"from": push(elsewhere, f"{base}/dev/app", APP), "to": "app", "tags": ["1.0.0", "stable"]}
    mirror = {
        "from": push(elsewhere, f"{base}/dev/mirror", Artifact(pack.body, pack.media_type, (b"{}", layer))),
        "to": "mirror", "pack": True, "tags": ["1.0.0"],
    }  # fmt: skip
    later = {"from": push(elsewhere, f"{base}/dev/app", NEXT), "to": "app", "tags": ["2.0.0"]}
    archive = f"{base}/spectro-packs/archive/mirror"
    content = b"a chart"
    helm = {"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": sha(b"{}"), "size": 2},
            "layers": [{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": sha(content),
                        "size": len(content)}], "schemaVersion": 2}  # fmt: skip
    chart = {
        "from": push(elsewhere, f"{base}/dev/app", Artifact(json.dumps(helm).encode(), pack.media_type, (b"{}", content))),
        "to": "charts/web", "tags": ["1.0.0"],
    }  # fmt: skip

    def configure(*copies: dict[str, Any], **more: Any) -> None:
        settings = {"repositories": {"immutable": True}, "palette": {"name": base, "helm": {}}}
        project.configure(**settings, copies=[*copies], **more)

    configure(app, mirror, chart)
    source = f"{elsewhere.host}/{base}/dev/app as {APP.digest}"
    assert f"1.0.0, stable will be copied from {source}" in project.up()  # from `check`, so previews say it too
    assert ecr.tags(f"{base}/app") == {"1.0.0": APP.digest, "stable": APP.digest}
    assert ecr.tags(archive) == {"1.0.0": pack.digest}
    assert project.output("copies")["app"] == {"repository": f"{HOST}/{base}/app", "versions": ecr.tags(f"{base}/app")}
    assert {*project.output("versions")} == {"hello", "mirror"}
    uid = project.output("paletteRegistryUid")
    assert Palette(sandbox).versions(uid, "mirror") == ["1.0.0"]
    charts = project.output("paletteHelmRegistryUid")
    spec = Palette(sandbox).get(f"{OCI}/{charts}/ecr")["spec"]
    assert (spec["providerType"], spec["baseContentPath"]) == ("helm", f"{base}/charts")
    assert Palette(sandbox).status("ecr", charts)["status"] == "Success"
    assert project.preview() == {}

    # a tag that is gone comes back; an entry that is gone leaves its tags, and a name that is gone is refused
    ecr.delete_tag(archive, "1.0.0")
    assert "mirror:1.0.0 is gone from the registry; the next up copies it again" in project.run(
        "refresh", "--yes", "--skip-preview"
    )
    configure(later, chart)
    assert "this published copy has no declaration any more:\n      mirror: 1.0.0\n" in project.up(succeeds=False)
    assert ecr.tags(f"{base}/app") == {"1.0.0": APP.digest, "stable": APP.digest}, "nothing has happened"
    configure(later, mirror, chart)
    project.up()
    assert ecr.tags(archive) == {"1.0.0": pack.digest}
    assert {*ecr.tags(f"{base}/app")} == {"1.0.0", "stable", "2.0.0"}

    configure({**later, "unpublish": ["1.0.0", "stable"]}, chart, removedCopies=["mirror"])
    text = project.up()
    assert "1.0.0, stable will be withdrawn" in text
    assert "mirror will be removed: 1.0.0 will no longer be pullable" in text
    assert ecr.tags(f"{base}/app") == {"2.0.0": NEXT.digest}
    images = ecr.api.list_images(repositoryName=f"{base}/app")["imageIds"]
    assert {each["imageDigest"] for each in images} == {NEXT.digest, *(child.digest for child in NEXT.children)}
    assert ecr.names(archive) == []

    # destroy names what somebody else pushed, before it removes anything
    foreign = ecr.push(f"{base}/app", "theirs", b"theirs")
    assert f"repository {base}/app contains images that this stack does not delete: theirs" in project.destroy(
        succeeds=False
    )
    ecr.delete_tag(f"{base}/app", "theirs")
    assert foreign not in json.dumps(ecr.tags(f"{base}/app"))
    project.destroy()
    assert ecr.names(f"{base}/app") == ecr.names(f"{base}/charts") == ecr.names(f"{base}/spectro-packs") == []
    assert Palette(sandbox).send("GET", f"{OCI}/{charts}/ecr").status_code == 404
