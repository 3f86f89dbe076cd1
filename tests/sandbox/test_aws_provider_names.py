"""The provider's property names, held against the classes of ``pulumi_aws``, and its configuration."""

import inspect
import json
from typing import Any

import pulumi_aws as aws
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.errors import UsageError
from sandbox.aws_provider.configuration import IMPLEMENTED, WITHOUT_EFFECT, AssumeRole, parse, unknown_inputs
from sandbox.aws_provider.provider import TYPES, is_made_up, with_name
from sandbox.aws_provider.resource_type import same_document, same_set, same_url
from sandbox.aws_provider.tags import to_outputs

CLASSES: dict[str, Any] = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": aws.iam.OpenIdConnectProvider,
    "aws:iam/role:Role": aws.iam.Role,
    "aws:iam/rolePolicy:RolePolicy": aws.iam.RolePolicy,
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": aws.iam.RolePolicyAttachmentsExclusive,
}
REGISTERED = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {"url", "clientIdLists", "thumbprintLists", "tags"},
    "aws:iam/role:Role": {
        "name", "path", "description", "assumeRolePolicy", "maxSessionDuration", "permissionsBoundary",
        "forceDetachPolicies", "tags",
    },
    "aws:iam/rolePolicy:RolePolicy": {"name", "role", "policy"},
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": {"roleName", "policyArns"},
}  # fmt: skip
REFUSED = {"aws:iam/role:Role": {"inlinePolicies", "managedPolicyArns"}}


def wire_names(resource: Any) -> dict[str, str]:
    """Names on the wire to names in Python, as the getters of a class of ``pulumi_aws`` have them."""
    found = {}
    for name, member in inspect.getmembers(resource, lambda one: isinstance(one, property)):
        wire = getattr(member.fget, "_pulumi_name", None)
        if wire is not None:
            found[wire] = name
    return found


def arguments(resource: Any) -> set[str]:
    parameters = set(inspect.signature(resource._internal_init).parameters)
    return parameters - {"__self__", "resource_name", "opts", "__props__"}


def test_the_types_are_those_of_pulumi_aws() -> None:
    assert TYPES.keys() == CLASSES.keys()
    for token, resource in CLASSES.items():
        assert getattr(resource, "pulumi_type", token) == token
        assert f"'{token}'" in inspect.getsource(resource._internal_init)


@pytest.mark.parametrize("token", CLASSES)
def test_inputs_have_the_names_of_pulumi_aws_in_both_directions(token: str) -> None:
    wire = wire_names(CLASSES[token])
    inputs = {name for name, python in wire.items() if python in arguments(CLASSES[token])}
    # pulumi_aws fills tagsAll in when it checks inputs; no program gives it.
    assert set(TYPES[token].properties) - {"tagsAll"} == inputs - REFUSED.get(token, set())
    assert set(TYPES[token].properties) >= REGISTERED[token]


@pytest.mark.parametrize("token", CLASSES)
def test_computed_outputs_have_the_names_of_pulumi_aws(token: str) -> None:
    wire = wire_names(CLASSES[token])
    assert set(TYPES[token].computed) <= set(wire)
    only_outputs = {name for name, python in wire.items() if python not in arguments(CLASSES[token])}
    assert only_outputs - {"tagsAll"} <= set(TYPES[token].computed)


def test_the_configuration_has_the_names_of_pulumi_aws() -> None:
    source = inspect.getsource(aws.ProviderArgs)
    for name in (*IMPLEMENTED, *WITHOUT_EFFECT):
        if name not in {"version", "__internal"}:
            assert f'@pulumi.getter(name="{name}")' in source or f"def {name}(self)" in source


def test_configuration_is_read_from_json_texts_and_from_plain_values_alike() -> None:
    plain: dict[str, object] = {
        "allowedAccountIds": ["222222222222"],
        "assumeRoles": [{"roleArn": "arn", "externalId": "x", "duration": "1h30m"}],
        "endpoints": [{"iam": "http://127.0.0.1:1", "sts": "http://127.0.0.1:2"}],
        "defaultTags": {"tags": {"A": "1"}},
        "maxRetries": 5,
    }
    texts = {name: json.dumps(value) for name, value in plain.items()}
    read = parse({"region": "eu-west-1", **texts})
    assert read == parse({"region": "eu-west-1", **plain})
    assert read.assume_roles == (AssumeRole("arn", external_id="x", duration=5400),)
    assert (read.max_retries, read.default_tags, read.allowed_account_ids) == (5, {"A": "1"}, ("222222222222",))


def test_secrets_are_not_in_the_text_of_a_configuration() -> None:
    assert "hidden" not in repr(parse({"secretKey": "hidden", "token": "hidden"}))


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"assumeRoles": '[{"sessionName": "x"}]'}, "needs roleArn"),
        ({"assumeRoles": '[{"roleArn": "x", "policy": "{}"}]'}, "allows only the keys"),
        ({"assumeRoles": '[{"roleArn": "x", "duration": "soon"}]'}, "'soon' is not a duration"),
        ({"assumeRoles": "{}"}, "assumeRoles is not a list"),
        ({"defaultTags": "[]"}, "defaultTags is not a mapping"),
        ({"endpoints": "{"}, "endpoints is not the JSON text"),
        ({"region": 5}, "region is not a text"),
    ],
)
def test_configuration_of_another_shape_is_refused(inputs: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse(inputs)


def test_configuration_that_is_not_implemented_is_named() -> None:
    assert unknown_inputs({"region": "x", "httpProxy": "y", "stsRegion": None}) == ["httpProxy"]


ACTIONS = st.lists(st.sampled_from(["s3:Get*", "s3:Put*", "iam:*"]), min_size=1, max_size=3, unique=True)


@given(ACTIONS, st.randoms(use_true_random=False))
def test_the_order_of_a_policys_lists_means_nothing(actions: list[str], random: Any) -> None:
    shuffled = [*actions]
    random.shuffle(shuffled)

    def document(values: list[str]) -> str:
        condition = {"StringLike": {"sub": values}}
        return json.dumps({"Statement": [{"Action": values, "Resource": values, "Condition": condition}]})

    assert same_document(document(actions), document(shuffled))


@given(ACTIONS, ACTIONS)
def test_policies_that_differ_are_not_taken_for_the_same(one: list[str], other: list[str]) -> None:
    def document(values: list[str], key: str) -> str:
        return json.dumps({"Statement": [{"Effect": "Allow", key: values, "Resource": "*"}]})

    assert same_document(document(one, "Action"), document(other, "Action")) == (set(one) == set(other))
    assert not same_document(document(one, "Action"), document(one, "NotAction"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"Statement": {"Action": "a"}}', '{"Statement": [{"Action": ["a"]}]}', True),
        ('{"Statement": [{"Sid": "1"}, {"Sid": "2"}]}', '{"Statement": [{"Sid": "2"}, {"Sid": "1"}]}', True),
        ('{"Statement": [{"Sid": "1"}]}', '{"Statement": [{"Sid": "1"}, {"Sid": "1"}]}', False),
        (
            '{"Statement": [{"Condition": {"Bool": {"k": true}}}]}',
            '{"Statement": [{"Condition": {"Bool": {"k": "true"}}}]}',
            True,
        ),
        (
            '{"Statement": [{"Principal": {"AWS": ["b", "a"]}}]}',
            '{"Statement": [{"Principal": {"AWS": ["a", "b"]}}]}',
            True,
        ),
        ('{"Statement": [{"Principal": {"AWS": "a"}}]}', '{"Statement": [{"Principal": {"Federated": "a"}}]}', False),
        (
            '{"Statement": [{"Principal": {"AWS": ["222222222222", "b"]}}]}',
            '{"Statement": [{"Principal": {"AWS": ["b", "arn:aws:iam::222222222222:root"]}}]}',
            True,
        ),
        (
            '{"Statement": [{"Principal": {"AWS": "222222222222"}}]}',
            '{"Statement": [{"Principal": {"AWS": "arn:aws:iam::222222222222:user/root"}}]}',
            False,
        ),
        (
            '{"Statement": [{"Resource": "arn:aws:iam::222222222222:root"}]}',
            '{"Statement": [{"Resource": "222222222222"}]}',
            False,
        ),
        ('{"Statement": [{"Principal": "*"}]}', '{"Statement": [{"Principal": {"AWS": "*"}}]}', False),
        ('{"Statement": [{"Action": ["a", "a"]}]}', '{"Statement": [{"Action": "a"}]}', False),
        ('{"Version": "2012-10-17", "Statement": []}', '{"Version": "2008-10-17", "Statement": []}', False),
        ("not json", "not json", True),
        ("not json", '{"Statement": []}', False),
    ],
)  # fmt: skip
def test_policy_documents_are_compared_by_what_they_mean(one: str, other: str, same: bool) -> None:
    assert same_document(one, other) is same


def test_lists_and_urls_are_compared_by_what_they_mean() -> None:
    assert same_set(["a", "b"], ["b", "a"])
    assert not same_set(["a"], ["a", "b"])
    assert same_url("api.bitbucket.org/x", "https://api.bitbucket.org/x")
    assert same_url("api.bitbucket.org/x", "HTTPS://api.bitbucket.org/x ")
    assert not same_url("api.bitbucket.org/x", "https://api.bitbucket.org/X")
    assert not same_url("api.bitbucket.org/x", "https://API.bitbucket.org/x")
    assert not same_url("api.bitbucket.org/x", "https://api.bitbucket.org/x/")


def test_a_made_up_name_stays_and_follows_its_prefix() -> None:
    first = with_name("deploy", {}, {}, b"seed")
    assert str(first["name"]).startswith("deploy-")
    assert is_made_up("deploy", first)
    assert is_made_up("deploy", {"name": "p-1", "namePrefix": "p-"})
    assert not is_made_up("deploy", {"name": "deploy-production"})
    assert with_name("deploy", first, {}, b"other") == first
    assert with_name("deploy", first, {"name": "given"}, b"") == {"name": "given"}
    prefixed = with_name("deploy", first, {"namePrefix": "p-"}, b"seed")
    assert str(prefixed["name"]).startswith("p-")
    assert with_name("deploy", prefixed, {"namePrefix": "p-"}, b"other") == prefixed


def test_aws_own_tags_are_nobodys_to_manage() -> None:
    found = to_outputs([{"Key": "aws:cloudformation:stack-name", "Value": "x"}, {"Key": "A", "Value": "1"}], {})
    assert found == {"tags": {"A": "1"}, "tagsAll": {"A": "1"}}
