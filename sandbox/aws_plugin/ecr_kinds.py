"""ECR: repository, lifecycle policy, repository policy.

Replacement rules, error texts and the equivalence of policies: Terraform provider, internal/service/ecr.
"""

from typing import Any

from sandbox.aws_plugin.kinds import ALL_TAGS, Kind, mapping, one_of, pairs, state_only, tag_setter, without_empty
from sandbox.aws_plugin.session import Aws
from sandbox.aws_plugin.values import Json


def _ecr(aws: Aws, values: Json) -> Any:
    return aws.client("ecr", values.get("region"))


def _identity(repository: Json) -> Json:
    return {
        "arn": repository["repositoryArn"],
        "registryId": repository["registryId"],
        "repositoryUrl": repository["repositoryUri"],
    }


def _create_repository(aws: Aws, inputs: Json) -> tuple[str, Json]:
    encryption = (inputs.get("encryptionConfigurations") or [None])[0]
    response = _ecr(aws, inputs).create_repository(
        repositoryName=inputs["name"],
        **without_empty(
            imageTagMutability=inputs["imageTagMutability"],
            imageTagMutabilityExclusionFilters=inputs.get("imageTagMutabilityExclusionFilters"),
            imageScanningConfiguration=inputs.get("imageScanningConfiguration"),
            encryptionConfiguration=encryption
            and without_empty(
                encryptionType=encryption.get("encryptionType") or "AES256", kmsKey=encryption.get("kmsKey")
            ),
            tags=pairs(inputs.get(ALL_TAGS)),
        ),
    )
    return response["repository"]["repositoryName"], _identity(response["repository"])


def _read_repository(aws: Aws, id_: str, state: Json) -> Json:
    repository = _ecr(aws, state).describe_repositories(repositoryNames=[id_])["repositories"][0]
    tags = mapping(_ecr(aws, state).list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"])
    encryption = repository.get("encryptionConfiguration") or {"encryptionType": "AES256"}
    return {
        "name": repository["repositoryName"],
        **_identity(repository),
        "imageTagMutability": repository["imageTagMutability"],
        "imageTagMutabilityExclusionFilters": repository.get("imageTagMutabilityExclusionFilters", []),
        "imageScanningConfiguration": {
            "scanOnPush": bool(repository.get("imageScanningConfiguration", {}).get("scanOnPush"))
        },
        "encryptionConfigurations": [
            {"encryptionType": encryption["encryptionType"], "kmsKey": encryption.get("kmsKey", "")}
        ],
        ALL_TAGS: tags,
    }


def _set_mutability(aws: Aws, id_: str, news: Json, state: Json) -> None:
    _ecr(aws, state).put_image_tag_mutability(
        repositoryName=id_,
        imageTagMutability=news["imageTagMutability"],
        **without_empty(imageTagMutabilityExclusionFilters=news.get("imageTagMutabilityExclusionFilters")),
    )


def _set_scanning(aws: Aws, id_: str, news: Json, state: Json) -> None:
    scanning = news.get("imageScanningConfiguration") or {"scanOnPush": False}
    _ecr(aws, state).put_image_scanning_configuration(repositoryName=id_, imageScanningConfiguration=scanning)


REPOSITORY = Kind(
    title="ECR Repository",
    valid={
        "imageTagMutability": one_of("MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"),
        "imageTagMutabilityExclusionFilters.filterType": one_of("WILDCARD"),
        "encryptionConfigurations.encryptionType": one_of("AES256", "KMS", "KMS_DSSE"),
    },
    required=(),
    optional=(
        "encryptionConfigurations",
        "forceDelete",
        "imageScanningConfiguration",
        "imageTagMutability",
        "imageTagMutabilityExclusionFilters",
        "name",
        "region",
        "tags",
    ),
    outputs=("arn", "registryId", "repositoryUrl"),
    defaults={"imageTagMutability": "MUTABLE"},
    kept=("encryptionConfigurations", "imageScanningConfiguration", "region"),
    create=_create_repository,
    read=_read_repository,
    delete=lambda aws, id_, state: _ecr(aws, state).delete_repository(
        repositoryName=id_, force=bool(state.get("forceDelete"))
    ),
    update={
        "imageTagMutability": _set_mutability,
        "imageTagMutabilityExclusionFilters": _set_mutability,
        "imageScanningConfiguration": _set_scanning,
        "forceDelete": state_only,
        "tags": tag_setter(
            lambda aws, _, state, tags: _ecr(aws, state).tag_resource(resourceArn=state["arn"], tags=tags),
            lambda aws, _, state, keys: _ecr(aws, state).untag_resource(resourceArn=state["arn"], tagKeys=keys),
        ),
    },
)


def _put_lifecycle(aws: Aws, inputs: Json) -> str:
    response = _ecr(aws, inputs).put_lifecycle_policy(
        repositoryName=inputs["repository"], lifecyclePolicyText=inputs["policy"]
    )
    return str(response["repositoryName"])


def _read_lifecycle(aws: Aws, id_: str, state: Json) -> Json:
    current = _ecr(aws, state).get_lifecycle_policy(repositoryName=id_)
    return {"repository": id_, "registryId": current["registryId"], "policy": current["lifecyclePolicyText"]}


LIFECYCLE_POLICY = Kind(
    title="ECR Lifecycle Policy",
    required=("policy", "repository"),
    optional=("region",),
    outputs=("registryId",),
    kept=("region",),
    documents=("policy",),
    create=_put_lifecycle,
    read=_read_lifecycle,
    delete=lambda aws, id_, state: _ecr(aws, state).delete_lifecycle_policy(repositoryName=id_),
    # Nothing updates in place, and the new one would be deleted with the old (pulumi-aws: DeleteBeforeReplace).
    delete_first=True,
)


def _put_repository_policy(aws: Aws, inputs: Json) -> str:
    response = _ecr(aws, inputs).set_repository_policy(repositoryName=inputs["repository"], policyText=inputs["policy"])
    return str(response["repositoryName"])


def _read_repository_policy(aws: Aws, id_: str, state: Json) -> Json:
    current = _ecr(aws, state).get_repository_policy(repositoryName=id_)
    return {"repository": id_, "registryId": current["registryId"], "policy": current["policyText"]}


REPOSITORY_POLICY = Kind(
    title="ECR Repository Policy",
    required=("policy", "repository"),
    optional=("region",),
    outputs=("registryId",),
    kept=("region",),
    documents=("policy",),
    create=_put_repository_policy,
    read=_read_repository_policy,
    delete=lambda aws, id_, state: _ecr(aws, state).delete_repository_policy(repositoryName=id_),
    update={"policy": lambda aws, _, news, state: _put_repository_policy(aws, {**state, **news})},
    always_written=True,
)

KINDS = {
    "aws:ecr/repository:Repository": REPOSITORY,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": LIFECYCLE_POLICY,
    "aws:ecr/repositoryPolicy:RepositoryPolicy": REPOSITORY_POLICY,
}
