"""ARNs are computed, and documents have one form."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidc.arn import Partition, oidc_provider_arn, parse_iam_arn, partition_of_region, role_arn
from oidc.bitbucket import default_audience, issuer_url
from oidc.iam.document import PolicyDocument
from oidc.identifiers import AccountId, BitbucketUuid, WorkspaceSlug

DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "A", "Effect": "Allow", "Action": ["s3:Put*", "s3:Get*"], "Resource": ["b", "a", "b"]},
        {
            "Effect": "Deny",
            "NotAction": "s3:*",
            "Resource": "*",
            "Condition": {"Bool": {"k": "true"}, "A": {"z": [2, 1]}},
        },
    ],
}


def shuffled(data: Any, rng: random.Random) -> Any:
    if isinstance(data, dict):
        return {key: shuffled(data[key], rng) for key in rng.sample(list(data), len(data))}
    if isinstance(data, list) and data and not isinstance(data[0], dict):
        return rng.sample(data, len(data))
    return [shuffled(item, rng) for item in data] if isinstance(data, list) else data


@given(st.randoms(use_true_random=False))
def test_the_order_of_keys_and_of_sets_changes_no_byte(rng: random.Random) -> None:
    assert PolicyDocument.of(shuffled(DOCUMENT, rng)).text == PolicyDocument.of(DOCUMENT).text


def test_the_order_of_statements_is_kept() -> None:
    assert [s["Effect"] for s in PolicyDocument.of(DOCUMENT).to_json()["Statement"]] == ["Allow", "Deny"]


def test_white_space_is_not_counted() -> None:
    document = PolicyDocument.of({"Version": "2012-10-17", "Statement": [{"Sid": "a b", "Effect": "Allow"}]})
    assert document.size == len(json.dumps(document.to_json(), separators=(",", ":"))) - 1


def test_names_of_an_issuer_follow_from_slug_and_uuid() -> None:
    acme = WorkspaceSlug("acme")
    url = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
    assert issuer_url(acme) == url
    assert oidc_provider_arn(Partition.AWS_US_GOV, AccountId("222222222222"), acme) == (
        f"arn:aws-us-gov:iam::222222222222:oidc-provider/{url.removeprefix('https://')}"
    )
    uuid = BitbucketUuid("{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}")
    assert default_audience(uuid) == "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
    assert role_arn(Partition.AWS, AccountId("222222222222"), "/", "x") == "arn:aws:iam::222222222222:role/x"


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
    ],
)
def test_a_region_belongs_to_one_partition(region: str, partition: str) -> None:
    assert partition_of_region(region) == partition


def test_the_control_plane_of_each_partition_is_in_one_of_its_regions() -> None:
    assert {partition_of_region(partition.iam_region) for partition in Partition} == set(Partition)


@pytest.mark.parametrize("partition", Partition)
def test_arns_are_read_in_every_partition(partition: Partition) -> None:
    arn = parse_iam_arn(role_arn(partition, AccountId("222222222222"), "/ci/", "x"))
    assert arn is not None
    assert (arn.partition, arn.name) == (partition, "ci/x")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("arn:aws:iam::222222222222:role/ci/deploy", "ci/deploy"),
        ("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess", "job-function/ViewOnlyAccess"),
    ],
)
def test_an_iam_arn_has_parts(text: str, name: str) -> None:
    arn = parse_iam_arn(text)
    assert arn is not None
    assert arn.name == name


@pytest.mark.parametrize(
    "text",
    ["arn:aws:iam::2222:role/x", "arn:aws:iam::222222222222:user/x", "arn:aws:iam::222222222222:role/", "role/x", "*",
     "arn:aws:iam::222222222222:role/x y", "arn:aws:iam::222222222222:role//x\n"],
)  # fmt: skip
def test_a_text_that_is_not_the_arn_of_a_role_or_policy_is_refused(text: str) -> None:
    assert parse_iam_arn(text) is None
