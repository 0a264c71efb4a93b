"""packinfra:palette in the ready program, on the real engine: the registry registered, synced, and the packs listed.

Each test is a story of one stack, since every run of the engine costs seconds.
"""

from __future__ import annotations

from typing import Any

import pytest

from packinfra.packs.archive import WHOLE
from tests.support.ecr import HOST
from tests.support.packs import make_pack
from tests.support.palette import Palette, role_spec
from tests.support.palette_resources import ACCOUNT, Reader
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

OCI = "/v1/registries/oci"


@pytest.fixture
def palette(sandbox: Sandbox) -> Palette:
    return Palette(sandbox)


def configure(project: Project, *, other: dict[str, Any] | None = None, **settings: Any) -> None:
    """The registry is called in Palette as its base path is. other: keys beside packinfra:palette"""
    project.configure(palette={"name": project.base_path, **settings}, **(other or {}))


def test_from_folder_to_palette_and_back(project: Project, sandbox: Sandbox, palette: Palette) -> None:
    def asked(what: str) -> list[int]:
        return [request.number for request in sandbox.requests(what, begin)]

    configure(project)
    begin = sandbox.mark()
    slow = sandbox.faults.add("iam:CreatePolicy packs-reader*", action="delay", seconds=1)
    with sandbox.palette.overrides(role_seconds=2), slow:
        project.up()
    uid = project.output("paletteRegistryUid")
    assert palette.versions(uid) == ["1.0.0"]
    spec = palette.get(f"{OCI}/{uid}/ecr")["spec"]
    role = project.output("readerRoleArn")
    assert spec["credentials"]["sts"] == {"arn": role, "externalId": palette.principal()["externalId"]}
    assert (spec["endpoint"], spec["baseContentPath"], spec["providerType"]) == (HOST, project.base_path, "pack")
    tries = asked(f"palette: POST {OCI}/ecr/validate")
    assert len(tries) > 1, "the role was waited for"
    (attached,) = asked("iam:AttachRolePolicy *")
    (registered,) = asked(f"palette: POST {OCI}/ecr")
    (synced,) = asked(f"palette: POST {OCI}/{uid}/ecr/sync")
    assert attached < tries[0] < registered < synced
    project.same()

    begin = sandbox.mark()
    others = {
        "repositories": {"immutable": False, "tags": {"team": "platform"}},
        "packs": [{"path": "packs/*", "rules": {"logo-missing": "off"}}],
    }
    configure(project, other=others, syncTimeout=60)
    assert f"aws:ecr:Repository packs-hello@{project.base_path} updated" in project.up()
    assert asked(f"palette: POST {OCI}*") == asked("palette: PUT *") == [], "no pack has changed"

    several_gzip_members = {"charts/large.bin": bytes(WHOLE)}
    make_pack(project.folder / "packs/hello", several_gzip_members, version="1.1.0")
    assert project.preview() == {"PublishedPack packs-hello": "update", "PaletteSync packs": "update"}
    assert "Palette lists hello 1.0.0, 1.1.0" in project.up()
    assert palette.versions(uid) == ["1.0.0", "1.1.0"]
    assert len(asked(f"palette: POST {OCI}/{uid}/ecr/sync")) == 1
    assert asked("palette: PUT *") == []

    begin = sandbox.mark()
    settings = {"name": f"{project.base_path}-renamed", "host": "api.spectrocloud.com:443"}
    project.configure(palette=settings)
    assert project.preview()["PaletteRegistry packs"] == "replace"
    project.up()
    assert max(asked(f"palette: POST {OCI}/ecr")) < min(asked(f"palette: DELETE {OCI}/{uid}/ecr"))
    uid = project.output("paletteRegistryUid")
    assert palette.versions(uid) == ["1.0.0", "1.1.0"]

    # The same Palette by another name: what is taken over isn't deleted, in this run or in the one after a failure.
    begin = sandbox.mark()
    settings["host"] = "api.spectrocloud.com"
    project.configure(palette={**settings, "syncTimeout": 2})
    make_pack(project.folder / "packs/hello", version="1.2.0")
    with sandbox.palette.overrides(hangs=True):
        project.up(succeeds=False)
    project.configure(palette=settings)
    project.up()
    assert project.output("paletteRegistryUid") == uid
    assert asked("palette: DELETE *") == []
    assert palette.versions(uid) == ["1.0.0", "1.1.0", "1.2.0"]
    project.same()

    begin = sandbox.mark()
    project.destroy()
    (forgotten,) = asked(f"palette: DELETE {OCI}/{uid}/ecr")
    assert forgotten < min(asked("ecr:BatchDeleteImage*")), "packs stay until Palette lets go of them"
    assert forgotten < min(asked("iam:DetachRolePolicy *")) < min(asked("iam:DeleteRole *"))
    assert palette.send("GET", f"{OCI}/{uid}/ecr").status_code == 404


def test_a_role_and_a_key_of_ones_own(project: Project, sandbox: Sandbox, palette: Palette) -> None:
    """What has the name already is taken over, with the role, which then gives way to a key. No secret is seen."""
    reader, api_key = Reader(sandbox, project.base_path), sandbox.palette.key(admin=True)
    role, user = reader.role(), reader.user()
    key, another = reader.key(user), reader.key(user)
    uid = palette.create("ecr", project.base_path, role_spec(project.base_path, role, reader.principal["externalId"]))
    project.variables(SPECTROCLOUD_APIKEY=None)
    project.secret("paletteApiKey", api_key)
    configure(project, roleArn=role)
    output = [project.up()]
    assert "was registered in Palette already, for the same place: it is taken over" in output[0]
    assert palette.versions(uid) == ["1.0.0"]

    project.secret("paletteSecretKey", another["secretKey"])
    configure(project, accessKeyId=key["accessKeyId"])
    output.append(project.up(succeeds=False))
    for expected in (
        "could not have the credentials of the registry checked by Palette (api.spectrocloud.com/v1/registries/oci/ecr",
        "400 InvalidCredentials",
        f"-> check accessKeyId ({key['accessKeyId']}), its secret (packinfra:paletteSecretKey)",
    ):
        assert expected in output[-1]
    project.secret("paletteSecretKey", key["secretKey"])
    output += [project.up("--diff"), project.run("preview", "--refresh", "--expect-no-changes")]
    assert palette.sync("ecr", uid)["status"] == "Success"
    assert not {"Role packs-reader", "PalettePrincipal packs"} & project.resources().keys()
    reader.iam.delete_access_key(UserName=user, AccessKeyId=key["accessKeyId"])
    assert palette.sync("ecr", uid)["status"] == "Failed", "it is this key that Palette reads with"

    output += [project.run("stack", "export"), project.destroy()]
    assert palette.send("GET", f"{OCI}/{uid}/ecr").status_code == 404
    searched = "\n".join([project.kept(), *output])
    assert key["accessKeyId"] in searched
    assert "Traceback" not in searched
    for secret in (api_key, key["secretKey"], another["secretKey"]):
        assert secret not in searched


def test_each_trouble_says_what_to_do_and_the_next_up_goes_on(
    project: Project, sandbox: Sandbox, palette: Palette
) -> None:
    def up(*expected: str) -> None:
        """Fails, and says all that."""
        output = project.up(succeeds=False)
        for text in (*expected, "-> "):
            assert text in output
        assert "Traceback" not in output

    configure(project)
    project.variables(SPECTROCLOUD_APIKEY=None)
    assert "packinfra:paletteApiKey: missing for packinfra:palette; set SPECTROCLOUD_APIKEY" in project.up(
        succeeds=False
    )
    project.variables(SPECTROCLOUD_APIKEY="wrong")
    up("401 Unauthorized", "give an API key that is valid")
    configure(project, host="palette.example.com")
    up("could not read the AWS account of Palette (palette.example.com/v1", "refused: 403", "check host")
    configure(project)
    project.variables(SPECTROCLOUD_APIKEY=sandbox.palette.key(admin=False))
    up("could not have the credentials of the registry checked by Palette", "403 Forbidden", "key of a tenant admin")
    project.variables(SPECTROCLOUD_APIKEY=sandbox.palette.api_key)

    stranger = palette.create("ecr", project.base_path, role_spec("theirs", f"arn:aws:iam::{ACCOUNT}:role/x", "y"))
    up(
        f"could not register the registry in Palette (api.spectrocloud.com): the name {project.base_path} belongs to a",
        f"registry of kind ecr for {HOST}/theirs, not to one of kind ecr for {HOST}/{project.base_path}",
        "choose another name (packinfra:palette: name)",
    )
    assert palette.send("DELETE", f"{OCI}/{stranger}/ecr").status_code == 204

    with sandbox.palette.overrides(fails="registry content is broken"):
        up(f"Palette's sync of {HOST}/{project.base_path} failed: Failed: registry content is broken", "up again")
    uid = project.resources()["PaletteRegistry packs"]["id"]
    mark = sandbox.mark()
    configure(project, syncTimeout=2)
    with sandbox.palette.overrides(hangs=True):
        up("Palette does not list hello 1.0.0 after 2 s", "InProgress", "syncTimeout sets for how long")
    with sandbox.palette.overrides(in_use="web"):
        output = project.destroy(succeeds=False)
    assert "could not delete the registry from Palette" in output
    assert "409 RegistryInUse: " in output
    assert "in use by the cluster profile web" in output
    assert "take those out of the profiles first" in output
    assert "Traceback" not in output
    assert "PublishedPack packs-hello" in project.resources(), "what a profile uses is still there"
    assert sandbox.requests("ecr:BatchDeleteImage*", mark) == []
    project.up()
    assert palette.versions(uid) == ["1.0.0"]
    assert sandbox.requests(f"palette: POST {OCI}/ecr", mark) == [], "what was registered stays so"
    project.destroy()
    assert set(project.resources()) <= {"Stack packinfra-test"}
