"""The responses about cluster profiles, typed; `profile.py` reads their content.

See responses.py.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from packinfra.palette.responses import Named, OptionalUid, Page, Part, Text, Uid, without_nulls

_Texts = Annotated[dict[str, str], BeforeValidator(without_nulls)]
_FIRST_VERSION = "1.0.0"


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


class TemplatePack(Part):
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


class Template(Part):
    type: str = ""
    cloud_type: str = ""
    packs: list[TemplatePack] = []


class _Option(Part):
    value: str = ""
    label: str = ""


class StoredVariable(Part):
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
    variables: list[StoredVariable] = []


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
    draft: Template | None = None
    published: Template | None = None
    versions: list[_Sibling] = []
    variables: list[StoredVariable] = []


class ProfileUser(Part):
    uid: str = ""
    name: str = ""
    project_uid: str = ""


class _Status(Part):
    is_published: bool | None = None
    in_use_clusters: list[ProfileUser] = []
    in_use_cluster_templates: list[ProfileUser] = []


class ProfileResponse(Part):
    metadata: _Metadata
    spec: _Spec
    status: _Status = _Status()

    @property
    def version(self) -> str:
        return self.spec.version or _FIRST_VERSION

    def versions(self) -> dict[str, str]:
        """Version -> uid of all versions of the name that Palette mentions, this one included."""
        siblings = {each.version or _FIRST_VERSION: each.uid for each in self.spec.versions}
        return {**siblings, self.version: self.metadata.uid}


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
