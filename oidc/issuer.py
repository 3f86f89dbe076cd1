"""Bitbucket's OIDC issuer: one for each workspace, named by the workspace's slug.

Source: https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/
and the "Identity provider URL" and "Audience" of a repository's settings page.
"""

from oidc.identifiers import BitbucketUuid, WorkspaceSlug

ISSUER_HOST = "api.bitbucket.org"


def issuer_url(workspace: WorkspaceSlug) -> str:
    """Return the ``iss`` claim of a workspace's tokens.

    For ``acme``: ``https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc``. No trailing slash;
    the slug, not the UUID: AWS compares the URL of the OIDC provider with ``iss`` character by character
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html).
    """
    return f"https://{issuer_path(workspace)}"


def issuer_path(workspace: WorkspaceSlug) -> str:
    """Return the issuer without ``https://``: the prefix of its condition keys, and the tail of its ARN.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    return f"{ISSUER_HOST}/2.0/workspaces/{workspace}/pipelines-config/identity/oidc"


def default_audience(workspace_uuid: BitbucketUuid) -> str:
    """Return the audience that every step token of a workspace carries.

    For ``{0b3ff4a1-…}``: ``ari:cloud:bitbucket::workspace/0b3ff4a1-…``, without the braces.
    """
    return f"ari:cloud:bitbucket::workspace/{workspace_uuid[1:-1]}"
