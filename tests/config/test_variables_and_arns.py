"""Variables, placeholders and ARNs in permission policies: what can match nothing is found, what IAM takes is not."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.findings import Fault
from config.known_names import regions
from config.policy.grammar import grammar_faults
from config.policy.names import GLOBAL_CONDITION_KEYS, condition_keys_of
from config.policy.policy_variables import tool_of, variable_faults
from config.policy.resources import arn_faults
from config.rules.permissions import document_faults
from oidc.arn import partition_of_region
from oidc.iam.document import parse


def faults_of(resource: str, condition: dict[str, Any] | None = None) -> list[Fault]:
    statement = {"Effect": "Allow", "Action": "lambda:*", "Resource": resource, "Condition": condition or {}}
    (parsed,) = parse({"Version": "2012-10-17", "Statement": [statement]}).statements
    return list(variable_faults(parsed)) or list(arn_faults(parsed))


def keys() -> list[str]:
    known = [
        *GLOBAL_CONDITION_KEYS,
        *(key for service in ("s3", "iam", "ec2", "kms") for key in condition_keys_of(service) or ()),
    ]
    return [re.sub(r"\$\{[^}]*\}", "team", key) for key in known]


@given(st.sampled_from(keys()), st.sampled_from(["", ", 'core'", ",'core'", " , 'a b'"]), st.booleans())
def test_every_condition_key_is_a_variable_with_or_without_a_default(key: str, default: str, upper: bool) -> None:
    variable = f"${{{key.upper() if upper else key}{default}}}"
    assert faults_of(f"arn:aws:s3:::acme/{variable}/*", {"StringEquals": {"aws:ResourceTag/x": variable}}) == []
    assert tool_of(key) is None


@pytest.mark.parametrize(
    "text",
    [
        "acme/${*}${?}${$}", "${saml:sub}", "${cognito-identity.amazonaws.com:sub}", "${www.amazon.com:user_id}",
        "${api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc:sub}", "${graph.facebook.com:id}",
        "function:f:$LATEST", "function:f:$LATEST.PUBLISHED", "launch-template/$DEFAULT", "$default/POST/x",
        "$aws/things/x",
        "a<b", "<a href=x>", "YOURS", "{{account}}-bucket", "cost$", "key/mrk-*",
    ],
)  # fmt: skip
def test_texts_that_iam_takes_as_they_are_have_no_finding(text: str) -> None:
    assert faults_of(f"arn:aws:lambda:eu-west-1:{{{{account_id}}}}:{text}", {"StringLike": {"aws:x": text}}) == []


@pytest.mark.parametrize(
    ("text", "rule", "hint"),
    [
        ("arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:f", "placeholder",
         "write arn:aws:lambda:{{region}}:{{account_id}}:f"),
        ("arn:aws:lambda:eu-west-1:${AWS::AccountId}:f/${Name}", "placeholder", "write {{account_id}}"),
        ("arn:${AWS::Partition}:s3:::x", "placeholder", "write arn:{{partition}}:s3:::x"),
        ("arn:aws:s3:::x-${AWS::AccountId}/${aws:username}", "placeholder",
         "write arn:aws:s3:::x-{{account_id}}/${aws:username}"),
        ("arn:aws:s3:::${AWS::StackName}", "placeholder", "write the value itself"),
        ("arn:aws:s3:::${BucketName}/*", "placeholder", "write the value itself"),
        ("arn:aws:s3:::${Bucket.Arn}", "placeholder", "write the value itself"),
        ("arn:aws:s3:::${var.env}", "placeholder", "write the value itself"),
        ("arn:aws:ssm:${data.aws_region.current.name}:1:x", "placeholder", "write arn:aws:ssm:{{region}}:1:x"),
        ('arn:aws:s3:::${var.names["x:y"]}', "placeholder", "write the value itself"),
        ("arn:aws:s3:::${self:provider.stage}", "placeholder", "write the value itself"),
        ("arn:aws:sqs:eu-west-1:${aws:accountId}:x", "placeholder", "write arn:aws:sqs:eu-west-1:{{account_id}}:x"),
        ("arn:aws:sqs:#{AWS::Region}:#{AWS::AccountId}:x", "placeholder",
         "write arn:aws:sqs:{{region}}:{{account_id}}:x"),
        ("arn:aws:s3:::$BUCKET/*", "placeholder", "write the value itself"),
        ("arn:aws:s3:::<bucket>/*", "placeholder", "write the value itself"),
        ("arn:aws:iam::<account-id>:role/x", "placeholder", "write arn:aws:iam::{{account_id}}:role/x"),
        ("arn:aws:lambda:eu-west-1:{{account_id}}:function:YOUR_FUNCTION", "placeholder", "write the value itself"),
        ("arn:aws:s3:::x/${ BUCKET }", "placeholder", "write the value itself"),
        ("arn:aws:s3:::x/${aws:username", "bad-policy-document", "close the variable: ${aws:username}"),
        ("arn:aws:s3:::x/${}", "bad-policy-document", "write a condition key in it: ${aws:username}"),
        ("arn:aws:s3:::x/${ aws:username }", "bad-policy-document", "write ${aws:username}"),
        ("arn:aws:s3:::x/${aws:username, x}", "bad-policy-document", "write ${aws:username, '…'}"),
        ("arn:aws:s3:::x/${aws:usrname}", "unknown-condition-key", "did you mean `aws:username`?"),
        ("arn:aws:s3:::x/${s3:prefx}", "unknown-condition-key", "did you mean `s3:prefix`?"),
        ("arn:aws:sqs:eu-west-1:${aws:PrincipalAccount}:x", "resource-mismatch",
         "write {{region}} or {{account_id}}, or the value itself"),
    ],
)  # fmt: skip
def test_what_iam_does_not_replace_is_one_finding_with_the_text_to_write(text: str, rule: str, hint: str) -> None:
    assert [(fault.rule, fault.hint) for fault in faults_of(text)] == [(rule, hint)]


@pytest.mark.parametrize("operator", ["StringEquals", "ArnLike"])
def test_a_placeholder_in_a_condition_is_found(operator: str) -> None:
    faults = faults_of("*", {operator: {"aws:PrincipalArn": ["arn:aws:iam::1:role/x", "${Role}"]}})
    assert [(fault.rule, fault.path[-2:]) for fault in faults] == [("placeholder", ("aws:PrincipalArn", 1))]


def test_a_resource_that_is_only_a_placeholder_is_named_as_such() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": ["${aws_s3_bucket.site.arn}/*", "<bucket>", "site"],
    }
    faults = grammar_faults({"Version": "2012-10-17", "Statement": [statement]})
    assert [fault.rule for fault in faults] == ["placeholder", "placeholder", "bad-policy-document"]


@given(
    st.sampled_from(sorted(regions())),
    st.from_regex(r"[0-9]{12}", fullmatch=True),
    st.sampled_from(["function:f", "x/*", "*", "a:b:c", "${aws:username}"]),
)
def test_an_arn_of_any_region_and_account_has_no_finding(region: str, account: str, resource: str) -> None:
    partition = partition_of_region(region)
    for arn in (
        f"arn:{partition}:lambda:{region}:{account}:{resource}",
        f"arn:{{{{partition}}}}:lambda:{region}:*:{resource}",
        f"arn:*:lambda:*:{account[:4]}*:{resource}",
        f"arn:{partition}:iam::{account}:{resource}",
        f"arn:{partition}:s3:::{resource}",
    ):
        assert faults_of(arn) == [], arn


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("s3:GetAccessPoint", "arn:aws:s3:eu-west-1:{{account_id}}:accesspoint/x"),
        ("s3:PutAccessPointPublicAccessBlock", "arn:aws:s3:*:*:accesspoint/*"),
        ("sts:SetContext", "arn:aws:iam::aws:contextProvider/IdentityCenter"),
    ],
)
def test_an_action_works_on_a_resource_that_only_its_row_of_the_reference_omits(action: str, arn: str) -> None:
    def faults(resource: str) -> list[str]:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        return [fault.rule for fault in document_faults({"Version": "2012-10-17", "Statement": [statement]})]

    assert faults(arn) == faults("*") == []
    assert faults("arn:aws:s3:::bucket") == ["resource-mismatch"]


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:network-firewall:us-east-1:aws-managed:stateful-rulegroup/x",
        "arn:aws:lambda:ap-southeast-9:{{account_id}}:function:f", "arn:aws:ssm:us-east-1::parameter/aws/service/x",
        "arn:aws:iam::cloudfront:user/x", "arn:aws:lambda:{{region}}:{{account_id}}:function:f", "arn:aws:s3:*",
        "arn:*",
        "arn:aws:logs:*:*", "arn:aws-iso-b:s3:::x", "*", "arn:aws:iam::*role/x", "arn:aws:s3:::a/{{repository_name}}/*",
        "arn:aws:lambda:moon-base-1:{{account_id}}:function:f", "arn:aws:iam::{{account_id}}", "arn:aws:iam::1234*",
    ],
)  # fmt: skip
def test_an_arn_that_may_belong_to_a_resource_has_no_finding(arn: str) -> None:
    assert [fault.message for fault in faults_of(arn)] == []


@pytest.mark.parametrize(
    ("arn", "hint"),
    [
        ("arn:aws:lambda:eu-west-1:1234567890123:f", "write {{account_id}}, or 12 digits"),
        ("arn:aws:lambda:eu-west-1:1111-2222-3333:f", "write 111122223333"),
        ("arn:aws:lambda:eu-west-1:ACCOUNT_ID:f", "write {{account_id}}, or 12 digits"),
        ("arn:aws:lambda:eu-west-1:account-id:f", "write {{account_id}}, or 12 digits"),
        ("arn:aws:lambda:eu-west-1:XXXXXXXXXXXX:f", "write {{account_id}}, or 12 digits"),
        ("arn:aws:lambda:eu-west-1:{{account}}:f", "write {{account_id}}"),
        ("arn:aws:lambda:Ireland:{{account_id}}:f", "write {{region}}"),
        ("arn:aws:lambda:REGION:{{account_id}}:f", "write {{region}}"),
        ("arn:aws:lambda:your-region:{{account_id}}:f", "write {{region}}"),
        ("arn:aws:lambda:EU-WEST-1:{{account_id}}:f", "write eu-west-1"),
        ("arn:aws:lambda:cn-north-1:{{account_id}}:f", "write arn:aws-cn:…, or another region"),
        ("arn:awss:s3:::x", "did you mean `aws`?"),
        ("arn::s3:::x", "write arn:{{partition}}:…"),
        ("arn:aws:s3::acme/*", "write arn:aws:s3:::acme/*"),
        ("arn:aws:s3::acme", "write arn:aws:s3:::acme"),
        ("arn:aws:s3:acme", "an ARN has five colons: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"),
        ("arn:aws:iam::222222222222", "an ARN has five colons: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"),
    ],
)
def test_an_arn_that_no_resource_has_is_found(arn: str, hint: str) -> None:
    assert [(fault.rule, fault.hint) for fault in faults_of(arn)] == [("bad-resource-arn", hint)]


@pytest.mark.parametrize(
    ("region", "meant"),
    [("eu-wst-1", "eu-west-1"), ("us-east1", "us-east-1"), ("eu-west-1a", "eu-west-1"), ("cn-nort-1", "cn-north-1")],
)
def test_a_misspelt_region_of_an_arn_is_a_warning_with_the_region(region: str, meant: str) -> None:
    faults = faults_of(f"arn:aws:lambda:{region}:{{{{account_id}}}}:function:f")
    assert [(fault.rule, fault.hint) for fault in faults] == [("unknown-region", f"did you mean `{meant}`?")]


def test_a_faulty_arn_is_one_finding_in_the_whole_check() -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3::acme"}
    assert [fault.rule for fault in document_faults({"Statement": [statement]})] == ["bad-resource-arn"]
