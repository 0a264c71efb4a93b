"""The responses of Palette that packinfra reads, typed (Palette's API description, 4.8).

A field that is not listed here is ignored. `null` is an absent field, since Go writes empty lists and objects so. A
listed field of another type means that Palette did not send this: `PaletteTransport.fetch` raises NotPalette, naming the field.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

Uid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
"""It becomes a part of later requests' paths."""
OptionalUid = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,127})?$")]
Text = Annotated[str, StringConstraints(min_length=1)]


def without_nulls(data: Any) -> Any:
    return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


def is_mask(text: str) -> bool:
    """Whether Palette shows this in place of a secret."""
    return bool(re.fullmatch(r"\*+", text))


class Part(BaseModel):
    """An object in a response."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return without_nulls(data)


P = TypeVar("P", bound=Part)


def parse(model: type[P], document: object) -> P:
    """Raises ValueError with the fields that are wrong, three at most; their names are foreign text."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        listed = (f"{'.'.join(map(str, problem['loc'])) or 'it'}: {problem['msg']}" for problem in problems[:3])
        raise ValueError("; ".join(listed)) from None


class Created(Part):
    uid: Uid


class _Listmeta(Part):
    following: str = Field("", alias="continue")
    """The token of the next page; "" on the last one."""


class Page(Part):
    """A page of a list."""

    listmeta: _Listmeta = _Listmeta()


class Named(Part):
    uid: Uid
    name: str = ""


class _NamedItem(Part):
    metadata: Named


class NamedPage(Page):
    items: list[_NamedItem] = []


class _Tenant(Part):
    tenant_uid: str = ""


class _UserStatus(Part):
    tenant: _Tenant = _Tenant()


class User(Part):
    status: _UserStatus = _UserStatus()


class UserToken(Part):
    authorization: Annotated[str, StringConstraints(pattern=r"^[!-~]+$")] = Field(alias="Authorization")
    is_mfa: bool = False


class StsAccount(Part):
    account_id: Text
    external_id: Text


# ---- registries ------------------------------------------------------------------------------------------------------


class _ListedSpec(Part):
    registry_type: str = ""


class ListedRegistry(Part):
    metadata: Named
    spec: _ListedSpec = _ListedSpec()


class RegistryList(Page):
    items: list[ListedRegistry] = []


class Tls(Part):
    certificate: str = ""
    insecure_skip_verify: bool = False


class Sts(Part):
    arn: str = ""
    external_id: str = ""


class PodIdentity(Part):
    role_arn: str = ""


class Credentials(Part):
    """Of an ECR registry."""

    credential_type: str = ""
    access_key: str = ""
    sts: Sts = Sts()
    pod_identity: PodIdentity = PodIdentity()
    partition: str = ""


class Auth(Part):
    """Of a Basic registry."""

    type: str = ""
    username: str = ""
    tls: Tls = Tls()


class RegistrySpec(Part):
    endpoint: Text
    base_content_path: str = ""
    provider_type: str = ""
    is_private: bool = False
    credentials: Credentials = Credentials()
    auth: Auth = Auth()
    tls: Tls = Tls()


class SyncStatusResponse(Part):
    status: str = ""
    message: str = ""
    last_run_time: str = ""
    last_synced_time: str = ""
    is_sync_supported: bool = True


class _RegistryMetadata(Part):
    name: Text


class _RegistryStatus(Part):
    sync_status: SyncStatusResponse = SyncStatusResponse()


class RegistryResponse(Part):
    metadata: _RegistryMetadata
    spec: RegistrySpec
    status: _RegistryStatus = _RegistryStatus()


class _RegistryItem(Part):
    """Of any kind: oci, helm, or Palette's own."""

    uid: Uid
    name: str = ""
    kind: str = ""


class RegistryMetadata(Page):
    items: list[_RegistryItem] = []


# ---- packs -----------------------------------------------------------------------------------------------------------


class PackTag(Part):
    pack_uid: OptionalUid = ""
    version: str = ""
    tag: str = ""
    """The version with its group in front, if it has one ("LTS__22.4.x"), so `version` is compared."""


class PackValues(Part):
    pack_uid: str = ""
    values: str | None = None
    """None: not in the response; "" is a legal, empty values.yaml"""


class PackTags(Part):
    """V1PackTagEntity: the versions of one pack in one registry."""

    name: str = ""
    layer: str = ""
    cloud_types: list[str] = []
    tags: list[PackTag] = []
    pack_values: list[PackValues] = []


class _PackSpec(Part):
    values: str = ""


class PackResponse(Part):
    spec: _PackSpec


class _PackPlace(Part):
    name: str = ""
    latest_version: str = ""


class _PackPlaces(Part):
    registries: list[_PackPlace] = []


class _SearchItem(Part):
    spec: _PackPlaces = _PackPlaces()


class PackSearch(Part):
    items: list[_SearchItem] = []
