"""One version of a cluster profile: as it is wanted, and as Palette has it.

    >>> layer = Layer("hello", "1.0.0", registry_uid="R1", pack_uid="P1", layer="addon", values="a: 1")
    >>> body = create_body(ProfileVersion("web", "1.0.0", layers=(layer,)))
    >>> body["spec"]["template"]["packs"][0]["tag"]
    '1.0.0'

A response differs from the request (docs/fidelity.md): `packUid` stands for `uid`; a manifest is a name
and a uid, whose text is another request; what has its default is left out. Whether two versions say the same is the matter
of profile_differences.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from packinfra.palette.profile_responses import (
    ProfileResponse,
    ProfileUser,
    StoredVariable,
    Template,
    TemplatePack,
    Variables,
)

TYPES: Final[Mapping[str, str]] = {"full": "cluster", "infra": "infra", "add-on": "add-on"}
"""The type as the console calls it -> as the API does."""
_TAG_WITHOUT_VALUE: Final = "spectro__tag"


@dataclass(frozen=True)
class Manifest:
    """A manifest that was attached to a layer. uid: "" for one that Palette doesn't have yet"""

    name: str
    content: str = field(repr=False)
    uid: str = ""


@dataclass(frozen=True)
class Layer:
    """One pack of a profile.

    Args:
        version: The exact one, sent as `tag`.
        type: oci, spectro, helm, or manifest: the kind of registry decides.
        layer: kernel, os, k8s, cni, csi or addon; "" if it isn't known.
        values: The complete values.yaml.
        invalid: Palette's reason, if it can't use the layer any more: its tag was deleted from the registry, for example.
    """

    name: str
    version: str
    registry_uid: str = ""
    pack_uid: str = ""
    type: str = "oci"
    layer: str = ""
    values: str = field(default="", repr=False)
    manifests: tuple[Manifest, ...] = ()
    invalid: str = ""


@dataclass(frozen=True)
class Variable:
    """A profile variable. format, input_type: as Palette names them; options: (value, label)"""

    name: str
    display_name: str = ""
    description: str = ""
    format: str = "string"
    input_type: str = "text"
    default: str = field(default="", repr=False)
    regex: str = ""
    options: tuple[tuple[str, str], ...] = ()
    required: bool = False
    hidden: bool = False
    immutable: bool = False
    sensitive: bool = False


@dataclass(frozen=True)
class ProfileVersion:
    """The content of one version. type: full, infra or add-on; tags: None = a tag without a value"""

    name: str
    version: str
    type: str = "add-on"
    cloud: str = "all"
    description: str = ""
    tags: Mapping[str, str | None] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    variables: tuple[Variable, ...] = ()


@dataclass(frozen=True)
class User:
    """A cluster or a cluster template that uses a version."""

    uid: str
    name: str
    project_uid: str = ""


@dataclass(frozen=True)
class StoredProfile:
    """One version as Palette has it.

    Args:
        content: What is published; of a version that never was, its draft.
        has_draft: Somebody's changes wait to be published.
        versions: Version -> uid of all versions of the name that Palette mentions, this one included.
        project_uid: "" = the tenant's.
    """

    uid: str
    content: ProfileVersion
    is_published: bool = True
    has_draft: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    clusters: tuple[User, ...] = ()
    templates: tuple[User, ...] = ()
    project_uid: str = ""


# Requests


def create_body(wanted: ProfileVersion) -> dict[str, Any]:
    """Of POST /v1/clusterprofiles."""
    spec = {"version": wanted.version, "template": template_body(wanted), **variables_body(wanted.variables)}
    return {"metadata": _metadata(wanted), "spec": spec}


def template_body(wanted: ProfileVersion) -> dict[str, Any]:
    """Of POST /v1/clusterprofiles/validate/packs."""
    return {"type": TYPES[wanted.type], "cloudType": wanted.cloud, "packs": [_pack(layer) for layer in wanted.layers]}


def update_body(uid: str, wanted: ProfileVersion) -> dict[str, Any]:
    """Of PUT /v1/clusterprofiles/{uid}, which replaces the layers. A manifest that Palette has must carry its uid
    (`with_manifest_uids`). The version must be the one that the uid has: another one would rename it."""
    template = {key: value for key, value in template_body(wanted).items() if key != "cloudType"}  # fixed at creation
    return {"metadata": {"name": wanted.name, "uid": uid}, "spec": {"version": wanted.version, "template": template}}


def metadata_body(wanted: ProfileVersion) -> dict[str, Any]:
    """Of PATCH /v1/clusterprofiles/{uid}/metadata: name, description and tags."""
    return {"metadata": _metadata(wanted), "spec": {"version": wanted.version}}


def variables_body(variables: Iterable[Variable]) -> dict[str, Any]:
    """Of PUT and PATCH /v1/clusterprofiles/{uid}/variables."""
    return {"variables": [_variable(variable) for variable in variables]}


def with_manifest_uids(wanted: ProfileVersion, stored: ProfileVersion) -> ProfileVersion:
    """`wanted` with the uids of the manifests that Palette has already."""
    uids = {(layer.name, manifest.name): manifest.uid for layer in stored.layers for manifest in layer.manifests}
    return replace(
        wanted,
        layers=tuple(
            replace(
                layer,
                manifests=tuple(replace(each, uid=uids.get((layer.name, each.name), "")) for each in layer.manifests),
            )
            for layer in wanted.layers
        ),
    )


def _metadata(wanted: ProfileVersion) -> dict[str, Any]:
    labels = {key: _TAG_WITHOUT_VALUE if value is None else value for key, value in wanted.tags.items()}
    return {"name": wanted.name, "annotations": {"description": wanted.description}, "labels": labels}


def _pack(layer: Layer) -> dict[str, Any]:
    manifests = [
        {"name": each.name, "content": each.content, **({"uid": each.uid} if each.uid else {})}
        for each in layer.manifests
    ]
    body = {
        "name": layer.name, "type": layer.type, "layer": layer.layer, "registryUid": layer.registry_uid,
        "uid": layer.pack_uid, "tag": layer.version,
    }  # fmt: skip
    return {**{key: value for key, value in body.items() if value}, "values": layer.values, "manifests": manifests}


def _variable(variable: Variable) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": variable.name,
        "displayName": variable.display_name or variable.name,
        "description": variable.description,
        "format": variable.format,
        "inputType": variable.input_type,
        "defaultValue": variable.default,
        "regex": variable.regex,
        "required": variable.required,
        "hidden": variable.hidden,
        "immutable": variable.immutable,
        "isSensitive": variable.sensitive,
    }
    if variable.options:
        body["options"] = [{"value": value, "label": label} for value, label in variable.options]
    return {key: value for key, value in body.items() if value != ""}


# Responses


def parse_profile(
    response: ProfileResponse,
    variables: Variables,
    manifest_text: Callable[[str, str, str], str] = lambda _pack, _name, _uid: "",
) -> StoredProfile:
    """From GET /v1/clusterprofiles/{uid}, and the variables, which are another request.

    Args:
        manifest_text: (pack's name, manifest's name, manifest's uid) -> its text, which the response doesn't have.
    """
    metadata, spec, status = response.metadata, response.spec, response.status
    published, draft = _packs(spec.published), _packs(spec.draft)
    template = (spec.published if published or not draft else spec.draft) or Template()
    api_type = template.type or "cluster"
    content = ProfileVersion(
        name=metadata.name,
        version=response.version,
        type=next((ours for ours, theirs in TYPES.items() if theirs == api_type), api_type),
        cloud=template.cloud_type or "all",
        description=metadata.annotations.get("description", ""),
        tags={key: None if value == _TAG_WITHOUT_VALUE else value for key, value in metadata.labels.items()},
        layers=tuple(_parse_pack(pack, manifest_text) for pack in template.packs),
        variables=tuple(map(_parse_variable, variables.variables)),
    )
    in_project = metadata.annotations.get("scope", "project") == "project"
    return StoredProfile(
        uid=metadata.uid,
        content=content,
        is_published=bool(published) if status.is_published is None else status.is_published,
        has_draft=bool(draft),
        versions=response.versions(),
        clusters=_users(status.in_use_clusters),
        templates=_users(status.in_use_cluster_templates),
        project_uid=metadata.annotations.get("projectUid", "") if in_project else "",
    )


def _packs(template: Template | None) -> Sequence[TemplatePack]:
    return template.packs if template else ()


def _parse_pack(pack: TemplatePack, manifest_text: Callable[[str, str, str], str]) -> Layer:
    manifests = (
        Manifest(each.name, each.content or manifest_text(pack.name, each.name, each.uid), each.uid)
        for each in pack.manifests
    )
    return Layer(
        name=pack.name,
        version=pack.tag or pack.version,
        registry_uid=pack.registry_uid,
        pack_uid=pack.pack_uid or pack.uid,
        type=pack.type or "spectro",
        layer=pack.layer,
        values=pack.values,
        manifests=tuple(manifests),
        invalid=(pack.in_valid_reason or "Palette gives no reason") if pack.is_invalid else "",
    )


def _parse_variable(variable: StoredVariable) -> Variable:
    return Variable(
        name=variable.name,
        display_name=variable.display_name or variable.name,
        description=variable.description,
        format=variable.format or "string",
        input_type=variable.input_type or "text",
        default=variable.default_value,
        regex=variable.regex,
        options=tuple((option.value, option.label) for option in variable.options),
        required=variable.required,
        hidden=variable.hidden,
        immutable=variable.immutable,
        sensitive=variable.is_sensitive,
    )


def _users(entries: Iterable[ProfileUser]) -> tuple[User, ...]:
    return tuple(User(entry.uid, entry.name, entry.project_uid) for entry in entries)
