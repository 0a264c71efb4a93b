# ruff: noqa: SLF001  (ministack is pinned, and tests check what is used of its internals)
"""IAM, KMS and STS: ministack, run in this process with enforcement on, and with our ECR instead of its own.

ministack verifies the signature and the caller's policies of every call to the control plane. Requests to ``/v2`` have
no signature, so ``authorize`` checks each action there with the same evaluator. ministack 1.5.33 is pinned, because the
code below replaces its internals; tests/sandbox tests each replacement.
"""

import importlib
import json
import re
import sys
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import ministack.services
from ministack.app import app
from ministack.core import iam_actions, iam_evaluator, responses, router

from sandbox.ecr.access import Caller, DeniedError
from sandbox.ecr.control import ControlPlane, resource_arns
from sandbox.ecr.state import Store
from sandbox.iam import correct

USER = "packinfra"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["ecr:*", "iam:*", "kms:*", "sts:*"], "Resource": "*"}],
}
# Palette's own account, from which it assumes users' roles.
PALETTE_ACCOUNT = "210987654321"
PALETTE_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
}


class Key(NamedTuple):
    access_key: str
    secret_key: str


def authorize(store: Store) -> Callable[[Caller, str, str], None]:
    """The check of one action of a caller on a repository, with the caller's policies and the repository's."""

    def check(caller: Caller, action: str, arn: str) -> None:
        principal = iam_evaluator.resolve_principal(caller.access_key, caller.account)
        if isinstance(principal, iam_evaluator.AuthError):
            raise DeniedError(principal.message)
        context = iam_evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=action,
            resource_arn=arn,
            region=arn.split(":")[3],
            principal_keys=principal.keys,
        )
        result = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
        is_key = arn.split(":")[2] == "kms"  # a key's own policy must allow as well, if only by naming the account
        resource_policy = _key_policy(arn) if is_key else store.policy_for(arn)
        policy, owner = resource_policy or ("", arn.split(":")[4])
        result = iam_evaluator.combine_resource_policy(result, context, policy, owner, is_key, limits=principal.limits)
        if result.decision != "Allow":
            raise DeniedError(
                iam_actions.identity_denial_message(action, principal.arn, arn, result.decision == "Deny")
            )

    return check


def record_asked(asked: dict[str, set[str]]) -> None:
    """From now on, each action that IAM is asked about is added to its caller's, whose ARN is the key (FLT-12)."""
    evaluate = iam_evaluator.evaluate

    def recorded(context: Any, *policies: Any) -> Any:
        asked.setdefault(context.principal_arn, set()).add(context.action)
        return evaluate(context, *policies)

    iam_evaluator.evaluate = recorded


def _key_policy(arn: str) -> tuple[str, str] | None:
    _, _, _, region, account, _ = arn.split(":", 5)
    with responses.request_scope(account, region):
        policy: tuple[str, str] | None = _service("kms").key_policy_for_arn(arn)
    return policy


def find_key(name: str, account: str, region: str) -> str | None:
    """The ARN of an enabled KMS key, by its id, ARN or alias."""
    with responses.request_scope(account, region):
        key = _service("kms")._resolve_key(name)
    return str(key["Arn"]) if key and key["Enabled"] else None


def has_principal(arn: str) -> bool:
    """Whether a user or role of the caller's account has the ARN."""
    iam = _service("iam")
    return any(item["Arn"] == arn for entities in (iam._users, iam._roles) for item in entities.values())


def _service(name: str) -> Any:
    """Imported on demand: it must see what install() replaces."""
    return importlib.import_module(f"ministack.services.{name}")


def install(control: ControlPlane, store: Store) -> Any:
    """Puts our ECR into ministack and returns its ASGI application."""

    async def handle_request(
        _method: str, _path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        account = responses.get_account_id()
        caller = Caller(router.extract_access_key_id(headers, query), account)
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        status, response = control.call(operation, caller, account, responses.get_region(), body)
        return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(response).encode()

    ecr = types.ModuleType("ministack.services.ecr")
    ecr.__dict__.update(handle_request=handle_request, repository_policy_for_arn=store.policy_for)
    # ministack finds a service only as the module ministack.services.<name>.
    sys.modules[ecr.__name__] = ecr
    ministack.services.ecr = ecr

    # Its root keys (`test` with any secret, an empty key, 12 digits) would pass every check.
    iam_evaluator.is_root_access_key = lambda _: False

    original = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        """Adds what ministack overlooks: ECR's parameters but repositoryName, and the ARN of a policy before its creation."""
        if service == "iam" and rest[0].get("Action") == ["CreatePolicy"]:
            path, name = (rest[0].get(key, [default])[0] for key, default in (("Path", "/"), ("PolicyName", "")))
            return f"arn:aws:iam::{rest[2]}:policy{path}{name}"
        if service != "ecr" or headers.get("x-amz-target", "").endswith(".GetAuthorizationToken"):
            return str(original(service, method, path, headers, body, *rest))
        _, region, account = rest
        try:
            data = json.loads(body or b"{}")
        except ValueError:
            data = {}
        return resource_arns(data if isinstance(data, dict) else {}, store.registry(account, region))[0]

    iam_actions.extract_resource_arn = extract_resource_arn
    correct(_service("iam"))
    return app


async def create_user(account: str, name: str, policy: dict[str, Any]) -> Key:
    """An IAM user with one policy and one access key, made as the account's root would."""
    iam = _service("iam")

    async def call(**parameters: str) -> str:
        query = {key: [value] for key, value in parameters.items()}
        with responses.request_scope(account, "us-east-1"):
            status, _, body = await iam.handle_request("POST", "/", {}, b"", query)
        if status != 200:
            raise RuntimeError(f"ministack rejected {parameters['Action']}: {body!r}")
        return bytes(body).decode()

    await call(Action="CreateUser", UserName=name)
    await call(Action="PutUserPolicy", UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    response = await call(Action="CreateAccessKey", UserName=name)
    values = [re.search(f"<{tag}>(.*?)</{tag}>", response) for tag in ("AccessKeyId", "SecretAccessKey")]
    return Key(*(match[1] for match in values if match))
