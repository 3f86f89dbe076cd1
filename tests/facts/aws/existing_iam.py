"""What an account's IAM holds before it is asked: trust policies and an OIDC provider."""

import json
from typing import Any

from oidc.bitbucket import issuer_url
from tests.facts.aws.conftest import ACME

ISSUER = issuer_url(ACME).removeprefix("https://")
TO_STS = "sts:AssumeRoleWithWebIdentity"


def trusting(account: str, condition: dict[str, Any]) -> str:
    principal = {"Federated": f"arn:aws:iam::{account}:oidc-provider/{ISSUER}"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": TO_STS, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def by_root(account: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_oidc_provider(iam: Any, *audiences: str, **tags: str) -> None:
    iam_tags = [{"Key": key, "Value": value} for key, value in tags.items()]
    iam.create_open_id_connect_provider(
        Url=issuer_url(ACME), ClientIDList=list(audiences), ThumbprintList=["b" * 40, "a" * 40], Tags=iam_tags
    )
