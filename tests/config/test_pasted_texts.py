"""Texts that people paste in place of a name get one finding with the name; names that look similar get none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from config.load import load_inventory
from config.models.aws_values import RolePath
from config.models.bitbucket_values import RepositorySlug, WorkspaceSlugText
from config.models.guardrail_values import RepositoryGlob
from config.models.trust import RepositoryReference
from oidc.identifiers import slugs_in_url

INVENTORY = """
workspaces:
  {workspace}:
    uuid: "{{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}}"
    repositories:
      {slug}:
        uuid: "{{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}}"
        environments: {{production: "{{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}}"}}
accounts: {{prod: {{id: "222222222222"}}}}
roles:
  deploy:
    accounts: [prod]
    trust: [{trust}]
"""
TRUST = '{{repository: "{}", environments: [production]}}'

HEADS = st.sampled_from(
    [
        "https://", "https://pat@", "https://pat:hunter22@", "https://www.", "ssh://git@", "git@", "", "HTTPS://",
        "git clone git@", "git clone --depth 1 https://pat@", " https://",
    ]
)  # fmt: skip
HOSTS = st.sampled_from(["bitbucket.org/", "bitbucket.org:", "Bitbucket.org/", "bitbucket.org:443/"])
TAILS = st.sampled_from(["", ".git", "/", "/src/main/", "?at=main", "#readme", "/pull-requests/7", ".git folder"])
SLUGS = st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True)


OTHER_HOSTS = st.sampled_from(["github.com", "gitlab.com", "bitbucket.acme.com", "bitbucket.org.acme.com"])


@given(st.sampled_from(["https://", "https://pat:hunter22@", "git@", "ssh://git@"]), OTHER_HOSTS, SLUGS, SLUGS)
def test_a_url_of_another_host_is_no_repository_and_its_password_is_not_shown(
    head: str, host: str, owner: str, repository: str
) -> None:
    url = f"{head}{host}{':' if head == 'git@' else '/'}{owner}/{repository}.git"
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(RepositoryReference).validate_python(url)
    assert "found a URL that is not of bitbucket.org" in refused.value.errors()[0]["msg"]
    assert "hunter22" not in refused.value.errors()[0]["msg"]


def findings_of(folder: Path, *, workspace: str = "acme", slug: str = "shop", trust: str = "acme/shop") -> list[str]:
    entry = trust if trust.startswith("{") else TRUST.format(trust)
    (folder / "i.yaml").write_text(INVENTORY.format(workspace=workspace, slug=slug, trust=entry))
    return [f"{each.rule} {each.hint}" for each in load_inventory(folder).findings]


@given(HEADS, HOSTS, SLUGS, SLUGS.filter(lambda slug: slug not in ("workspace", "profile")), TAILS)
def test_a_url_of_a_repository_gives_both_slugs_however_it_is_copied(
    head: str, host: str, workspace: str, repository: str, tail: str
) -> None:
    url = f"{head}{host}{workspace}/{repository}{tail}"
    assert slugs_in_url(url) == (workspace, repository)
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(RepositoryReference).validate_python(url)
    assert f"write {workspace}/{repository}" in str(refused.value.errors()[0]["ctx"])
    assert "hunter22" not in refused.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("url", "slugs"),
    [
        ("https://bitbucket.org/acme", ("acme", "")),
        ("https://bitbucket.org/acme/workspace/overview", ("acme", "")),
        ("https://api.bitbucket.org/2.0/repositories/acme/shop", ("acme", "shop")),
        ("https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc", ("acme", "")),
        ("https://bitbucket.org/", ("", "")),
        ("https://bitbucket.org/{0b3ff4a1}/{9a6d6bde}", ("", "")),
        ("https://github.com/acme/shop", None),
        ("acme/bitbucket.org", None),
        ("bitbucket.org", None),
        ("notbitbucket.org/acme/shop", None),
    ],
)
def test_only_urls_of_bitbucket_give_slugs(url: str, slugs: tuple[str, str] | None) -> None:
    assert slugs_in_url(url) == slugs


@given(SLUGS, SLUGS)
def test_slugs_and_references_are_no_urls(workspace: str, repository: str) -> None:
    assert TypeAdapter(WorkspaceSlugText).validate_python(workspace) == workspace
    assert TypeAdapter(RepositorySlug).validate_python(repository) == repository
    for kind in (RepositoryReference, RepositoryGlob):
        assert TypeAdapter(kind).validate_python(f"{workspace}/{repository}") == f"{workspace}/{repository}"


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ({"trust": "git@bitbucket.org:acme/shop.git"}, "write acme/shop"),
        ({"trust": "https://bitbucket.org/acme"}, "write acme/REPOSITORY"),
        ({"trust": "https://bitbucket.org/"}, "write acme/shop for bitbucket.org/acme/shop"),
        ({"trust": "/acme/shop"}, "write acme/shop, as in bitbucket.org"),
        ({"trust": "acme/shop/"}, "write acme/shop, as in bitbucket.org"),
        ({"trust": "acme/shop/src/main"}, "write WORKSPACE/REPOSITORY, as in bitbucket.org"),
        ({"trust": '{dangerously_whole_workspace: {workspace: "bitbucket.org/acme", reason: all}}'}, "write acme"),
        ({"workspace": '"https://bitbucket.org/acme/"'}, "write acme"),
        ({"slug": '"git@bitbucket.org:acme/shop.git"'}, "write shop"),
        ({"slug": '"acme/shop"'}, "write shop"),
    ],
)
def test_a_url_in_place_of_a_name_is_one_finding_with_the_name(
    written: dict[str, str], hint: str, tmp_path: Path
) -> None:
    assert findings_of(tmp_path, **written) == [f"bad-name {hint}"]


@pytest.mark.parametrize(
    "path", ["/service-role/", "/aws/", "/aws-service-rolex/", "/x/aws-reserved/", "/a.b/", "/.../"]
)
def test_paths_that_iam_takes_are_accepted(path: str) -> None:
    assert TypeAdapter(RolePath).validate_python(path) == path


@given(
    st.sampled_from(["/aws-service-role/", "/aws-reserved/", "/AWS-Service-Role/"]),
    st.sampled_from(["", "pipelines/", "sso.amazonaws.com/eu-west-1/"]),
)
def test_paths_that_iam_keeps_for_aws_are_refused(start: str, end: str) -> None:
    with pytest.raises(ValidationError, match="IAM keeps the path"):
        TypeAdapter(RolePath).validate_python(start + end)


@pytest.mark.parametrize("path", ["/../", "/./", "/a/../b/", "/a/./", "/../a/"])
def test_a_path_has_no_part_of_one_or_two_dots(path: str) -> None:
    with pytest.raises(ValidationError, match="has the part"):
        TypeAdapter(RolePath).validate_python(path)
