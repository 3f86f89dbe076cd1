"""Roles: names, quotas, trust policies, inline and managed policies, sessions."""

import json
from typing import Any

import pytest
from botocore.session import Session

from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers
from tests.sandbox.emulated_aws.aws_calls import RAISED_ACCOUNT, refusal, trust_policy

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@pytest.fixture
def role(iam: Any, account: str) -> str:
    """A role of the account, by name."""
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust_policy(account))
    return "deploy"


@pytest.fixture
def bare_role(bare_iam: Any, account: str) -> str:
    """The same without the front."""
    bare_iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust_policy(account))
    return "deploy"


def policy_of(characters: int) -> str:
    """Return an inline policy with so many characters, white space not counted."""
    frame = json.dumps(ALLOW, separators=(",", ":"))
    return json.dumps({**ALLOW, "Id": "x" * (characters - len(frame) - len(',"Id":""'))}, indent=4)


def test_names_are_unique_ignoring_case(iam: Any, bare_iam: Any, account: str, role: str, bare_role: str) -> None:
    other = {"RoleName": "Deploy", "AssumeRolePolicyDocument": trust_policy(account)}
    status, code, message = refusal(iam.create_role, **other)
    assert (status, code, message) == (409, "EntityAlreadyExists", "Role with name Deploy already exists.")
    assert bare_iam.create_role(**other)


def test_quotas_of_an_account_can_be_raised_and_lowered(roots: RootUsers) -> None:
    iam = roots.client(RAISED_ACCOUNT)
    long = trust_policy(RAISED_ACCOUNT, Sid="x" * 2500)
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=long)
    status, code, message = refusal(iam.create_role, RoleName="second", AssumeRolePolicyDocument=long)
    assert (status, code, message) == (409, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1")
    iam.attach_role_policy(RoleName="deploy", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.attach_role_policy(RoleName="deploy", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    another = {"RoleName": "deploy", "PolicyArn": "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"}
    status, code, message = refusal(iam.attach_role_policy, **another)
    assert (status, code, message) == (409, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 1")


def test_a_trust_policy_has_2048_characters_white_space_not_counted(
    iam: Any, bare_iam: Any, account: str, role: str
) -> None:
    bare_iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust_policy(account))
    base = len(trust_policy(account, Sid="").replace(" ", ""))
    fits, too_long = (trust_policy(account, Sid="x" * (size - base)) for size in (2048, 2049))
    spread = json.dumps(json.loads(fits), indent=8)
    assert len(spread) > 2048
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=spread)
    expected = (409, "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    assert refusal(iam.update_assume_role_policy, RoleName=role, PolicyDocument=too_long) == expected
    assert refusal(iam.create_role, RoleName="other", AssumeRolePolicyDocument=too_long) == expected
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == json.loads(fits)
    bare_iam.update_assume_role_policy(RoleName=role, PolicyDocument=too_long)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"Effect": "Permit"}, "Syntax errors in policy."),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Action": None}, "Missing required field Action"),
        ({"Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Action": []}, "Syntax errors in policy."),
        ({"NotAction": "sts:TagSession"}, "Syntax errors in policy."),
        ({"Sid": "with space"}, "Statement IDs (SID) must be alpha-numeric."),
        ({"Principal": {"AWS": "somebody"}}, 'Invalid principal in policy: "AWS":"somebody"'),
        ({"Principal": {"Federated": "arn:aws:iam::12:oidc-provider/x"}}, "Invalid principal in policy"),
        ({"Principal": {"Nobody": "x"}}, 'Invalid principal in policy: "Nobody"'),
        ({"Principal": {}}, "Invalid principal in policy."),
        ({"NotPrincipal": {"AWS": "*"}, "Principal": None}, "Allow with NotPrincipal is not allowed."),
        ({"Condition": {"StringLikes": {"a:sub": "x"}}}, "Invalid Condition type : StringLikes."),
        ({"Condition": {"StringLike": {"sub": "x"}}}, "Condition keys must begin with a vendor prefix"),
        ({"Condition": {"StringLike": {"a:sub": {"x": 1}}}}, "Syntax errors in policy."),
        ({"Condition": ["StringLike"]}, "Syntax errors in policy."),
        ({"Conditions": {}}, "Syntax errors in policy."),
    ],
)
def test_a_statement_against_the_grammar_is_a_malformed_policy_document(
    iam: Any, account: str, changes: dict[str, Any], message: str
) -> None:
    call = {"RoleName": "deploy", "AssumeRolePolicyDocument": trust_policy(account, **changes)}
    status, code, found = refusal(iam.create_role, **call)
    assert (status, code) == (400, "MalformedPolicyDocument")
    assert message in found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "This policy contains invalid Json"),
        ("[]", "Syntax errors in policy."),
        ("{}", "Syntax errors in policy."),
        ('{"Statement":[]}', "Syntax errors in policy."),
        ('{"Statement":["x"]}', "Syntax errors in policy."),
        ('{"Version":"2020-01-01","Statement":[]}', "Syntax errors in policy."),
        ('{"Statement":{},"Statement":{}}', "Syntax errors in policy."),
    ],
)
def test_a_text_that_is_no_policy_is_a_malformed_policy_document(iam: Any, role: str, text: str, message: str) -> None:
    call = {"RoleName": role, "PolicyDocument": text}
    assert refusal(iam.update_assume_role_policy, **call) == (400, "MalformedPolicyDocument", message)


def test_without_the_front_a_trust_policy_may_be_any_text(bare_iam: Any, bare_role: str) -> None:
    assert bare_iam.update_assume_role_policy(RoleName=bare_role, PolicyDocument="nothing")


@pytest.mark.parametrize(
    "changes",
    [
        {"Principal": "*"},
        {"Principal": {"AWS": ["123456789012", "arn:aws:iam::123456789012:role/a/b", "*"]}},
        {"Principal": {"Service": "ec2.amazonaws.com"}},
        {"Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]},
        {"Condition": {"ForAllValues:StringLikeIfExists": {"a:sub": ["x"]}, "Null": {"aws:SourceIp": False}}},
        {"Condition": {"DateLessThan": {"aws:CurrentTime": "2027-02-01T00:00:00Z"}, "Bool": {"a:b": "true"}}},
        {"Effect": "Deny", "Sid": "No1"},
    ],
)
def test_what_the_grammar_allows_is_accepted(iam: Any, account: str, changes: dict[str, Any]) -> None:
    document = trust_policy(account, **changes)
    assert iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=document)


def test_statement_ids_are_unique(iam: Any, account: str) -> None:
    document = json.loads(trust_policy(account, Sid="One"))
    document["Statement"] *= 2
    call = {"RoleName": "deploy", "AssumeRolePolicyDocument": json.dumps(document)}
    assert refusal(iam.create_role, **call)[2] == "Statement IDs (SID) in a single policy must be unique."


def test_inline_policies_have_10240_characters_together(iam: Any, bare_iam: Any, role: str, bare_role: str) -> None:
    iam.put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=policy_of(10_000))
    second = {"RoleName": role, "PolicyName": "two"}
    expected = (409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role deploy")
    assert refusal(iam.put_role_policy, **second, PolicyDocument=policy_of(241)) == expected
    iam.put_role_policy(**second, PolicyDocument=policy_of(240))
    iam.put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=policy_of(10_000))
    bare_iam.put_role_policy(RoleName=bare_role, PolicyName="one", PolicyDocument=policy_of(20_000))


def test_a_customer_managed_policy_must_be_in_the_account(iam: Any, roots: RootUsers, account: str, role: str) -> None:
    arn = f"arn:aws:iam::{account}:policy/team/extra"
    expected = (404, "NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")
    assert refusal(iam.attach_role_policy, RoleName=role, PolicyArn=arn) == expected
    iam.create_policy(PolicyName="extra", Path="/team/", PolicyDocument=json.dumps(ALLOW))
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    other = roots.client("900000000010").create_policy(PolicyName="b", PolicyDocument=json.dumps(ALLOW))
    call = {"RoleName": role, "PolicyArn": other["Policy"]["Arn"]}
    assert refusal(iam.attach_role_policy, **call)[:2] == (404, "NoSuchEntity")


def test_without_the_front_a_policy_that_does_not_exist_can_be_attached(bare_iam: Any, bare_role: str) -> None:
    missing = "arn:aws:iam::900000000010:policy/missing"
    assert bare_iam.attach_role_policy(RoleName=bare_role, PolicyArn=missing)


def test_any_well_formed_policy_of_aws_can_be_attached(iam: Any, role: str) -> None:
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/job-function/NoDocumentHere")
    for wrong in ("arn:aws:iam::aws:policy/a b", "arn:aws:iam::aws:role/ReadOnlyAccess", "x" * 20):
        call = {"RoleName": role, "PolicyArn": wrong}
        assert refusal(iam.attach_role_policy, **call) == (400, "InvalidInput", f"ARN {wrong} is not valid.")


def test_twenty_managed_policies_and_no_more(iam: Any, bare_iam: Any, role: str, bare_role: str) -> None:
    arns = [f"arn:aws:iam::aws:policy/Policy{number}" for number in range(21)]
    for arn in arns[:20]:
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    call = {"RoleName": role, "PolicyArn": arns[20]}
    assert refusal(iam.attach_role_policy, **call)[1:] == (
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerRole: 20",
    )
    for arn in arns:
        bare_iam.attach_role_policy(RoleName=bare_role, PolicyArn=arn)


def test_assuming_a_role_needs_its_whole_arn_and_a_duration_within_its_own(
    roots: RootUsers, bare_roots: RootUsers, account: str
) -> None:
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    document = trust_policy(account, Principal=root, Action="sts:AssumeRole", Condition=None)
    for users in (roots, bare_roots):
        users.client(account).create_role(RoleName="chain", Path="/a/", AssumeRolePolicyDocument=document)
    wrong = {"RoleArn": f"arn:aws:iam::{account}:role/chain", "RoleSessionName": "it"}
    sts, bare_sts = roots.client(account, "sts"), bare_roots.client(account, "sts")
    assert refusal(sts.assume_role, **wrong)[:2] == (403, "AccessDenied")
    assert bare_sts.assume_role(**wrong)
    right = {"RoleArn": f"arn:aws:iam::{account}:role/a/chain", "RoleSessionName": "it"}
    assert sts.assume_role(**right)
    assert refusal(sts.assume_role, **right, DurationSeconds=3601)[:2] == (400, "ValidationError")


def test_a_role_assumed_by_a_role_lasts_an_hour_at_most(
    front: EmulatedAws, roots: RootUsers, session: Session, account: str
) -> None:
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    document = trust_policy(account, Principal=root, Action="sts:AssumeRole", Condition=None)
    iam = roots.client(account)
    arn = iam.create_role(RoleName="chain", AssumeRolePolicyDocument=document, MaxSessionDuration=7200)["Role"]["Arn"]
    permission = json.dumps({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}]})
    iam.put_role_policy(RoleName="chain", PolicyName="again", PolicyDocument=permission)
    call = {"RoleArn": arn, "RoleSessionName": "it", "DurationSeconds": 7200}
    keys = roots.client(account, "sts").assume_role(**call)["Credentials"]
    chained = session.create_client(
        "sts",
        region_name="us-east-1",
        endpoint_url=front.endpoint,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    status, code, message = refusal(chained.assume_role, **call)
    assert (status, code) == (400, "ValidationError")
    assert "1 hour session limit for roles assumed by role chaining" in message
    assert chained.assume_role(**call | {"DurationSeconds": 3600})
