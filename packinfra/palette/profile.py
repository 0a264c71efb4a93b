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

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

TYPES: Final[Mapping[str, str]] = {"full": "cluster", "infra": "infra", "add-on": "add-on"}
"""The type as the console calls it -> as the API does."""
_TAG_WITHOUT_VALUE: Final = "spectro__tag"
_FIRST_VERSION: Final = "1.0.0"


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
    response: Mapping[str, Any], manifest_text: Callable[[str, str, str], str] = lambda _pack, _name, _uid: ""
) -> StoredProfile:
    """From GET /v1/clusterprofiles/{uid}.

    Args:
        manifest_text: (pack's name, manifest's name, manifest's uid) -> its text, which the response doesn't have.
    """
    metadata, spec, status = (response.get(key) or {} for key in ("metadata", "spec", "status"))
    annotations = metadata.get("annotations") or {}
    published, draft = spec.get("published") or {}, spec.get("draft") or {}
    template = published if published.get("packs") or not draft.get("packs") else draft
    api_type = str(template.get("type") or "cluster")
    content = ProfileVersion(
        name=str(metadata.get("name") or ""),
        version=str(spec.get("version") or _FIRST_VERSION),
        type=next((ours for ours, theirs in TYPES.items() if theirs == api_type), api_type),
        cloud=str(template.get("cloudType") or "all"),
        description=str(annotations.get("description") or ""),
        tags={
            str(key): None if value == _TAG_WITHOUT_VALUE else str(value)
            for key, value in (metadata.get("labels") or {}).items()
        },
        layers=tuple(_parse_pack(pack, manifest_text) for pack in template.get("packs") or []),
        variables=tuple(_parse_variable(variable) for variable in spec.get("variables") or []),
    )
    uid = str(metadata.get("uid") or "")
    siblings = {str(each.get("version") or _FIRST_VERSION): str(each.get("uid")) for each in spec.get("versions") or []}
    in_project = annotations.get("scope", "project") == "project"
    return StoredProfile(
        uid=uid,
        content=content,
        is_published=bool(status.get("isPublished", bool(published.get("packs")))),
        has_draft=bool(draft.get("packs")),
        versions={**siblings, content.version: uid},
        clusters=_users(status.get("inUseClusters")),
        templates=_users(status.get("inUseClusterTemplates")),
        project_uid=str(annotations.get("projectUid") or "") if in_project else "",
    )


def _parse_pack(pack: Mapping[str, Any], manifest_text: Callable[[str, str, str], str]) -> Layer:
    name = str(pack.get("name") or "")
    manifests = []
    for each in pack.get("manifests") or []:
        title, uid = str(each.get("name") or ""), str(each.get("uid") or "")
        content = each.get("content")
        manifests.append(Manifest(title, str(content) if content else manifest_text(name, title, uid), uid))
    invalid = str(pack.get("inValidReason") or "Palette gives no reason") if pack.get("isInvalid") else ""
    return Layer(
        name=name,
        version=str(pack.get("tag") or pack.get("version") or ""),
        registry_uid=str(pack.get("registryUid") or ""),
        pack_uid=str(pack.get("packUid") or pack.get("uid") or ""),
        type=str(pack.get("type") or "spectro"),
        layer=str(pack.get("layer") or ""),
        values=str(pack.get("values") or ""),
        manifests=tuple(manifests),
        invalid=invalid,
    )


def _parse_variable(variable: Mapping[str, Any]) -> Variable:
    name = str(variable.get("name") or "")
    options = [
        (str(option.get("value") or ""), str(option.get("label") or "")) for option in variable.get("options") or []
    ]
    return Variable(
        name=name,
        display_name=str(variable.get("displayName") or name),
        description=str(variable.get("description") or ""),
        format=str(variable.get("format") or "string"),
        input_type=str(variable.get("inputType") or "text"),
        default=str(variable.get("defaultValue") or ""),
        regex=str(variable.get("regex") or ""),
        options=tuple(options),
        required=bool(variable.get("required")),
        hidden=bool(variable.get("hidden")),
        immutable=bool(variable.get("immutable")),
        sensitive=bool(variable.get("isSensitive")),
    )


def _users(entries: Any) -> tuple[User, ...]:
    return tuple(User(*(str(entry.get(key) or "") for key in ("uid", "name", "projectUid"))) for entry in entries or [])
