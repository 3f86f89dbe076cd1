"""What the tests of the emulated AWS accounts call and expect."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ISSUER = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
SUBJECT = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}:{11111111-2222-4333-8444-555555555555}"
THUMBPRINT = "a" * 40
RAISED_ACCOUNT = "900000000001"
"""An account with other quotas than the default ones."""


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[int, str, str]:
    """Return status, code and message with which AWS refuses a call."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    answer: Any = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def trust_policy(account: str, **changes: Any) -> str:
    """Return the trust policy for SUBJECT of ISSUER; ``changes`` replace elements of its statement, None removes."""
    host = ISSUER.removeprefix("https://")
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:aud": AUDIENCE}, "StringLike": {f"{host}:sub": SUBJECT[:39] + "*"}},
    }
    changed = {name: value for name, value in (statement | changes).items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [changed]})


def make_oidc_provider(iam: Any, **changes: Any) -> str:
    """Create the OIDC provider of ISSUER and return its ARN."""
    usual = {"Url": ISSUER, "ClientIDList": [AUDIENCE], "ThumbprintList": [THUMBPRINT]}
    arn: str = iam.create_open_id_connect_provider(**(usual | changes))["OpenIDConnectProviderArn"]
    return arn
