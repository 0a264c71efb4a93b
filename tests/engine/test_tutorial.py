"""Palette's tutorial "Deploy a Custom Pack", its tab ECR, walked with the ready program instead of tar, aws, oras and
the console; each step is looked at as the tutorial does.

    Prerequisites                    an IAM user, here Palette's alone: publishing is the engine's
    Build a Pack                     the pack of this project, in the tutorial's folder and under its name
    Start the Registry Server        base repository and pack repository
    Log in, Push the Pack            the pack in ECR, as `aws ecr describe-images` shows it
    Configure the Registry Server    validated, registered with the tutorial's form, synced
    Create a Cluster Profile         the full profile with OS, Kubernetes, network, storage and Spectro Proxy, and the pack
                                     from ecr-registry, which shows its version, parameters and readme
    Cleanup                          profile, registration, pack and repositories deleted

Outside of packinfra stay: the tutorial's container; the legacy Spectro registry and ngrok; the cloud account, the SSH key, the cluster, its deletion, and the application in a browser. The logo
is published, but the Palette of the sandbox shows none.
"""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from packinfra.settings import PACKS_PATH
from tests.support.palette import Palette
from tests.support.profiles import TUTORIAL, P, scope
from tests.support.project import CHECKOUT, Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

REGION, REGISTRY_NAME, NAME, VERSION = "us-east-1", "spectro-oci-registry", "hellouniverse", "1.0.0"
BASE = f"{REGISTRY_NAME}/{PACKS_PATH}"
PROFILE = "pack-tutorial-profile"
PUBLIC = (*TUTORIAL, ("spectro-proxy", "1.4.3"))
LAYERS = [*({"registry": "Public Repo", "name": name, "version": version} for name, version in PUBLIC), {"name": NAME}]


def test_the_tutorial(project: Project, sandbox: Sandbox) -> None:
    palette, session = Palette(sandbox), sandbox.session()
    ecr: Any = session.client("ecr", REGION, config=sandbox.config, verify=sandbox.ca)
    iam: Any = session.client("iam", config=sandbox.config, verify=sandbox.ca)

    iam.create_user(UserName="palette")
    key = iam.create_access_key(UserName="palette")["AccessKey"]

    folder = project.folder / "packs/hello-universe-pack"
    shutil.copytree(CHECKOUT / "packs/hello-universe", folder)
    about = json.loads((folder / "pack.json").read_text())
    (folder / "pack.json").write_text(json.dumps({**about, "name": NAME, "version": VERSION}))
    assert {path.name for path in folder.iterdir()} == {
        "pack.json", "values.yaml", "manifests", "logo.png", "README.md",
    }  # fmt: skip

    project.configure(
        aws_region=REGION,
        registry={"kind": "ecr", "basePath": REGISTRY_NAME},
        packs=["packs/hello-universe-pack"],
        access={"reader": {"users": ["palette"]}},
        palette={"name": "ecr-registry", "accessKeyId": key["AccessKeyId"]},
        profiles={PROFILE: {"project": "Default", "type": "full", "cloud": "aws", "version": VERSION, "packs": LAYERS}},
    )
    project.secret("paletteSecretKey", key["SecretAccessKey"])
    begin = sandbox.mark()
    project.up()

    (image,) = ecr.describe_images(repositoryName=f"{BASE}/{NAME}")["imageDetails"]
    assert image["imageTags"] == [VERSION]
    assert image["imageManifestMediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert image["artifactMediaType"] == "application/vnd.unknown.config.v1+json"
    assert ecr.describe_repositories(repositoryNames=[BASE])["repositories"][0]["imageTagMutability"] == "MUTABLE"

    uid = project.output("paletteRegistryUid")
    registered = palette.get(f"/v1/registries/oci/{uid}/ecr")
    form = registered["spec"]
    assert registered["metadata"]["name"] == "ecr-registry"
    assert form["endpoint"] == image["registryId"] + f".dkr.ecr.{REGION}.amazonaws.com"
    assert (form["providerType"], form["isPrivate"], form["baseContentPath"]) == ("pack", True, REGISTRY_NAME)
    assert (form["credentials"]["credentialType"], form["credentials"]["accessKey"]) == ("secret", key["AccessKeyId"])
    steps = [request.summary.partition(" ")[2] for request in sandbox.requests("palette: POST *", begin)]
    of_registries = "POST /v1/registries/oci"
    assert steps == [
        f"{of_registries}/ecr/validate", f"{of_registries}/ecr", f"{of_registries}/{uid}/ecr/sync",
        f"POST {P}/validate/packs", f"POST {P}",
    ]  # fmt: skip
    assert palette.status("ecr", uid)["status"] == "Success"

    pack = palette.get(f"/v1/packs/{NAME}/registries/{uid}?cloudType=aws&layer=addon")
    assert (pack["displayName"], pack["addonType"], pack["cloudTypes"]) == ("Hello Universe", "app services", ["all"])
    assert [tag["version"] for tag in pack["tags"]] == [VERSION]
    (shown,) = pack["packValues"]
    assert shown["values"] == (folder / "values.yaml").read_text()
    assert shown["readme"] == (folder / "README.md").read_text()
    parameters = yaml.safe_load(shown["values"])["manifests"]["hello-universe"]
    assert {"registry", "repository", "tag"} <= parameters.keys()

    profile_uid = project.output("profiles")[PROFILE][VERSION]
    profile = palette.get(f"{P}/{profile_uid}", headers=scope(palette))["spec"]["published"]
    assert (profile["type"], profile["cloudType"]) == ("cluster", "aws")
    assert [(pack["name"], pack["tag"]) for pack in profile["packs"]] == [*PUBLIC, (NAME, VERSION)]
    assert profile["packs"][-1]["values"] == shown["values"].strip()

    project.destroy()
    assert palette.send("GET", f"{P}/{profile_uid}", headers=scope(palette)).status_code == 404
    assert palette.send("GET", f"/v1/registries/oci/{uid}/ecr").status_code == 404
    for repository in (f"{BASE}/{NAME}", BASE):
        with pytest.raises(ClientError, match="RepositoryNotFoundException"):
            ecr.describe_repositories(repositoryNames=[repository])
    iam.delete_access_key(UserName="palette", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="palette")
