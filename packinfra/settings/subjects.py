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
    "{": r"\{[^*?{}]+\}.*",  # Bitbucket: the repository's UUID
}
_OTHER = r"[^*?]*[^*?:/@][:/@]+[^*?]*[^*?:/@][:/@]\*.*"
"""Of other issuers: at least two parts, both whole."""


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
