"""The life of a RemovalCheck: destroy removes nothing before it is known that AWS will delete the rest.

Terraform and Pulumi users end with half a stack when a policy was attached by hand (terraform-aws-eks#3132,
terraform-provider-aws#39818) or a repository has images of somebody else: the packs are gone by then. This resource
depends on everything that can be refused, so the engine deletes it first, and its delete asks. Nothing else does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from oras.defaults import annotation_title

from packinfra.artifacts.pack import pack_manifest
from packinfra.aws.ecr import EcrHost
from packinfra.aws.removal import Attachment, Image, RemovalInventory
from packinfra.errors import PackinfraError
from packinfra.lifecycle.clients import AwsSettings
from packinfra.lifecycle.registry_access import access_from_props
from packinfra.lifecycle.results import CheckOutcome, CreateOutcome, DiffOutcome, Props, ReadOutcome, changed_keys
from packinfra.lifecycle.run import Config, Run
from packinfra.oci.auth.credentials import CredentialsError
from packinfra.oci.manifest import ANNOTATION_CREATED, Manifest
from packinfra.oci.raw import RawManifest
from packinfra.oci.reference import split
from packinfra.oci.referrers import fallback_tag
from packinfra.packs.archive import CREATED, archive_title
from packinfra.text import listed

_INPUTS = (
    "repository",
    "ownsBase",
    "packs",
    "policies",
    "roles",
    "forceDelete",
    "adopted",
    "deleteAdopted",
    "artifacts",
    "copies",
    "registryAccess",
)
_NAMED = 5
"""Images named of each repository; the rest is counted."""
_THREADS = 8


class RemovalRefused(PackinfraError):  # noqa: N818
    """AWS would refuse to delete parts of the registry."""


class RemovalCheckLifecycle:
    def __init__(self, run: Run, config: Config) -> None:
        self._run = run
        self._aws = AwsSettings(config)

    def check(self, _olds: Props, news: Props) -> CheckOutcome:
        return CheckOutcome(news)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffOutcome:
        return DiffOutcome(bool(changed_keys(olds, news, _INPUTS)))

    def create(self, props: Props) -> CreateOutcome:
        return CreateOutcome("removal-check", props)

    def update(self, _id: str, _olds: Props, news: Props) -> Props:
        return news

    def read(self, _id: str, props: Props) -> ReadOutcome:
        return ReadOutcome(props)

    def delete(self, _id: str, props: Props) -> None:
        """Raises RemovalRefused with everything that prevents the removal. A query that AWS denies is a warning."""
        host, base = split(str(props["repository"]))
        ecr_host, access = EcrHost.of(host), access_from_props(props.get("registryAccess"))
        if ecr_host is None:
            return
        inventory = RemovalInventory(ecr_host, self._aws.of(access))
        questions: list[Callable[[], list[str]]] = [*_policy_questions(inventory, props)]
        if not props.get("forceDelete"):
            questions += _image_questions(inventory, base, props)
        reporter = self._run.reporter(props)

        def ask(question: Callable[[], list[str]]) -> list[str]:
            try:
                return question()
            except CredentialsError as error:
                reason = str(error).partition("\n")[0]
                reporter.warning(f"{reason}: if that stands in the way, destroy will stop there, halfway")
                return []

        with ThreadPoolExecutor(_THREADS) as threads:
            problems = [problem for problems in threads.map(ask, questions) for problem in problems]
        if problems:
            raise RemovalRefused(
                "nothing was removed, because AWS would refuse to delete a part of this registry:\n"
                + "\n".join(problems)
                + "\nThen run the same command again."
            )


def _policy_questions(inventory: RemovalInventory, props: Props) -> Iterable[Callable[[], list[str]]]:
    policies, roles = props.get("policies") or (), props.get("roles") or ()
    ours = {
        Attachment(policy["arn"], kind, name.rpartition("/")[2])
        for policy in policies
        for kind in ("role", "user")
        for name in policy.get(f"{kind}s") or ()
    }
    for policy in policies:
        yield partial(_attached_policy, inventory, policy["arn"], ours)
    for role in roles:
        yield partial(_role, inventory, role, {attachment.policy for attachment in ours})


def _attached_policy(inventory: RemovalInventory, arn: str, ours: Collection[Attachment]) -> list[str]:
    return [
        f"  policy {arn} is attached to {kind} {name}, by somebody else\n"
        f"    -> aws iam detach-{kind}-policy --{kind}-name {name} --policy-arn {arn}"
        for _, kind, name in sorted(inventory.attachments(arn) - {*ours})
    ]


def _role(inventory: RemovalInventory, role: str, ours: Collection[str]) -> list[str]:
    attached, inline = inventory.policies_of_role(role)
    return [
        f"  role {role} has the policy {arn}, from somebody else\n"
        f"    -> aws iam detach-role-policy --role-name {role} --policy-arn {arn}"
        for arn in sorted(attached - {*ours})
    ] + [
        f"  role {role} has the inline policy {name}, from somebody else\n"
        f"    -> aws iam delete-role-policy --role-name {role} --policy-name {name}"
        for name in sorted(inline)
    ]


def _image_questions(inventory: RemovalInventory, base: str, props: Props) -> list[Callable[[], list[str]]]:
    stays, goes = props.get("adopted") or {}, props.get("deleteAdopted") or {}
    questions: list[Callable[[], list[str]]] = [
        partial(_images, inventory, f"{base}/{pack}", pack, stays.get(pack) or (), goes.get(pack) or ())
        for pack in str(props.get("packs") or "").split()
    ]
    questions += [
        partial(_artifact_images, inventory, repository, digests)
        for repository, digests in (props.get("artifacts") or {}).items()
    ]
    questions += [
        partial(_copied_images, inventory, repository, digests)
        for repository, digests in (props.get("copies") or {}).items()
    ]
    return [*questions, *([partial(_images, inventory, base, "", (), ())] if props.get("ownsBase") else [])]


def _images(
    inventory: RemovalInventory, repository: str, pack: str, stays: Collection[str], goes: Collection[str]
) -> list[str]:
    foreign = [
        image.tag or image.digest
        for image in inventory.images(repository)
        if image.tag in stays or not (image.tag in goes or _is_ours(image, pack))
    ]
    return _refusal(repository, foreign)


def _artifact_images(inventory: RemovalInventory, repository: str, digests: Mapping[str, Sequence[str]]) -> list[str]:
    """What was published since the last complete run is known by its `created`, which no other tool writes."""
    goes, stays = digests.get("goes") or (), digests.get("stays") or ()
    return _refusal(
        repository,
        [
            image.tag or image.digest
            for image in inventory.images(repository)
            if image.digest in stays or not (image.digest in goes or _was_created_by_us(image))
        ],
    )


def _copied_images(inventory: RemovalInventory, repository: str, digests: Collection[str]) -> list[str]:
    return _refusal(repository, beside_copies(inventory.images(repository), digests))


def beside_copies(images: Sequence[Image], digests: Collection[str]) -> list[str]:
    """The tags or digests of those images that were not copied with `digests`. What a failed run has copied is known by what
    names it, or what it refers to: state may not have it."""
    manifests = {image.digest: _parsed(image) for image in images}
    ours, grows = {*digests}, True
    while grows:
        before = len(ours)
        for digest, manifest in manifests.items():
            if manifest and digest in ours:
                ours |= {child.digest for child in manifest.children}
            elif manifest and manifest.subject in ours:
                ours.add(digest)
        grows = len(ours) > before
    lists = {fallback_tag(digest) for digest in ours}
    return [image.tag or image.digest for image in images if image.digest not in ours and image.tag not in lists]


def _parsed(image: Image) -> RawManifest | None:
    try:
        return RawManifest.parse(image.manifest.encode(), "")
    except ValueError:
        return None


def _was_created_by_us(image: Image) -> bool:
    try:
        annotations = json.loads(image.manifest).get("annotations") or {}
    except (ValueError, AttributeError):
        return False
    return bool(annotations.get(ANNOTATION_CREATED) == CREATED)


def _refusal(repository: str, foreign: Sequence[str]) -> list[str]:
    if not foreign:
        return []
    names = listed(foreign, _NAMED)
    problem = f"  repository {repository} contains images that this stack does not delete: {names}\n"
    return [problem + "    -> delete them, or set packinfra:repositories: {forceDelete: true} and run pulumi up"]


def _is_ours(image: Image, pack: str) -> bool:
    """Whether it is exactly what PublishedPack publishes. State could tell only what the last complete run published, so
    after a failed one destroy would be refused because of our own images."""
    try:
        manifest = Manifest.parse(image.manifest.encode(), "")
        (layer,) = manifest.layers
        title = archive_title(pack, image.tag) if image.tag else layer.annotations.get(annotation_title, "")
        return pack_manifest(title, layer.digest, layer.size, CREATED).body == manifest.body
    except ValueError:
        return False
