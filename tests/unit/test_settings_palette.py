"""packinfra:palette and packinfra:profiles: what is read, and what each mistake says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from packinfra.settings import PaletteSettings, SettingsError, load
from tests.support.settings import BASIC, GOOD, palette


def test_palette() -> None:
    settings = load(GOOD | palette() | {"packinfra:paletteApiKey": "hush"})
    assert settings.palette
    assert (settings.palette.name, settings.palette.host, settings.palette.sync_timeout) == ("packs", None, 600)
    basic = load(palette(registry=BASIC, username="robot") | {"packinfra:palettePassword": "hush"})
    assert basic.palette
    assert basic.palette.username == "robot"
    assert load(GOOD | {"packinfra:paletteApiKey": "hush"}).palette is None, "so that the registration can be deleted"


def test_an_empty_palette_is_an_error() -> None:
    """Taken for none, it would delete the registration."""
    nothing: list[object] = ["{}", {}, "null", None]
    for empty in nothing:
        with pytest.raises(SettingsError, match=r"packinfra:palette\.name: missing"):
            load(GOOD | {"packinfra:palette": empty})


def test_palettes_host_is_validated_without_being_repeated() -> None:
    for host in ("", "a b", "user:hush@palette.example.com", "palette.example.com/v1", "http://palette.example.com"):
        with pytest.raises(SettingsError, match=r"packinfra:palette\.host: ") as caught:
            load(GOOD | palette(host=host))
        assert "hush" not in str(caught.value)
    settings = load(GOOD | palette(host="https://palette.example.com/"))
    assert settings.palette
    assert settings.palette.host == "palette.example.com"


def test_secrets_in_plain_text_and_none_at_all() -> None:
    config = GOOD | palette(accessKeyId="AKIAX") | {"packinfra:paletteSecretKey": "hush"}
    with pytest.raises(SettingsError) as caught:
        load(config, environ={}, encrypted=lambda _: False)
    _, key, plain = str(caught.value).splitlines()
    assert "packinfra:paletteApiKey: missing for packinfra:palette; set SPECTROCLOUD_APIKEY" in key
    assert "packinfra:paletteSecretKey: in plain text, in the stack file and then in state" in plain
    assert "hush" not in plain
    load(config, environ={"SPECTROCLOUD_APIKEY": "x"}, encrypted=lambda key: key == "packinfra:paletteSecretKey")
    load(GOOD, environ={})


@pytest.mark.parametrize(
    ("variable", "host", "rejected"),
    [
        ("palette.example.com", None, True),
        ("https://palette.example.com/", "palette.example.com", False),
        ("palette.example.com", "api.spectrocloud.com", False),
        ("https://API.spectrocloud.com/", None, False),
        ("", None, False),
    ],
)
def test_palettes_host_is_the_stacks(variable: str, host: str | None, rejected: bool) -> None:
    """Taken from one machine's environment, it would move the registration on the next machine."""
    config = {**GOOD, "packinfra:palette": {"name": "packs", **({"host": host} if host else {})}}
    environ = {"SPECTROCLOUD_APIKEY": "k", "SPECTROCLOUD_HOST": variable}
    if not rejected:
        assert (load(config, environ=environ).palette or PaletteSettings(name="x")).host == host
        return
    with pytest.raises(
        SettingsError, match="packinfra:palette: host: SPECTROCLOUD_HOST is set, but only here: name the host"
    ):
        load(config, environ=environ)


def test_profiles_are_read() -> None:
    profile = {
        "version": {"from": "hello"}, "tags": {"team": "x", "demo": None}, "packs": [{"name": "hello", "set": {"a.b": 1}}],
        "variables": {"n": {"default": 1}, "on": {"default": True}}, "keepVersions": "all",
    }  # fmt: skip
    settings = load(GOOD | palette() | {"packinfra:profiles": json.dumps({"web": profile})})
    web = settings.profiles["web"]
    assert (web.type, web.cloud, web.keep_versions, web.packs[0].set) == ("add-on", "all", "all", {"a.b": 1})
    assert [variable.default for variable in web.variables.values()] == ["1", "true"]


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        ({"packs": [{"name": "a", "versoin": 1}]}, "profiles.web.packs.0.versoin: no such key; did you mean version?"),
        ({"packs": []}, "profiles.web.packs: [] is wrong: name at least one pack"),
        ({"packs": [{}]}, 'profiles.web.packs.0.name: missing; for example: name: "hello-universe"'),
        ({"typ": "full"}, "profiles.web.typ: no such key; did you mean type?"),
        ({"type": "addon"}, 'profiles.web.type: "addon" is wrong'),
        ({"version": 1.1}, "profiles.web.version: 1.1 is wrong: write it in quotes"),
        ({"version": {"form": "a"}}, "profiles.web.version.form: no such key; did you mean from?"),
        ({"version": None}, "profiles.web.version"),
        ({"keepVersions": 0}, "profiles.web.keepVersions: 0 is wrong"),
        ({"variables": {"a": {"format": "text"}}}, 'profiles.web.variables.a.format: "text" is wrong'),
        ({"variables": {"a": {"defualt": 1}}}, "profiles.web.variables.a.defualt: no such key; did you mean default?"),
        ({"variables": ["a"]}, 'profiles.web.variables: ["a"] is wrong: write keys and values'),
    ],
)
def test_profiles_explain_what_is_wrong(profile: dict[str, Any], text: str) -> None:
    profiles = {"web": {"version": "1.0.0", "packs": [{"name": "a"}], **profile}}
    with pytest.raises(SettingsError) as caught:
        load(GOOD | palette() | {"packinfra:profiles": json.dumps(profiles)})
    assert f"packinfra:{text}" in str(caught.value)


def test_profiles_need_palette_and_no_plain_secret() -> None:
    variables = {"admin": {"sensitive": True, "default": "hush"}}
    profiles = json.dumps({"web": {"version": "1.0.0", "packs": [{"name": "a"}], "variables": variables}})
    with pytest.raises(SettingsError) as caught:
        load(GOOD | {"packinfra:profiles": profiles}, encrypted=lambda _key: False)
    assert "packinfra:profiles: needs packinfra:palette" in str(caught.value)
    assert "pulumi config set --secret --path 'packinfra:profiles.web.variables.admin.default'" in str(caught.value)
    assert "hush" not in str(caught.value)
    load(GOOD | palette() | {"packinfra:profiles": profiles}, encrypted=lambda _key: True)
