"""An event of CloudTrail for a call of AssumeRoleWithWebIdentity."""

from typing import Any

ISSUER = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
PROVIDER = f"arn:aws:iam::222222222222:oidc-provider/{ISSUER}"
AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
SHOP, STEP = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{11111111-2222-4333-8444-555555555555}"
STAGING, PRODUCTION = "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}", "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
ROLE = "arn:aws:iam::222222222222:role/bitbucket/shop-production"
SECRET = "never-to-be-shown"


def event(environment: str = STAGING, *, error: str | None = "AccessDenied", **changes: Any) -> dict[str, Any]:
    subject = f"{SHOP}:{environment}:{STEP}"
    recorded: dict[str, Any] = {
        "userIdentity": {
            "type": "WebIdentityUser",
            "principalId": f"{PROVIDER}:{AUDIENCE}:{subject}",
            "userName": subject,
            "identityProvider": PROVIDER,
        },
        "eventTime": "2026-11-27T10:00:00Z",
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRoleWithWebIdentity",
        "sourceIPAddress": "203.0.113.7",
        "requestParameters": {"roleArn": ROLE, "roleSessionName": "shop-12"},
    }
    if error is None:
        recorded["responseElements"] = {"credentials": {"sessionToken": SECRET, "accessKeyId": SECRET}}
    else:
        recorded |= {"errorCode": error, "errorMessage": "An unknown error occurred"}
    return recorded | changes
