"""Admin access is recognised by what a statement allows, however it is spelt."""

from typing import Any

import pytest

from oidc.admin_access import admin_statement, is_admin_managed_policy


def found(**statement: Any) -> int | None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"} | statement]}
    return admin_statement(document, partition="aws", account="222222222222")


@pytest.mark.parametrize(
    "action", ["*", "*:*", "iam:*", "IAM:*", "i*", "**", "?am:*", "iam:?*", "*m:*", ["s3:*", "iam:*"]]
)
def test_everything_in_iam_is_admin_access(action: object) -> None:
    assert found(Action=action) == 0


def test_all_of_iam_in_pieces_is_admin_access() -> None:
    assert found(Action=[f"iam:{letter}*" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]) == 0


@pytest.mark.parametrize("excluded", ["s3:*", ["s3:*", "ec2:*"], "iam:TagRole", "iam:Create*"])
def test_everything_but_little_is_admin_access(excluded: object) -> None:
    assert found(NotAction=excluded) == 0


@pytest.mark.parametrize("resource", ["*", "arn:aws:iam::*:*", "arn:*", "arn:aws:iam::222222222222:*", ["x", "*"]])
def test_every_resource_is_everything(resource: object) -> None:
    assert found(Action="*", Resource=resource) == 0


def test_every_resource_but_one_is_everything() -> None:
    document = {"Statement": {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::x"}}
    assert admin_statement(document, partition="aws", account="222222222222") == 0


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "s3:*"},
        {"Action": ["iam:PassRole", "iam:GetRole"]},
        {"Action": "*", "Resource": "arn:aws:s3:::acme-website/*"},
        {"Action": "iam:*", "Resource": "arn:aws:iam::222222222222:role/ci/*"},
        {"Effect": "Deny", "Action": "*"},
        {"NotAction": ["iam:*", "organizations:*", "account:*"]},
    ],
)
def test_what_is_narrower_is_none(statement: dict[str, Any]) -> None:
    assert found(**statement) is None


@pytest.mark.parametrize(
    ("arn", "admin"),
    [
        ("arn:aws:iam::aws:policy/AdministratorAccess", True),
        ("arn:aws-cn:iam::aws:policy/administratoraccess", True),
        ("arn:aws:iam::aws:policy/IAMFullAccess", True),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", False),
        ("arn:aws:iam::222222222222:policy/AdministratorAccess", False),
        ("arn:aws:iam::aws:policy/AdministratorAccess-Amplify", False),
    ],
)
def test_managed_policies_that_give_admin_access_are_known(arn: str, admin: bool) -> None:
    assert is_admin_managed_policy(arn) is admin
