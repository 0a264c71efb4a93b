"""The product's Palette client on the stand-in: projects, pack lookup and cluster profiles. A bystander looks at the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from packinfra.http.rate_limit import RateLimiter
from packinfra.http.retry import RetryPolicy
from packinfra.palette import PaletteClient, PaletteError, PaletteTransport
from packinfra.palette.errors import Forbidden, InUse, KeyRejected, NameTaken, NotFound, PackMissing
from packinfra.palette.packs import PackVersion
from packinfra.palette.profile import Layer, Manifest, ProfileVersion, StoredProfile, Variable
from packinfra.palette.profile_differences import differences
from packinfra.palette.profiles import Fault, ProfileClient
from tests.support.aws import MakeSpec, Register, Shelf
from tests.support.palette import Palette, pack_layer
from tests.support.profiles import PUBLIC, TUTORIAL, P, new_name, scope
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

Connect = Callable[[str], PaletteClient]
REPLICAS = Variable("replicas", "Replicas", format="number", default="1", required=True)
TOKEN = Variable("token", "Token", default="s3cret-t0ken", sensitive=True)


@pytest.fixture
def connect(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Connect:
    monkeypatch.setenv("HTTPS_PROXY", sandbox.variables["HTTPS_PROXY"])
    monkeypatch.setenv("NO_PROXY", "")

    def make(key: str) -> PaletteClient:
        transport = PaletteTransport(
            "api.spectrocloud.com", key, ca_file=sandbox.ca, policy=RetryPolicy(attempts=3, first=0.0),
            limiter=RateLimiter(1000.0, burst=100),
        )  # fmt: skip
        return PaletteClient(transport)

    return make


@pytest.fixture
def client(connect: Connect, palette: Palette) -> PaletteClient:
    return connect(palette.key)


@pytest.fixture
def project(palette: Palette) -> str:
    return scope(palette)["ProjectUid"]


@pytest.fixture
def profiles(client: PaletteClient, project: str) -> ProfileClient:
    return client.profiles(project, client.tenant())


def layer_of(pack: PackVersion) -> Layer:
    return Layer(
        pack.name, pack.version, pack.registry.uid, pack.uid, pack.registry.type, pack.layer, values=pack.values
    )


@pytest.fixture
def addon(client: PaletteClient) -> Layer:
    return layer_of(client.packs().resolve(PUBLIC, "spectro-proxy", "1.4.3"))


def got(profiles: ProfileClient, uid: str) -> StoredProfile:
    stored = profiles.get(uid)
    assert stored
    return stored


def test_projects(sandbox: Sandbox, connect: Connect, client: PaletteClient, project: str) -> None:
    uid = sandbox.palette.project("Team")
    assert client.projects()["Team"] == uid
    assert client.projects("Default") == {"Default": project}
    assert client.projects("Defaul") == {}
    assert connect(sandbox.palette.key(projects=["Default"])).projects() == {"Default": project}


def test_the_tutorials_profile(
    client: PaletteClient,
    profiles: ProfileClient,
    palette: Palette,
    register: Register,
    make_spec: MakeSpec,
    shelf: Shelf,
) -> None:
    shelf.push("hello", "1.0.0", pack_layer())
    name = new_name()
    palette.sync("ecr", register("ecr", make_spec(), name))
    lookup = client.packs()
    packs = [lookup.resolve(PUBLIC, *pack) for pack in (*TUTORIAL, ("spectro-proxy", "1.4.3"))]
    hello = lookup.resolve(name, "hello", "1.0.0")
    assert (hello.registry.type, hello.layer, hello.clouds, hello.values) == ("oci", "addon", ("all",), "a: 1\n")
    assert (packs[0].registry.type, packs[0].layer, packs[0].clouds) == ("spectro", "os", ("aws",))
    layers = tuple(layer_of(pack) for pack in (*packs, hello))
    wanted = ProfileVersion(
        name, "1.0.0", "full", "aws", "Cluster profile of the tutorial",
        {"app": "hello-universe", "education": None}, layers,
    )  # fmt: skip
    assert profiles.validate(wanted) == []
    uid = profiles.create(wanted)
    stored = got(profiles, uid)
    assert differences(wanted, stored.content) == []
    assert (stored.is_published, stored.has_draft, stored.versions) == (True, False, {"1.0.0": uid})


def test_what_a_lookup_lacks(sandbox: Sandbox, client: PaletteClient) -> None:
    lookup = client.packs()
    for arguments, message in (
        (("Public Repos", "kubernetes", "1.28.11"), 'no registry "Public Repos"; the nearest are Public Repo'),
        ((PUBLIC, "kubernetes", "1.28.1"), r'no kubernetes "1.28.1" in Public Repo; the nearest are 1.28.11, 1.28.9\n'),
        ((PUBLIC, "kubernetes", "1.28.x"), "the nearest are"),
        ((PUBLIC, "kubernetez", "1.28.9"), 'no pack "kubernetez" in Public Repo\n'),
    ):
        with pytest.raises(PackMissing, match=message) as caught:
            lookup.resolve(*arguments)
        assert "\n  -> " in str(caught.value)
    with sandbox.palette.overrides(empty_lookup=True), pytest.raises(PackMissing, match="no pack"):
        lookup.resolve(PUBLIC, "none", "1.0.0")


def test_a_pack_of_another_registry(
    client: PaletteClient, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf
) -> None:
    shelf.push("hello", "1.0.0", pack_layer())
    name = new_name()
    palette.sync("ecr", register("ecr", make_spec(), name))
    with pytest.raises(PackMissing, match=rf"in Public Repo; .*{name} \(1.0.0\).* has it"):
        client.packs().resolve(PUBLIC, "hello", "1.0.0")


def test_versions_of_a_scope(client: PaletteClient, profiles: ProfileClient, addon: Layer) -> None:
    """The tenant's profile of the same name is in the project's list, too."""
    wanted = ProfileVersion(new_name(), "1.0.0", layers=(addon,))
    tenants = client.profiles()
    theirs = tenants.create(wanted)
    assert profiles.find(wanted.name) == {}
    first, second = profiles.create(wanted), profiles.create(replace(wanted, version="1.1.0"))
    assert profiles.find(wanted.name) == {"1.0.0": first, "1.1.0": second}
    assert tenants.find(wanted.name) == {"1.0.0": theirs}
    assert got(profiles, second).versions == {"1.0.0": first, "1.1.0": second}
    for other in (wanted, replace(wanted, version="2.0.0", cloud="aws")):
        with pytest.raises(NameTaken, match="choose another name or version"):
            profiles.create(other)


@pytest.mark.parametrize("ignored", [False, True])
def test_variables_of_a_new_profile(
    sandbox: Sandbox, palette: Palette, profiles: ProfileClient, project: str, ignored: bool
) -> None:
    """Both readings of the contradiction."""
    layer = Layer("extra", "", pack_uid="spectro-manifest-pack", type="manifest", layer="addon", manifests=(
        Manifest("one", "replicas: '{{.spectro.var.replicas}}'"),))  # fmt: skip
    wanted = ProfileVersion(new_name(), "1.0.0", layers=(layer,), variables=(REPLICAS, TOKEN))
    with sandbox.palette.overrides(ignores_variables=ignored):
        uid = profiles.create(wanted)
    listed = palette.get(f"{P}/{uid}/variables", headers={"ProjectUid": project})["variables"]
    assert [each["name"] for each in listed] == ["replicas", "token"]
    stored = got(profiles, uid)
    assert differences(wanted, stored.content) == [], "with the mask of the sensitive one"
    assert stored.content.layers[0].manifests[0].content == "replicas: '{{.spectro.var.replicas}}'"


@pytest.mark.parametrize("strict", [False, True])
def test_update(sandbox: Sandbox, profiles: ProfileClient, addon: Layer, strict: bool) -> None:
    extra = Layer("extra", "", pack_uid="spectro-manifest-pack", type="manifest", layer="addon", manifests=(
        Manifest("one", "a: '{{.spectro.var.replicas}}'"), Manifest("two", "b: 2")))  # fmt: skip
    old = ProfileVersion(new_name(), "1.0.0", layers=(addon, extra), variables=(REPLICAS,), tags={"team": "docs"})
    uid = profiles.create(old)
    zone = Variable("zone", "Zone")
    new = replace(
        old, layers=(replace(extra, manifests=(Manifest("one", "a: '{{.spectro.var.zone}}'"), Manifest("two", "b: 2"))), addon),
        variables=(zone,), tags={"demo": None}, description="new",
    )  # fmt: skip
    with (
        sandbox.palette.overrides(strict_publish=strict),
        sandbox.faults.add(f"palette: PATCH {P}/{uid}/publish", action="cut", when="after"),
    ):
        profiles.update(got(profiles, uid), new)
    stored = got(profiles, uid)
    assert differences(new, stored.content) == []
    assert (stored.is_published, stored.has_draft) == (True, False)
    assert [each.name for each in stored.content.variables] == ["zone"]
    with pytest.raises(ValueError, match="would become"):
        profiles.update(stored, replace(new, version="1.1.0"))


@pytest.mark.parametrize("action", ["cut", "respond"])
def test_a_lost_response(
    sandbox: Sandbox, palette: Palette, profiles: ProfileClient, addon: Layer, project: str, action: str
) -> None:
    wanted = ProfileVersion(new_name(), "1.0.0", layers=(addon,))
    params = {"response": "bad-gateway"} if action == "respond" else {}
    with sandbox.faults.add(f"palette: POST {P}", action=action, when="after", **params):
        uid = profiles.create(wanted)
    items = palette.get("/v1/dashboard/clusterprofiles/metadata", headers={"ProjectUid": project})["items"]
    assert [item["metadata"]["uid"] for item in items if item["metadata"]["name"] == wanted.name] == [uid]
    with sandbox.faults.add(f"palette: POST {P}", action=action, when="before", **params):
        assert profiles.create(replace(wanted, version="1.1.0")) != uid


def test_faults_of_a_dry_run(profiles: ProfileClient, addon: Layer) -> None:
    wrong = ProfileVersion("x", "1.0.0", layers=(replace(addon, type="oci", values=""), addon))
    assert profiles.validate(wrong) == [
        Fault("spectro-proxy", "PackTypeMismatch", "PackType 'oci' is not matching with registry type 'spectro'"),
        Fault("spectro-proxy", "PackValuesInvalid", "Parameter manifests.spectro-proxy.namespace value is required"),
        Fault("spectro-proxy", "DuplicatePack", "the pack spectro-proxy is in the profile twice"),
    ]
    with pytest.raises(PaletteError, match="400 PackTypeMismatch"):
        profiles.create(wrong)


def test_delete(sandbox: Sandbox, profiles: ProfileClient, addon: Layer) -> None:
    uid = profiles.create(ProfileVersion(new_name(), "1.0.0", layers=(addon,)))
    sandbox.palette.clusters(uid, "edge-1")
    assert [user.name for user in got(profiles, uid).clusters] == ["edge-1"]
    with pytest.raises(InUse, match=r"in use by edge-1\n  -> move the clusters"):
        profiles.delete(uid)
    sandbox.palette.clusters(uid)
    with sandbox.faults.add(f"palette: DELETE {P}/{uid}", action="cut", when="after"):
        profiles.delete(uid)
    profiles.delete(uid)
    assert profiles.get(uid) is None


def test_what_is_not_gone(
    sandbox: Sandbox, connect: Connect, client: PaletteClient, project: str, addon: Layer
) -> None:
    """401, 403, another tenant, another project: never "gone", and nothing is deleted."""
    tenant = client.tenant()
    uid = client.profiles(project, tenant).create(ProfileVersion(new_name(), "1.0.0", layers=(addon,)))
    team = sandbox.palette.project("Team")
    others = connect(sandbox.palette.key(admin=True, tenant="another"))
    outsider = connect(sandbox.palette.key(projects=["Team"]))
    cases: list[tuple[ProfileClient, type[PaletteError], str]] = [
        (others.profiles(project, tenant), KeyRejected, "it was made in the tenant"),
        (others.profiles(project), Forbidden, "doesn't see the project"),
        (outsider.profiles(project, tenant), Forbidden, "doesn't see the project"),
        (client.profiles("0" * 24, tenant), Forbidden, "doesn't see the project"),
        (connect("wrong").profiles(project, tenant), KeyRejected, "401"),
    ]
    for profiles, kind, message in cases:
        for call in (profiles.get, profiles.delete):
            with pytest.raises(kind, match=message):
                call(uid)
    member = connect(sandbox.palette.key())
    wanted = ProfileVersion(new_name(), "1.0.0", layers=(addon,))
    with pytest.raises(Forbidden, match=r"clusterProfile\.get"):
        member.profiles().create(wanted)
    for profiles in (outsider.profiles(project), client.profiles("0" * 24)):
        with pytest.raises(Forbidden, match="doesn't see the project"):
            profiles.find(wanted.name)
        with pytest.raises(Forbidden):
            profiles.create(wanted)
    assert client.profiles(team, tenant).get(uid) is None, "a project that the key's user sees"
    assert client.profiles(project, tenant).get(uid)


def test_secrets(sandbox: Sandbox, profiles: ProfileClient, addon: Layer) -> None:
    again = replace(TOKEN, name="again", display_name=TOKEN.default)
    variables = (TOKEN, again, replace(again, name="third"))
    with pytest.raises(PaletteError, match=r"displayName \.\.\. is there twice") as caught:
        profiles.create(ProfileVersion(new_name(), "1.0.0", layers=(addon,), variables=variables))
    assert TOKEN.default not in str(caught.value) + repr(replace(TOKEN, display_name="x"))


def test_not_found_is_not_swallowed(profiles: ProfileClient) -> None:
    assert profiles.get("0" * 24) is None
    with pytest.raises(NotFound):
        profiles.publish("0" * 24)
