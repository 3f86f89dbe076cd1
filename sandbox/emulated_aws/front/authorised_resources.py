"""Gap: ministack authorises a call on a role by its name without its path, and one on an OIDC provider as ``*``.

In AWS the resource is the ARN, path included, so a policy for ``role/bitbucket/*`` or for one OIDC provider is enough,
and says no to the rest. Which path IAM takes for a role that is not there is not documented; here it has none.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html,
"Resource types defined by AWS Identity and Access Management".
"""

from collections.abc import Mapping

from sandbox.emulated_aws.inner import Inner, Resource


def authorised_resource(inner: Inner) -> Resource:
    """Return what names the resource of calls on roles, OIDC providers and new policies; of others ministack does."""

    def resource(account: str, params: Mapping[str, str]) -> str | None:
        start, action = f"arn:aws:iam::{account}", params.get("Action", "")
        if action == "CreateRole":
            return f"{start}:role{params.get('Path') or '/'}{params.get('RoleName', '')}"
        if action == "CreatePolicy":
            return f"{start}:policy{params.get('Path') or '/'}{params.get('PolicyName', '')}"
        if action == "CreateOpenIDConnectProvider":
            return f"{start}:oidc-provider/{params.get('Url', '').removeprefix('https://').rstrip('/')}"
        if arn := params.get("OpenIDConnectProviderArn"):
            return arn
        role = inner.role(account, params.get("RoleName", ""))
        # A call that names an instance profile as well is authorised on that.
        return str(role["Arn"]) if role is not None and "InstanceProfileName" not in params else None

    return resource
