"""The ready program, on the real Pulumi engine, against the sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.project import CHECKOUT, Project

pytestmark = pytest.mark.engine


def test_up_again_and_destroy(project: Project, ecr: Ecr) -> None:
    promised = project.preview()
    assert promised["PublishedPack packs-hello"] == "create"
    assert ecr.names(project.base_path) == []

    project.up()
    assert ecr.names(project.base_path) == [project.repository.removesuffix("/hello"), project.repository]
    assert ecr.tags(project.repository) == project.digests()
    outputs = json.loads(project.run("stack", "output", "--json"))
    assert outputs["endpoint"] == "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    assert outputs["basePath"] == project.base_path
    assert outputs["repositories"] == {"hello": f"{outputs['endpoint']}/{project.repository}"}
    assert outputs["versions"] == {"hello": project.digests()}
    assert outputs["publisherPolicyArn"].startswith("arn:aws:iam::123456789012:policy/packs-publisher")

    assert project.preview() == {}
    assert "8 unchanged" in project.up()

    project.run("destroy", "--yes", "--skip-preview")
    assert ecr.names(project.base_path) == []
    assert set(project.resources()) <= {"Stack packinfra-test"}


def test_a_bump_with_the_folder_renamed(project: Project, ecr: Ecr) -> None:
    (project.folder / "packs/hello").rename(project.folder / "packs/hello-1.0.0")
    project.up()
    first = project.digests()
    (project.folder / "packs/hello-1.0.0").rename(project.folder / "packs/hello-1.1.0")
    make_pack(project.folder / "packs/hello-1.1.0", {"values.yaml": "pack: {namespace: new}\n"}, version="1.1.0")
    assert project.preview() == {"PublishedPack packs-hello": "update"}
    project.up()
    assert ecr.tags(project.repository) == project.digests()
    assert project.digests().keys() == {"1.0.0", "1.1.0"}
    assert project.digests()["1.0.0"] == first["1.0.0"]
    assert project.preview() == {}


def test_changed_content_without_a_bump(project: Project, ecr: Ecr) -> None:
    project.up()
    published = ecr.tags(project.repository)
    make_pack(project.folder / "packs/hello", {"values.yaml": "pack: {namespace: other}\n"})
    output = project.run("preview", succeeds=False)
    assert "the content of hello 1.0.0 (packs/hello) has changed since it was published" in output
    assert "Traceback" not in output
    project.up(succeeds=False)
    assert ecr.tags(project.repository) == published
    project.configure(packs=[{"path": "packs/*", "overwrite": True}])
    project.up()
    assert ecr.tags(project.repository) == project.digests() != published


def test_drift_is_found_and_repaired(project: Project, ecr: Ecr) -> None:
    project.up()
    published = project.digests()
    ecr.delete_tag(project.repository, "1.0.0")
    output = project.run("refresh", "--yes", "--skip-preview")
    assert "1.0.0 is gone from the registry; the next up publishes it again" in output
    project.up()
    assert ecr.tags(project.repository) == project.digests() == published
    assert project.preview() == {}

    ecr.api.delete_repository(repositoryName=project.repository, force=True)
    project.run("refresh", "--yes", "--skip-preview")
    project.up()
    assert ecr.tags(project.repository) == project.digests() == published
    assert project.preview() == {}


def test_tags_of_a_repository_move_no_pack(project: Project) -> None:
    project.up()
    project.configure(repositories={"immutable": False, "tags": {"team": "platform"}})
    assert set(project.preview().values()) == {"update"}
    assert "PublishedPack packs-hello" not in project.preview()


def test_a_foreign_tag_stays(project: Project, ecr: Ecr) -> None:
    project.configure(packs=["packs/other"])
    make_pack(project.folder / "packs/other", name="other")
    project.up()
    ecr_name = project.repository.replace("/hello", "/other")
    foreign = ecr.push(ecr_name, "2.0.0", b"not ours")
    make_pack(project.folder / "packs/other", name="other", version="2.0.0")
    output = project.up(succeeds=False)
    assert "other 2.0.0 was not published" in output
    assert foreign in output
    assert "Traceback" not in output
    assert ecr.tags(ecr_name)["2.0.0"] == foreign

    output = project.run("destroy", "--yes", "--skip-preview", succeeds=False)
    assert f"repository {ecr_name} contains images that this stack does not delete: 2.0.0\n" in output
    assert ecr.tags(ecr_name).keys() == {"1.0.0", "2.0.0"}, "nothing is removed"
    ecr.api.delete_repository(repositoryName=ecr_name, force=True)
    project.run("destroy", "--yes", "--skip-preview", "--refresh")
    assert ecr.names(project.base_path) == []


def test_destroy_from_another_checkout_without_the_packs(project: Project, ecr: Ecr, tmp_path: Path) -> None:
    project.up()
    elsewhere = project.moved(tmp_path / "another/checkout")
    shutil.rmtree(project.folder)
    elsewhere.run("destroy", "--yes", "--skip-preview")
    assert ecr.names(project.base_path) == []


def test_preview_from_another_checkout_is_clean(project: Project, tmp_path: Path) -> None:
    project.up()
    elsewhere = project.moved(tmp_path / "another/checkout")
    shutil.copytree(project.folder / "packs", elsewhere.folder / "packs")
    (elsewhere.folder / "packs/hello/values.yaml").chmod(0o600)
    assert elsewhere.preview() == {}


def test_an_empty_checkout_deletes_nothing(project: Project, ecr: Ecr) -> None:
    project.up()
    shutil.rmtree(project.folder / "packs")
    output = project.up(succeeds=False)
    assert '"packs/*" matches no folder with a pack.json' in output
    assert "Traceback" not in output
    assert ecr.tags(project.repository).keys() == {"1.0.0"}


def test_mistakes_are_told_before_anything_is_made(project: Project, ecr: Ecr) -> None:
    make_pack(project.folder / "packs/one", name="One")
    make_pack(project.folder / "packs/two", name="two", version="1+1")
    (project.folder / "packs/three").mkdir()
    project.configure(repositries={"immutable": True})
    output = project.up(succeeds=False)
    assert "packinfra:repositries: no such key; did you mean repositories?" in output
    assert "stacks/Pulumi.test.yaml" in output
    project.configure()
    output = project.up(succeeds=False)
    for expected in ("packs/one", "packs/two", "packs/three", "3 problems to correct"):
        assert expected in output
    assert "Traceback" not in output
    assert ecr.names(project.base_path) == []


def test_wrong_account_and_missing_region(project: Project, ecr: Ecr) -> None:
    project.configure(aws_region=None)
    assert "aws:region: missing" in project.up(succeeds=False)
    project.configure(aws_allowedAccountIds=["999999999999"])
    output = project.up(succeeds=False)
    assert "AWS account ID not allowed: 123456789012" in output
    assert ecr.names(project.base_path) == []


def test_removing_a_pack_touches_only_its_own(project: Project, ecr: Ecr) -> None:
    make_pack(project.folder / "packs/other", name="other")
    project.up()
    shutil.rmtree(project.folder / "packs/other")
    project.configure(removedPacks=["other"])
    assert project.preview() == {
        f"Repository packs-other@{project.base_path}": "delete",
        "PublishedPack packs-other": "delete",
        "RemovalCheck packs": "update",
    }
    project.up()
    assert ecr.tags(project.repository) == project.digests()
    assert project.repository.replace("/hello", "/other") not in ecr.names(project.base_path)


def test_an_independent_reader_gets_the_same_files(project: Project, tmp_path: Path) -> None:
    """crane, written by others, pulls what was published; the files are those of the folder."""
    (project.folder / "packs/hello/run.sh").write_text("#!/bin/sh\n")
    (project.folder / "packs/hello/run.sh").chmod(0o755)
    project.up()
    crane = CHECKOUT / ".tools/bin/crane"
    environment = project.workspace.environment() | {"DOCKER_CONFIG": str(tmp_path / "docker")}
    reference = f"{next(iter(json.loads(project.run('stack', 'output', 'repositories', '--json')).values()))}:1.0.0"
    token = _token(environment)
    subprocess.run(
        [crane, "auth", "login", reference.split("/", maxsplit=1)[0], "-u", "AWS", "--password-stdin"],
        input=token, text=True, env=environment, check=True, capture_output=True,
    )  # fmt: skip
    manifest = json.loads(
        subprocess.run([crane, "manifest", reference], env=environment, check=True, capture_output=True).stdout
    )
    digest = subprocess.run([crane, "digest", reference], env=environment, check=True, capture_output=True, text=True)
    assert digest.stdout.strip() == project.digests()["1.0.0"]
    (layer,) = manifest["layers"]
    blob = f"{reference.rpartition(':')[0]}@{layer['digest']}"
    archive = tmp_path / layer["annotations"]["org.opencontainers.image.title"]
    archive.write_bytes(subprocess.run([crane, "blob", blob], env=environment, check=True, capture_output=True).stdout)
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    subprocess.run(["diff", "-r", tmp_path / "out/hello-1.0.0", project.folder / "packs/hello"], check=True)
    assert (tmp_path / "out/hello-1.0.0/run.sh").stat().st_mode & 0o100


def _token(environment: dict[str, str]) -> str:
    program = (
        "import base64, boto3; data = boto3.client('ecr').get_authorization_token()['authorizationData'][0];"
        "print(base64.b64decode(data['authorizationToken']).decode().partition(':')[2], end='')"
    )
    python = str(CHECKOUT / ".venv/bin/python")
    return subprocess.run([python, "-c", program], env=environment, check=True, capture_output=True, text=True).stdout


def test_what_was_pushed_by_hand_is_adopted(project: Project, ecr: Ecr) -> None:
    """The guide's own steps came first: repository, tar, push. The next preview is clean, destroy leaves the image."""
    project.program("""
repository = aws.ecr.Repository("repo", name=BASE + "/hello")
packinfra.PublishedPack("hello", repository=repository.repository_url, sources=["packs/hello"])
""")
    name = f"{project.base_path}/hello"
    project.up("--target", "urn:pulumi:test::packinfra::aws:ecr/repository:Repository::repo")
    command = ["tar", "-czf", "-", "hello"]
    archive = subprocess.run(command, cwd=project.folder / "packs", check=True, capture_output=True).stdout
    foreign = ecr.push(name, "1.0.0", archive)
    assert "pushed by somebody else with the same content; nothing was written" in project.up()
    assert ecr.tags(name) == {"1.0.0": foreign}
    assert project.preview() == {}
    output = project.run("destroy", "--yes", "--skip-preview", succeeds=False)
    assert "stays: it was pushed by somebody else and only adopted" in output
    assert ecr.tags(name) == {"1.0.0": foreign}


def test_a_second_machine_sees_no_change(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another home, checkout path, umask and time zone; and a record that another codec wrote."""
    project.up()
    state = json.loads(project.run("stack", "export"))
    for resource in state["deployment"]["resources"]:
        for props in (resource.get("inputs") or {}, resource.get("outputs") or {}):
            for record in (props.get("versions") or {}).values():
                if isinstance(record, dict) and "codec" in record:
                    record |= {"codec": "deflate-0.1.0/level-9", "created": "2001-01-01T00:00:00Z"}
    (tmp_path / "state.json").write_text(json.dumps(state))
    project.run("stack", "import", "--file", str(tmp_path / "state.json"))
    elsewhere = project.moved(tmp_path / "another/checkout")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("HOME", str(tmp_path / "another"))
    before = os.umask(0o077)
    try:
        for file in sorted((project.folder / "packs/hello").rglob("*"), reverse=True):
            if file.is_file():
                copy = elsewhere.folder / "packs/renamed" / file.relative_to(project.folder / "packs/hello")
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
        assert elsewhere.preview() == {}
    finally:
        os.umask(before)
