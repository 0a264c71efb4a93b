"""Cluster profiles in one scope of Palette: a project, or the tenant.

    profiles = ProfileClient(transport, project="5f0d...")
    uid = profiles.find("hello").get("1.0.0") or profiles.create(wanted)
    profiles.get(uid).content

Each version is an object of its own. An error of Palette is never "gone": `get` returns None only after a 404 in Palette's
words, a tenant and a project that are the right ones, and a list without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from packinfra.http.redact import clean
from packinfra.palette.creation import create_once, is_conflict
from packinfra.palette.errors import InUse, NameTaken, NotFound, PaletteError, PaletteStep
from packinfra.palette.profile import (
    ProfileVersion,
    StoredProfile,
    Variable,
    create_body,
    metadata_body,
    parse_profile,
    template_body,
    update_body,
    variables_body,
    with_manifest_uids,
)
from packinfra.palette.profile_responses import Manifests, Validation, Variables
from packinfra.palette.profile_scope import PATH, ProfileScope
from packinfra.palette.responses import Created

_TAKEN = (
    "a cluster profile of this name and version is there already, or its name has another type or cloud: choose another "
    "name or version, or delete the other one"
)


@dataclass(frozen=True)
class Fault:
    """What Palette's validation says of one layer. pack: "" if it is about the whole profile"""

    pack: str
    code: str
    message: str


class ProfileClient(ProfileScope):
    """Thread-safe. Every method raises a PaletteError. See ProfileScope for its arguments."""

    def find(self, name: str, *, retry: bool = True) -> dict[str, str]:
        """Version -> uid of a profile in this scope; empty if it has none of that name.

        Palette's list may show profiles of the tenant and of Palette itself in a project, so each is looked at
        (`metadata.annotations.scope`), except those that one of this scope names as its siblings.
        """
        listed = [item for item in self._listed(retry=retry) if item.name == name]
        found: dict[str, str] = {}
        for item in listed:
            if item.uid in found.values():
                continue
            try:
                profile = self._read(item.uid, retry=retry)
            except NotFound:  # deleted since
                continue
            if profile.metadata.name != name or not self._is_ours(profile):
                continue
            found |= profile.versions()
        # A sibling that the list lacks was deleted: whether `versions` is as fresh isn't known.
        uids = {item.uid for item in listed}
        return {version: uid for version, uid in found.items() if uid in uids}

    def users_of(self, registry: str, packs: Mapping[str, Collection[str]], known: set[str]) -> list[str]:
        """The versions of profiles of this scope that have one of these packs, each with the packs: "web 1.0.0 (hello 1.0.0)".

        It reads every profile of the scope: one request each.

        Args:
            registry: The uid of the packs' registry.
            packs: Name -> versions.
            known: Uids of profiles that are of other scopes, though a list of this one may show them: they are not read.
                Those of this scope are added.
        """
        users = []
        for uid in dict.fromkeys(item.uid for item in self._listed() if item.uid not in known):
            try:
                profile = self._read(uid)
            except NotFound:  # deleted since
                continue
            if not self._is_ours(profile):
                continue
            known.add(uid)
            templates = [each for each in (profile.spec.published, profile.spec.draft) if each]
            used = sorted({
                f"{pack.name} {pack.tag or pack.version}"
                for template in templates for pack in template.packs
                if pack.registry_uid == registry and {pack.tag, pack.version} & {*_of_pack(pack.name, packs)}
            })  # fmt: skip
            if used:
                users.append(f"{profile.metadata.name} {profile.version} ({', '.join(used)})")
        return sorted(users)

    def get(self, uid: str) -> StoredProfile | None:
        """A version with its variables and the text of its manifests; None if there is definitely none of that uid."""
        try:
            profile = self._read(uid)
            variables = self._fetch_variables(uid)
        except NotFound as error:
            self._confirm_gone(uid, error)
            return None
        texts: dict[str, dict[str, str]] = {}

        def manifest_text(pack: str, name: str, manifest_uid: str) -> str:
            if pack not in texts:
                texts[pack] = self._manifests(uid, pack)
            return texts[pack].get(manifest_uid) or texts[pack].get(name, "")

        return parse_profile(profile, variables, manifest_text)

    def create(self, wanted: ProfileVersion) -> str:
        """Creates and publishes a version; its uid. The caller knows that the scope has none of this name and version.

        After a lost response, the list says whether it was created. Whether Palette takes variables from this request is
        contradictory (docs/fidelity.md): they are sent, read back, and written if they are missing.

        Raises:
            NameTaken: Palette has another one.
        """

        def post() -> str:
            return self._transport.fetch(
                PaletteStep.PROFILE_CREATE, "POST", PATH, Created, project=self._project, query={"publish": "true"},
                body=create_body(wanted), secrets=_secrets(wanted.variables), retry=False,
            ).uid  # fmt: skip

        try:
            uid = create_once(
                self._transport.budget(), post, lambda: self.find(wanted.name, retry=False).get(wanted.version)
            )
        except PaletteError as error:
            if is_conflict(error):
                raise error.recast(NameTaken, remedy=_TAKEN) from error
            raise self._explained(self._unseen(error)) from error
        if wanted.variables and {each.name for each in self._fetch_variables(uid).variables} != {
            each.name for each in wanted.variables
        }:
            self.put_variables(uid, wanted.variables)
        return uid

    def update(self, stored: StoredProfile, wanted: ProfileVersion) -> None:
        """Writes everything of a version that exists, and publishes it. Name and version must be those that it has: Palette
        would rename it, and the old version would be no more.

        Variables that the values need come first, those that they no longer need go last.
        """
        uid = stored.uid
        if (wanted.name, wanted.version) != (stored.content.name, stored.content.version):
            raise ValueError(
                f"{stored.content.name} {stored.content.version} would become {wanted.name} {wanted.version}"
            )
        old = {variable.name for variable in stored.content.variables}
        if new := [variable for variable in wanted.variables if variable.name not in old]:
            self.patch_variables(uid, new)
        self.put_template(uid, with_manifest_uids(wanted, stored.content))
        self.patch_metadata(uid, wanted)
        self.publish(uid)
        if wanted.variables or old:
            self.put_variables(uid, wanted.variables)

    def put_template(self, uid: str, wanted: ProfileVersion) -> None:
        """Replaces the layers of the draft. Manifests that Palette has carry their uid (`with_manifest_uids`)."""
        body, secrets = update_body(uid, wanted), _secrets(wanted.variables)
        self._send(PaletteStep.PROFILE_UPDATE, "PUT", f"{PATH}/{uid}", body, secrets)

    def patch_metadata(self, uid: str, wanted: ProfileVersion) -> None:
        """Writes description and tags."""
        self._send(PaletteStep.PROFILE_UPDATE, "PATCH", f"{PATH}/{uid}/metadata", metadata_body(wanted))

    def publish(self, uid: str) -> None:
        """Moves the draft to what clusters get. Without a draft it is success, whatever Palette says of that."""
        try:
            self._send(PaletteStep.PROFILE_PUBLISH, "PATCH", f"{PATH}/{uid}/publish")
        except PaletteError as error:
            if type(error) is PaletteError and error.status in range(400, 500):
                profile = self._read(uid)
                drafts = profile.spec.draft.packs if profile.spec.draft else []
                if profile.spec.published and not drafts and profile.status.is_published is not False:
                    return  # an earlier attempt published it, and its response was lost
            raise

    def put_variables(self, uid: str, variables: Iterable[Variable]) -> None:
        """Replaces all variables."""
        self._write_variables("PUT", uid, tuple(variables))

    def patch_variables(self, uid: str, variables: Iterable[Variable]) -> None:
        """Adds these variables, or changes them, and leaves the others."""
        self._write_variables("PATCH", uid, tuple(variables))

    def delete(self, uid: str) -> None:
        """Deletes one version. A missing one is success.

        Raises:
            InUse: Clusters use it. Look at `StoredProfile.clusters` before: whether Palette refuses isn't known.
        """
        try:
            self._send(PaletteStep.PROFILE_DELETE, "DELETE", f"{PATH}/{uid}")
        except NotFound as error:
            self._confirm_gone(uid, error)
        except PaletteError as error:
            if error.status == 409 or "inuse" in error.code.lower():
                raise error.recast(InUse) from error
            raise

    def validate(self, wanted: ProfileVersion) -> list[Fault]:
        """What Palette finds wrong with the layers, before anything is written; empty if nothing."""
        path, body = f"{PATH}/validate/packs", template_body(wanted)
        validation = self._fetch(PaletteStep.PROFILE_VALIDATE, path, Validation, method="POST", body=body)
        return [
            Fault(clean(result.name), clean(fault.code), clean(fault.message))
            for result in validation.packs.results for fault in result.errors
        ]  # fmt: skip

    def _fetch_variables(self, uid: str) -> Variables:
        return self._fetch(PaletteStep.VARIABLES, f"{PATH}/{uid}/variables", Variables)

    def _manifests(self, uid: str, pack: str) -> dict[str, str]:
        """uid or name -> text of the manifests of one layer: the published one, else the draft's."""
        items = self._fetch(PaletteStep.MANIFESTS, f"{PATH}/{uid}/packs/{pack}/manifests", Manifests).items
        texts: dict[str, str] = {}
        for item in items:
            data = item.spec.published or item.spec.draft
            for key in (item.metadata.name, item.metadata.uid):
                texts[key] = data.content if data else ""
        return texts

    def _write_variables(self, method: str, uid: str, variables: tuple[Variable, ...]) -> None:
        body, secrets = variables_body(variables), _secrets(variables)
        self._send(PaletteStep.VARIABLES_UPDATE, method, f"{PATH}/{uid}/variables", body, secrets)


def _of_pack(layer: str, packs: Mapping[str, Collection[str]]) -> Collection[str]:
    """The versions of a layer's pack. `a--b` is a second layer of the pack b (terraform-provider-spectrocloud)."""
    return packs.get(layer) or packs.get(layer.partition("--")[2]) or ()


def _secrets(variables: Iterable[Variable]) -> tuple[str, ...]:
    return tuple(variable.default for variable in variables if variable.sensitive and variable.default)
