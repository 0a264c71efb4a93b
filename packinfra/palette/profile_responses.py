"""The responses about cluster profiles, typed; `profile.py` reads their content once their form is known to be right.

See responses.py.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from packinfra.palette.responses import Named, OptionalUid, Page, Part, Text, Uid, without_nulls

_Texts = Annotated[dict[str, str], BeforeValidator(without_nulls)]


class _ListedSpec(Part):
    version: str = ""


class _ListedProfile(Part):
    metadata: Named
    spec: _ListedSpec = _ListedSpec()


class ProfileList(Page):
    items: list[_ListedProfile] = []


class _Manifest(Part):
    uid: OptionalUid = ""
    name: str = ""
    content: str = ""


class _Pack(Part):
    name: Text
    type: str = ""
    layer: str = ""
    registry_uid: OptionalUid = ""
    pack_uid: OptionalUid = ""
    uid: OptionalUid = ""
    tag: str = ""
    version: str = ""
    values: str = ""
    manifests: list[_Manifest] = []
    is_invalid: bool = False
    in_valid_reason: str = ""


class _Template(Part):
    type: str = ""
    cloud_type: str = ""
    packs: list[_Pack] = []


class _Option(Part):
    value: str = ""
    label: str = ""


class _Variable(Part):
    name: Text
    display_name: str = ""
    description: str = ""
    format: str = ""
    input_type: str = ""
    default_value: str = ""
    regex: str = ""
    options: list[_Option] = []
    required: bool = False
    hidden: bool = False
    immutable: bool = False
    is_sensitive: bool = False


class Variables(Part):
    variables: list[_Variable] = []


class _Sibling(Part):
    uid: Uid
    version: str = ""


class _Metadata(Part):
    uid: Uid
    name: Text
    annotations: _Texts = {}
    labels: _Texts = {}


class _Spec(Part):
    version: str = ""
    draft: _Template | None = None
    published: _Template | None = None
    versions: list[_Sibling] = []
    variables: list[_Variable] = []


class _User(Part):
    uid: str = ""
    name: str = ""
    project_uid: str = ""


class _Status(Part):
    is_published: bool | None = None
    in_use_clusters: list[_User] = []
    in_use_cluster_templates: list[_User] = []


class ProfileResponse(Part):
    metadata: _Metadata
    spec: _Spec
    status: _Status = _Status()

    def document(self, variables: Variables) -> dict[str, Any]:
        """As Palette's JSON has it, with the variables, which are another request."""
        document: dict[str, Any] = self.model_dump(by_alias=True, exclude_none=True)
        document["spec"]["variables"] = variables.model_dump(by_alias=True)["variables"]
        return document


class _ManifestData(Part):
    content: str = ""


class _ManifestSpec(Part):
    published: _ManifestData | None = None
    draft: _ManifestData | None = None


class _ManifestMetadata(Part):
    uid: OptionalUid = ""
    name: str = ""


class _ManifestEntity(Part):
    metadata: _ManifestMetadata
    spec: _ManifestSpec = _ManifestSpec()


class Manifests(Part):
    items: list[_ManifestEntity] = []


class _Fault(Part):
    code: str = ""
    message: str = ""


class _PackResult(Part):
    name: str = ""
    errors: list[_Fault] = []


class _PackResults(Part):
    results: list[_PackResult] = []


class Validation(Part):
    packs: _PackResults
