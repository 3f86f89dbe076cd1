"""Admin access is recognised by what statements allow together, however it is spelt."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.iam.admin_access import gives_admin_access, is_admin_managed_policy
from oidc.iam.document import parse
from oidc.iam.pattern import matches


def admin(*statements: dict[str, Any], partition: str = "aws") -> bool:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"} | s for s in statements]}
    return gives_admin_access([parse(document)], partition=partition, account="222222222222")


@pytest.mark.parametrize(
    "action", ["*", "*:*", "iam:*", "IAM:*", "i*", "**", "?am:*", "iam:?*", "*m:*", ["s3:*", "iam:*"]]
)
def test_everything_in_iam_is_admin_access(action: object) -> None:
    assert admin({"Action": action})


@pytest.mark.parametrize("letters", ["ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ACDPSTU"])
def test_all_of_iam_in_pieces_is_admin_access(letters: str) -> None:
    assert admin({"Action": [f"iam:{letter}*" for letter in letters]})
    assert admin(*({"Action": f"iam:{letter}*"} for letter in letters))


def test_pieces_in_several_documents_are_admin_access() -> None:
    documents = [{"Statement": {"Effect": "Allow", "Action": f"iam:{c}*", "Resource": "*"}} for c in "ACPU"]
    assert gives_admin_access(map(parse, documents), partition="aws", account="222222222222")
    assert not gives_admin_access(map(parse, documents[:3]), partition="aws", account="222222222222")


@pytest.mark.parametrize("excluded", ["s3:*", ["s3:*", "ec2:*"], "iam:TagRole", "iam:Create*"])
def test_notaction_with_few_exceptions_is_admin_access(excluded: object) -> None:
    assert admin({"NotAction": excluded})


@pytest.mark.parametrize(
    "resource",
    [
        "*", "arn:aws:iam::*:*", "arn:*", "arn:aws:iam::222222222222:*", ["x", "*"], "arn:aws:iam::*:role/*",
        "arn:aws:iam::222222222222:role/*", "arn:aws:iam::${aws:PrincipalAccount}:*",
    ],
)  # fmt: skip
def test_writes_to_every_role_are_admin_access(resource: object) -> None:
    assert admin({"Action": "*", "Resource": resource})


def test_resources_of_several_statements_add_up() -> None:
    kinds = ("role", "user", "policy")
    assert admin(*({"Action": "iam:*", "Resource": f"arn:aws:iam::*:{kind}/*"} for kind in kinds))


def test_roles_of_another_partition_do_not_count() -> None:
    assert admin({"Action": "iam:*", "Resource": "arn:aws-cn:iam::*:*"}, partition="aws-cn")
    assert not admin({"Action": "iam:*", "Resource": "arn:aws-cn:iam::*:*"})


def test_notresource_without_roles_is_admin_access() -> None:
    document = {"Statement": {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::x"}}
    assert gives_admin_access([parse(document)], partition="aws", account="222222222222")


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
def test_a_narrower_statement_is_not_admin_access(statement: dict[str, Any]) -> None:
    assert not admin(statement)


@pytest.mark.parametrize(
    ("arn", "admin_policy"),
    [
        ("arn:aws:iam::aws:policy/AdministratorAccess", True),
        ("arn:aws-cn:iam::aws:policy/administratoraccess", True),
        ("arn:aws:iam::aws:policy/IAMFullAccess", True),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", False),
        ("arn:aws:iam::222222222222:policy/AdministratorAccess", False),
        ("arn:aws:iam::aws:policy/AdministratorAccess-Amplify", False),
    ],
)
def test_managed_policies_that_give_admin_access_are_known(arn: str, admin_policy: bool) -> None:
    assert is_admin_managed_policy(arn) is admin_policy


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_patterns_match_as_iam_says(pattern: str, text: str) -> None:
    parts = {"*": ".*", "?": "."}
    expected = re.fullmatch("".join(parts.get(character, character) for character in pattern), text) is not None
    assert matches(text, pattern) is expected


def test_a_pattern_of_many_stars_is_matched_at_once() -> None:
    assert not admin({"Action": "*" * 2000 + "!"})
