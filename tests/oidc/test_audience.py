"""Audiences: what is meant as the workspace's own and misspelt has a mistake; what a step may ask for has none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.audience import audience_mistakes, workspace_of_audience
from oidc.placeholders import placeholder_in

WORKSPACE = "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
OWN = f"ari:cloud:bitbucket::workspace/{WORKSPACE[1:-1]}"
ISSUER = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
WORKSPACES = {WORKSPACE: "acme"}
REPOSITORY = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"

UUIDS = st.uuids().map(str)


@given(UUIDS)
def test_the_audience_of_any_workspace_has_no_mistake(uuid: str) -> None:
    audience = f"ari:cloud:bitbucket::workspace/{uuid}"
    assert audience_mistakes(audience, {}).phrases == ()
    assert workspace_of_audience(audience) == f"{{{uuid}}}"


@given(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,30}(/[a-z0-9]+)?", fullmatch=True))
def test_a_name_that_people_make_up_has_no_mistake(name: str) -> None:
    for audience in (name, f"https://{name}.example.com/x", f"api://{name}", name.upper().replace("-", "")[:3]):
        mistakes = audience_mistakes(audience, WORKSPACES)
        # 32 hex digits are a UUID, and a name of x alone is a placeholder.
        assert mistakes.phrases == () or mistakes.suggested or "placeholder" in mistakes.phrases[0]
    assert audience_mistakes(f"deploy-{name}", WORKSPACES).phrases == () or "xxxx" in name
    for made_up in (f"my-{name}-ID", f"api://{name}-ID", f"my{name}.REGION", f"x-{name}/REPO"):
        assert audience_mistakes(made_up, WORKSPACES).phrases == ()
    assert audience_mistakes(f"https://bitbucket.org{name[:1]}.example.com/{name}", WORKSPACES).phrases == ()


@given(
    UUIDS,
    st.sampled_from(
        [
            "ari:cloud:bitbucket::workspace/{}",
            "ARI:Cloud:bitbucket::workspace/{}",
            "{}",
            "ari:cloud:bitbucket:workspace/{}",
            "ari:cloud:bitbucket::workspace/{}/",
            "ari:cloud:bitbucket:workspace:{}",
            "arn:cloud:bitbucket::workspace/{}",
            "cloud:bitbucket::workspace/{}",
            "ari::cloud::bitbucket::workspace/{}",
        ]
    ),
    st.sampled_from(["{}", "{{{}}}", "{{{}"]),
    st.booleans(),
)
def test_every_spelling_of_an_own_audience_leads_to_the_right_one(
    uuid: str, form: str, braces: str, capitals: bool
) -> None:
    right = f"ari:cloud:bitbucket::workspace/{uuid}"
    audience = form.format(braces.format(uuid.upper() if capitals else uuid))
    mistakes = audience_mistakes(audience, {})
    assert (mistakes.suggested, mistakes.foreign) == (None if audience == right else right, False), mistakes
    assert mistakes.meant == right


@pytest.mark.parametrize(
    ("audience", "phrase"),
    [
        ("ari:cloud:bitbucket::workspace/acme", "it has the workspace's slug instead of its UUID"),
        ("ari:cloud:bitbucket::workspace/other", "it has no UUID at its end"),
        (f"ari:cloud:bitbucket::repository/{REPOSITORY[1:-1]}",
         "it names a repository, and the audience of every step names its workspace"),
        (ISSUER, "it is an issuer, not an audience"),
        (ISSUER.removeprefix("https://"), "it is an issuer, not an audience"),
        (f"arn:aws:iam::222222222222:oidc-provider/{ISSUER[8:]}",
         "it is the ARN of the OIDC provider, not an audience"),
        ("https://bitbucket.org/acme/shop", "it is a URL of Bitbucket, not an audience"),
        ("https://bitbucket.org", "it is a URL of Bitbucket, not an audience"),
        ("https://www.bitbucket.org/", "it is a URL of Bitbucket, not an audience"),
        ("https://bitbucket.orgacme/shop", "it is a URL of Bitbucket, not an audience"),
        ("https://bitbucket.orgacme", "it is a URL of Bitbucket, not an audience"),
        ("bitbucket.org/acme", "it is a URL of Bitbucket, not an audience"),
        (f"{REPOSITORY}:*", "it is a subject, not an audience"),
        ("<WORKSPACE_UUID>", "it has the placeholder <WORKSPACE_UUID>"),
        ("ari:cloud:bitbucket::workspace/YOUR-WORKSPACE-UUID", "it has the placeholder YOUR-WORKSPACE-UUID"),
        ("ari:cloud:bitbucket::workspace/xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
         "it has the placeholder xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
        ("ari:cloud:bitbucket::workspace/{WORKSPACE_UUID}", "it has the placeholder {WORKSPACE_UUID}"),
        ("ari:cloud:bitbucket::workspace/${WORKSPACE}", "it has the placeholder ${WORKSPACE}"),
    ],
)  # fmt: skip
def test_a_text_of_another_kind_is_named(audience: str, phrase: str) -> None:
    mistakes = audience_mistakes(audience, WORKSPACES)
    assert (mistakes.phrases, mistakes.foreign) == ((phrase,), False)


@pytest.mark.parametrize("audience", ["sts.amazonaws.com", "https://gitlab.com", "ariel:stack:bitbucket:pipelines"])
def test_an_audience_that_a_step_may_ask_for_is_foreign(audience: str) -> None:
    assert audience_mistakes(audience, WORKSPACES).foreign


@pytest.mark.parametrize(
    ("text", "placeholder"),
    [
        ("222222222222", None), ("eu-west-1", None), (ISSUER, None), (OWN, None), ("acme-id", None),
        ("IDEAS", None), ("PROD-ENV", None), ("workspaces/ACME/x", None), ("a${*}${$}", None),
        ("ACCOUNT_ID", "ACCOUNT_ID"), ("123-ACCOUNT-ID", "123-ACCOUNT-ID"), ("<your account>", "<your account>"),
        ("XXXXXXXXXXXX", "XXXXXXXXXXXX"), ("$REGION", "$REGION"), ("#{AWS::AccountId}", "#{AWS::AccountId}"),
        ("${var.account}", "${var.account}"), ("workspaces/YOUR_WORKSPACE/x", "YOUR_WORKSPACE"), ("REGION", "REGION"),
        ("%ACCOUNT%", "%ACCOUNT%"),
    ],
)  # fmt: skip
def test_a_placeholder_is_found_in_any_marking(text: str, placeholder: str | None) -> None:
    assert placeholder_in(text) == placeholder
