"""Trust policies in every form in which people have them are found, reviewed, and located."""

import json
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from access.explanation.names import Names
from access.trust_review.forms import NamedPolicy, find_policies
from access.trust_review.review import review

ISSUER = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::222222222222:oidc-provider/{ISSUER}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{ISSUER}:aud": AUDIENCE}},
        }
    ],
}
SERVICE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
ARN = "arn:aws:iam::222222222222:role/old"


def role(policy: object) -> dict[str, Any]:
    return {"RoleName": "old", "Arn": ARN, "AssumeRolePolicyDocument": policy}


def template(policy: object) -> dict[str, Any]:
    return {"Resources": {"Old": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": policy}}}}


FORMS: dict[str, str] = {
    "the console's": json.dumps(POLICY, indent=4),
    "URL-encoded": quote(json.dumps(POLICY, indent=4)),
    "get-role": json.dumps({"Role": role(POLICY)}),
    "get-role of the API": json.dumps({"Role": role(quote(json.dumps(POLICY)))}),
    "list-roles": json.dumps({"Roles": [role(SERVICE), role(POLICY)]}),
    "get-account-authorization-details": json.dumps({"RoleDetailList": [role(SERVICE), role(POLICY)]}),
    "a template in JSON": json.dumps(template(POLICY)),
    "a template in YAML": yaml.safe_dump(template(POLICY)),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_review_is_the_same_in_every_form(form: str) -> None:
    found = find_policies(FORMS[form], None, {})
    (policy,) = found.policies
    assert policy.document.faults == ()
    assert policy.document.data is not None
    assert review(policy.document.data, None, Names()) == review(POLICY, None, Names())
    assert found.left_out == (1 if form in {"list-roles", "get-account-authorization-details"} else 0)
    line, column = policy.document.place(("Statement", 0, "Condition"))
    assert line >= 1
    assert column >= 1


def test_a_listed_role_has_its_name_and_its_account() -> None:
    found = find_policies(FORMS["list-roles"], None, {})
    assert [(policy.role, policy.account) for policy in found.policies] == [("old", "222222222222")]
    assert [policy.account for policy in find_policies(FORMS["list-roles"], "333333333333", {}).policies] == [
        "333333333333"
    ]


def test_a_role_that_everybody_may_assume_is_never_left_out() -> None:
    everybody = {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}
    broken = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}
    found = find_policies(json.dumps({"Roles": [role(everybody), role(broken), role("no policy")]}), None, {})
    assert (len(found.policies), found.left_out) == (3, 0)


ACCOUNT = {"AWS": "arn:aws:iam::222222222222:root"}
OF_OTHERS = {"Effect": "Allow", "Principal": ACCOUNT, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "NotPrincipal": ACCOUNT, "Action": "sts:*"},
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"},
        {"Effect": "Allow", "Principal": ["*"], "Action": "sts:*"},
        {"Effect": "Allow", "Principal": {"federated": f"arn:aws:iam::222222222222:oidc-provider/{ISSUER}"}},
        {"Effect": "Allow", "Action": "sts:*"},
    ],
    ids=["NotPrincipal", "everybody", "a list", "other capitals", "none"],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_role_is_left_out_only_if_every_statement_names_others(statement: dict[str, Any], *, is_first: bool) -> None:
    statements = [statement, OF_OTHERS] if is_first else [OF_OTHERS, statement]
    policy = {"Version": "2012-10-17", "Statement": statements}
    assert find_policies(json.dumps({"Roles": [role(policy)]}), None, {}).left_out == 0
    assert find_policies(json.dumps({"Roles": [role({"Statement": [OF_OTHERS]})]}), None, {}).left_out == 1


@pytest.mark.parametrize("entry", [{"RoleName": "old", "Arn": ARN}, role(None), None, "old", 3])
def test_a_listed_role_without_a_policy_is_a_fault(entry: object) -> None:
    (policy,) = find_policies(json.dumps({"Roles": [entry]}), None, {}).policies
    assert [fault.rule for fault in policy.document.faults] == ["bad-trust-policy"]


@pytest.mark.parametrize("form", ["list-roles", "a template in JSON", "a template in YAML"])
def test_a_key_that_appears_twice_is_refused_in_every_form(form: str) -> None:
    text = FORMS[form]
    if form == "a template in YAML":
        text = text.replace(
            "AssumeRolePolicyDocument:", "AssumeRolePolicyDocument: {}\n      AssumeRolePolicyDocument:"
        )
    else:
        text = text.replace(
            '"AssumeRolePolicyDocument":', '"AssumeRolePolicyDocument": {}, "AssumeRolePolicyDocument":'
        )
    (policy,) = find_policies(text, None, {}).policies
    assert policy.document.data is None
    assert [fault.rule for fault in policy.document.faults] == ["json-syntax"]


def with_subject(parameter: dict[str, Any], values: dict[str, str]) -> NamedPolicy:
    policy = json.loads(json.dumps(POLICY))
    policy["Statement"][0]["Condition"]["StringLike"] = {f"{ISSUER}:sub": {"Ref": "Subjects"}}
    text = json.dumps(template(policy) | {"Parameters": {"Subjects": parameter}})
    (named,) = find_policies(text, None, values).policies
    return named


@pytest.mark.parametrize("kind", ["CommaDelimitedList", "List<String>", "AWS::SSM::Parameter::Value<List<String>>"])
def test_a_parameter_with_a_list_is_a_list(kind: str) -> None:
    for policy in (
        with_subject({"Type": kind}, {"Subjects": "a, b"}),
        *([with_subject({"Type": kind, "Default": "a, b"}, {})] if "SSM" not in kind else []),
    ):
        assert policy.document.data is not None
        assert policy.document.data["Statement"][0]["Condition"]["StringLike"] == {f"{ISSUER}:sub": ["a", "b"]}


@pytest.mark.parametrize("kind", ["String", "List<String>", "AWS::EC2::Image::Id"])
def test_the_default_of_an_ssm_parameter_is_not_its_value(kind: str) -> None:
    policy = with_subject({"Type": f"AWS::SSM::Parameter::Value<{kind}>", "Default": "/ci/subject"}, {})
    assert [fault.rule for fault in policy.document.faults] == ["template-value"]
    assert "--parameter Subjects=VALUE" in policy.document.faults[0].hint


@pytest.mark.parametrize(
    "resources",
    [
        {"Fn::ForEach::Roles": ["Name", ["a"], template(POLICY)["Resources"]]},
        {"Fn::Transform": {"Name": "AWS::Include"}},
        {"Old": {"Type": "AWS::IAM::Role", "Properties": {"Fn::Transform": {"Name": "AWS::Include"}}}},
        {"Old": {"Type": "AWS::IAM::Role", "Properties": {"Fn::If": ["Is", {"AssumeRolePolicyDocument": POLICY}, {}]}}},
    ],
)
def test_roles_that_cloudformation_makes_from_a_function_are_told_of(resources: dict[str, Any]) -> None:
    (policy,) = find_policies(json.dumps({"Resources": resources}), None, {}).policies
    assert [fault.rule for fault in policy.document.faults] == ["template-value"]


def test_a_trust_policy_of_another_type_of_resource_is_reviewed_too() -> None:
    data = {"Resources": {"Fn": {"Type": "AWS::Serverless::Function", "Properties": role(POLICY)}}}
    (policy,) = find_policies(json.dumps(data), None, {}).policies
    assert policy.document.data == POLICY


TEMPLATE = """
Parameters:
  Workspace: {Type: String}
  Audience: {Type: String}
  Host: {Type: String, Default: api.bitbucket.org}
Resources:
  Old:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Ref Workspace
      AssumeRolePolicyDocument:
        Fn::Sub:
          - |
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
              "Principal": {"Federated": "arn:${AWS::Partition}:iam::${AWS::AccountId}:oidc-provider/${issuer}"},
              "Action": "sts:AssumeRoleWithWebIdentity",
              "Condition": {
                "StringEquals": {"${issuer}:aud": "${Audience}"}, "Null": {"aws:SourceIp": "${!Literal}"}}}]}
          - issuer: !Join ["/", [!Ref Host, 2.0/workspaces, !Ref Workspace, pipelines-config/identity/oidc]]
"""


def test_the_parameters_of_a_template_are_filled_in() -> None:
    values = {"Workspace": "acme", "Audience": AUDIENCE}
    (policy,) = find_policies(TEMPLATE, "222222222222", values).policies
    assert policy.document.data is not None
    (statement,) = policy.document.data["Statement"]
    assert statement["Principal"] == POLICY["Statement"][0]["Principal"]
    assert statement["Condition"] == POLICY["Statement"][0]["Condition"] | {"Null": {"aws:SourceIp": "${Literal}"}}


@pytest.mark.parametrize("values", [{}, {"Host": "api.bitbucket.org"}, {"Workspace": "acme", "Audience": AUDIENCE}])
def test_a_policy_tells_whose_defaults_it_has(values: dict[str, str]) -> None:
    (policy,) = find_policies(TEMPLATE, "222222222222", values).policies
    assert policy.defaults == (() if "Host" in values else ("Host",))


def test_every_unknown_value_of_a_template_is_named_at_once() -> None:
    (policy,) = find_policies(TEMPLATE, None, {}).policies
    (fault,) = policy.document.faults
    assert policy.document.data is None
    assert (fault.rule, fault.message.count("`")) == ("template-value", 4)
    assert "--parameter Workspace=VALUE" in fault.hint
    assert "--parameter Audience=VALUE" in fault.hint
    assert policy.document.place(()) == (12, 9)


@pytest.mark.parametrize(
    "value", [{"Fn::ImportValue": "x"}, {"Fn::Sub": "${Role.Arn}"}, {"Ref": "Nothing"}, {"Fn::If": []}]
)
def test_a_value_that_only_cloudformation_knows_is_never_guessed(value: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(POLICY))
    changed["Statement"][0]["Condition"]["StringEquals"][f"{ISSUER}:aud"] = value
    (policy,) = find_policies(json.dumps(template(changed)), None, {}).policies
    assert policy.document.data is None
    assert [fault.rule for fault in policy.document.faults] == ["template-value"]
    assert "get-role" in policy.document.faults[0].hint


def test_a_yaml_that_grows_by_aliases_is_refused_in_little_time() -> None:
    lines = ["Resources:", "  - &a0 [x, x]"] + [f"  - &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    found = find_policies("\n".join(lines), None, {})
    assert [fault.rule for fault in found.policies[0].document.faults] == ["json-syntax"]


KEYS = (
    *("Role", "Roles", "Resources", "Parameters", "Default", "Type", "Properties", "Fn::Sub", "Fn::Join", "Ref"),
    *("AssumeRolePolicyDocument", "Statement", "Principal"),
)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just(POLICY),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(data=DATA, as_yaml=st.booleans())
def test_no_text_gives_a_traceback(data: object, *, as_yaml: bool) -> None:
    text = yaml.safe_dump(data) if as_yaml else json.dumps(data)
    found = find_policies(text, None, {})
    for policy in found.policies:
        policy.document.place(("Statement", 0))
        if policy.document.data is not None:
            review(policy.document.data, policy.account, Names())
        assert policy.document.data is not None or policy.document.faults


@given(st.text())
def test_no_text_that_is_neither_json_nor_yaml_gives_a_traceback(text: str) -> None:
    assert len(find_policies(text, None, {}).policies) == 1
