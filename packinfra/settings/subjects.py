"""Which patterns of OIDC subjects are narrow enough for a role that publishes packs.

A * in a trust policy (StringLike) stands for any text, also across / and :. So it may stand for a whole id, or come
after the end of a name; one that continues a name matches the names of others too.
Sources: github/docs, OpenID Connect reference (ids in the subject since July 2026; no name holds an @); GitLab, Bitbucket,
CircleCI, Buildkite and Azure DevOps documentation of their tokens; docs/iam.md shows an example of each.
"""

from __future__ import annotations

import re

_NAME = r"[^*?:/@]+"
_WHOLE = rf"(?:{_NAME}|\*)"
_ID = r"(?:@(?:\d+|\*))?"
_FORMS = {
    # the owner, with its id or any; then a repository likewise, or all of this owner's; then any kind of job
    "repo:": rf"repo:{_NAME}(?:@\*|{_ID}/{_WHOLE}{_ID}(?::.*)?)",
    "project_path:": rf"project_path:{_NAME}(?:/{_WHOLE})+(?::.*)?",  # GitLab: groups, then the project
    "organization:": rf"organization:{_NAME}:(?:\*|{_NAME}:{_WHOLE}(?::.*)?)",  # Buildkite, HCP Terraform
    "org/": rf"org/{_NAME}/(?:\*|project/{_WHOLE}(?:/.*)?)",  # CircleCI
    "sc://": rf"sc://{_NAME}/{_WHOLE}(?:/.*)?",  # Azure DevOps: service connections
    "p://": rf"p://{_NAME}/{_WHOLE}(?:/.*)?",  # the same: pipelines
    "system:serviceaccount:": rf"system:serviceaccount:{_NAME}:{_WHOLE}",  # Kubernetes: the namespace, then the account
    "{": r"\{[^*?{}]+\}.*",  # Bitbucket: the repository's UUID
}
_OTHER = r"[^*?]*[^*?:/@][:/@]+[^*?]*[^*?:/@][:/@]\*.*"
"""Of other issuers: at least two parts, both whole."""


_GITHUB_OWNERS = re.compile(
    r"(?:^|:)(?:repo|repository|repository_id|repository_owner|repository_owner_id|job_workflow_ref|enterprise|enterprise_id)"
    r":[^*?:]"
)


def check_github_subject(subject: str) -> None:
    """Raises ValueError for a customised subject that names no owner: everybody may have it, since GitHub's issuer serves
    all organisations (github/docs, OpenID Connect reference, include_claim_keys)."""
    if not _GITHUB_OWNERS.search(re.split(r"[*?]", subject)[0]):
        raise ValueError(
            "GitHub makes such tokens for every organisation: name yours (repo:ORGANISATION/REPOSITORY:..., or in a "
            "customised subject repository_owner:ORGANISATION)"
        )


def valid_subject(subject: str) -> str:
    """Raises ValueError with the reason if the pattern `subject` lets others publish."""
    if not re.search(r"[*?]", subject):
        return subject
    form = next((form for prefix, form in _FORMS.items() if subject.startswith(prefix)), _OTHER)
    if re.fullmatch(form, subject):
        return subject
    if cut := re.search(r"([^*?:/@{}]+)([*?])", subject):  # a form's names come first, so this is one of them
        raise ValueError(
            f"the {cut[2]} continues a name, so it also matches {cut[1]}-evil or the like: write the name out, and the "
            "character that ends it (: or / or @), before the *"
        )
    if cut := re.search(r"([*?])([^*?:/@{}]+)", subject):
        raise ValueError(f"the {cut[1]} begins a name, so it also matches evil{cut[2]}: write the name out")
    raise ValueError(
        "no organisation or project is whole before the *, so it could match every job for which this issuer makes "
        "tokens: name yours"
    )
