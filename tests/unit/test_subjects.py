"""Patterns of OIDC subjects: which let only one's own jobs publish. docs/iam.md shows those of each CI system."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from packinfra.settings.access import CiSettings
from packinfra.settings.subjects import valid_subject

NARROW = """
repo:acme/packs:ref:refs/heads/main
repo:acme@123456/packs@456789:ref:refs/heads/main
repo:acme@*/packs@*:ref:refs/heads/main
repo:acme@123456/*
repo:acme@*
repo:acme/*
repo:acme/*:ref:refs/heads/main
repo:acme/packs:*
repo:acme/packs:ref:refs/heads/release-*
repo:acme/packs:ref:refs/tags/v?.*
repo:acme@123456/packs@456789:environment:prod*
repository_owner:acme:*
job_workflow_ref:acme/ci/.github/workflows/deploy.yml@*
project_path:acme/packs:ref_type:branch:ref:main
project_path:acme/packs:ref_type:branch:ref:*
project_path:acme/team/*:ref_type:branch:ref:main
project_path:acme/*/packs:ref_type:branch:ref:main
{c7b3a1f0-0000-4000-8000-000000000000}:*
organization:acme:pipeline:packs:ref:refs/heads/main:commit:*:step:*
organization:acme:*
org/0b1c/project/2d3e/user/*
org/0b1c/*
sc://acme/packs/aws
sc://acme/packs/*
p://acme/packs/*
https://jenkins.example.com/job/packs/*
system:serviceaccount:ci:*
""".strip().splitlines()

ALL, CONTINUES, BEGINS = "could match every job", "continues a name", "begins a name"


@pytest.mark.parametrize("subject", NARROW)
def test_narrow(subject: str) -> None:
    assert valid_subject(subject) == subject


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ("*", ALL),
        ("repo:*", ALL),
        ("*:ref:refs/heads/main", ALL),
        ("repository_owner:*", ALL),
        ("project_path:*", ALL),
        ("organization:*", ALL),
        ("org/*", ALL),
        ("sc://*", ALL),
        ("{*}:*", ALL),
        ("https://*", ALL),
        ("repo:acme*", f"{CONTINUES}, so it also matches acme-evil"),
        ("repo:acme*/packs:ref:refs/heads/main", f"{CONTINUES}, so it also matches acme-evil"),
        ("repo:acme/packs*", f"{CONTINUES}, so it also matches packs-evil"),
        ("repo:acme/packs*:ref:refs/heads/main", CONTINUES),
        ("repo:acme@*/packs*", f"{CONTINUES}, so it also matches packs-evil"),
        ("repo:acme@12*/packs@456789:ref:refs/heads/main", CONTINUES),
        ("repo:acme/pack?:ref:refs/heads/main", r"the \? continues a name"),
        ("repo:acme@*/*packs:ref:refs/heads/main", f"{BEGINS}, so it also matches evilpacks"),
        ("project_path:acme*", CONTINUES),
        ("project_path:acme/packs*", CONTINUES),
        ("organization:acme:pipeline:packs*", CONTINUES),
        ("org/0b1c/project/2d*", CONTINUES),
        ("sc://acme*", CONTINUES),
        ("repository_id:12*", CONTINUES),
        ("system:serviceaccount:*", ALL),
        ("system:serviceaccount:ci*", CONTINUES),
    ],
)
def test_wide(subject: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        valid_subject(subject)


@pytest.mark.parametrize("subject", [subject for subject in NARROW if "*" in subject])
def test_narrow_patterns_match_nothing_of_others(subject: str) -> None:
    """As StringLike matches: * is any text, also across / and :. Whatever another organisation names its things."""
    pattern = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in subject)
    prefix = subject.partition("*")[0]
    for name in (name for name in re.findall(r"[\w.-]+", prefix) if name in ("acme", "0b1c")):
        for other in (f"{name}-evil", f"evil-{name}", f"{name}s"):
            start = prefix.replace(name, other)
            for rest in ("", "1", "1/packs@2:ref:refs/heads/main", "packs:ref:refs/heads/main", subject):
                assert not re.fullmatch(pattern, start + rest)


@pytest.mark.parametrize(
    ("subject", "narrow"),
    [
        ("repo:acme/packs:*", True),
        ("repository_owner_id:123456:environment:prod", True),
        ("environment:prod:repository_owner:acme:*", True),
        ("job_workflow_ref:acme/ci/.github/workflows/deploy.yml@*", True),
        ("ref:refs/heads/main", False),
        ("environment:prod:*", False),
        ("environment:prod:*:repository_owner:acme", False),
        ("repository_visibility:private:*", False),
    ],
)
def test_subjects_that_others_can_have_at_github(subject: str, narrow: bool) -> None:
    settings = {"issuer": "token.actions.githubusercontent.com", "subjects": [subject]}
    if narrow:
        assert CiSettings.model_validate(settings).subjects == (subject,)
        return
    with pytest.raises(ValidationError, match="GitHub makes such tokens for every organisation: name yours"):
        CiSettings.model_validate(settings)
    assert CiSettings.model_validate({**settings, "issuer": "github.acme.example/_services/token"})


def test_audiences() -> None:
    def audience(issuer: str, **settings: str) -> str:
        return CiSettings.model_validate({"issuer": issuer, "subjects": ["repo:acme/packs"], **settings}).audience

    assert audience("token.actions.githubusercontent.com") == "sts.amazonaws.com"
    assert audience("gitlab.com", audience="https://gitlab.com") == "https://gitlab.com"
    assert audience("oidc.circleci.com/org/0b1c", audience="0b1c") == "0b1c"
    for issuer, line in {
        "https://oidc.circleci.com/org/0b1c": "audience: 0b1c",
        "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc": "audience: ari:cloud:bitbucket::workspace/",
        "vstoken.dev.azure.com/0b1c": "audience: api://AzureADTokenExchange",
    }.items():
        with pytest.raises(ValidationError, match=f"another audience: {line}"):
            audience(issuer)


def test_the_docs_show_each_form() -> None:
    page = (Path(__file__).parents[2] / "docs/iam.md").read_text()
    for form in ("repo:acme@123456/packs@456789:ref:refs/heads/main", *NARROW[:1]):
        assert f"`{form}`" in page
    shown = re.findall(
        r"^\| (?:GitHub|GitLab|Bitbucket|Buildkite|CircleCI|Azure DevOps|Jenkins) .*$", page, re.MULTILINE
    )
    assert len(shown) == 7
    for row in shown:
        for subject in re.findall(r"`([^`]+)`", row.split(" | ")[-1]):
            assert valid_subject(subject)
