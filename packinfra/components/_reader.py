"""Decides who reads the repositories of EcrPackRegistry: Palette, and those in `access.reader`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pulumi

from packinfra.components import _palette
from packinfra.components._iam import Iam, RoleTrust
from packinfra.components._palette import CredentialArguments
from packinfra.settings import PaletteSettings
from packinfra.settings.access import ReaderSettings


class Reader(NamedTuple):
    """The reader policy and role, None where nobody needs them; and Palette's credentials.

    attachments: of the policy; the credentials don't work without them
    """

    policy_arn: pulumi.Output[str] | None
    role_arn: pulumi.Output[str] | None
    credentials: CredentialArguments
    attachments: Sequence[pulumi.Resource] = ()


def declare_reader(
    iam: Iam, access: ReaderSettings | None, palette: PaletteSettings | None, secret_key: pulumi.Input[str] | None
) -> Reader:
    """Palette reads with the access key or role of `palette`, else with the reader role. That role trusts the principal
    in `access`, else the one that Palette's API names."""
    trust = (
        RoleTrust(access.principal, access.external_id) if access and access.principal and access.external_id else None
    )
    credentials = CredentialArguments()
    if palette and palette.access_key_id:
        credentials = CredentialArguments(access_key_id=palette.access_key_id, secret_key=secret_key)
    elif palette and (palette.role_arn or not trust):
        principal = _palette.principal(iam.name, palette, iam.child())
        if palette.role_arn:
            credentials = CredentialArguments(role_arn=palette.role_arn, external_id=principal.external_id)
        else:
            trust = RoleTrust(principal.account_id, principal.external_id)
    if not (access or trust):
        return Reader(None, None, credentials)
    policy, role, attachments = iam.declare_reader(access.users if access else (), trust)
    if not (role and trust):
        return Reader(policy.arn, None, credentials, attachments)
    return Reader(
        policy.arn,
        role.arn,
        credentials or CredentialArguments(role_arn=role.arn, external_id=trust.external_id),
        attachments,
    )
