"""Names that AWS adds to: which known policy or region a name misspells, and which names may be new."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.compile import compile_plan
from config.known_names import SERVICE_LINKED, managed_policies, meant_policy, meant_region, regions
from config.load import load_inventory

ATTACHABLE = sorted(name for name in managed_policies() if not name.startswith(SERVICE_LINKED))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ReadOnlyAcess", "ReadOnlyAccess"),
        ("AdministratorAcces", "AdministratorAccess"),
        ("AdminsitratorAccess", "AdministratorAccess"),
        ("readonlyaccess", "ReadOnlyAccess"),
        ("AmazonECSTaskExecutionRolePolicy", "service-role/AmazonECSTaskExecutionRolePolicy"),
        ("ViewOnlyAcess", "job-function/ViewOnlyAccess"),
        ("job-function/ReadOnlyAccess", "ReadOnlyAccess"),
        ("AWSLambdaFullAccess", "AWSLambda_FullAccess"),
        ("AWSSupportServiceRolePolicy", "aws-service-role/AWSSupportServiceRolePolicy"),
    ],
)
def test_a_near_miss_has_the_policy_that_was_meant(name: str, meant: str) -> None:
    assert meant_policy(name) == meant


@pytest.mark.parametrize(
    "name",
    [
        "CloudWatchFullAccessV3", "AmazonEKSClusterPolicyV2", "AmazonInspector3FullAccess", "AmazonSXSFullAccess",
        "AmazonBedrockNewThingFullAccess", "SomethingElse", "x", "ReadOnlyAccess", "job-function/ViewOnlyAccess",
    ],
)  # fmt: skip
def test_a_known_name_and_one_that_may_be_new_pass(name: str) -> None:
    assert meant_policy(name) is None


@given(st.sampled_from(sorted(managed_policies())))
def test_no_known_policy_is_a_near_miss(name: str) -> None:
    assert meant_policy(name) is None


@given(st.sampled_from(ATTACHABLE), st.sampled_from(["service-role", "job-function", "team", ""]), st.data())
def test_a_known_name_in_another_case_and_under_another_path_is_a_near_miss(
    known: str, path: str, data: st.DataObject
) -> None:
    last = known.rpartition("/")[2]
    other = "".join(data.draw(st.sampled_from([letter, letter.swapcase()])) for letter in last)
    name = f"{path}/{other}".removeprefix("/")
    assert meant_policy(name) == (None if name == known else known)


@given(st.sampled_from(ATTACHABLE), st.data())
def test_a_known_name_without_one_of_its_small_letters_is_a_near_miss(known: str, data: st.DataObject) -> None:
    last = known.rpartition("/")[2]
    places = [place for place, letter in enumerate(last) if letter.islower()]
    place = data.draw(st.sampled_from(places))
    assert meant_policy(last[:place] + last[place + 1 :]) is not None


@given(st.sampled_from(ATTACHABLE), st.integers(2, 99))
def test_a_known_name_with_a_version_may_be_new(known: str, version: int) -> None:
    assert meant_policy(f"{known}V{version}") is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("eu-wst-1", "eu-west-1"),
        ("cn-nort-1", "cn-north-1"),
        ("us-gvo-west-1", "us-gov-west-1"),
        ("ue-west-1", "eu-west-1"),
        ("eu-west-11", "eu-west-1"),
        ("eu-wset-9", "eu-west-1"),
        ("eu-west-1a", "eu-west-1"),
        ("us-east1", "us-east-1"),
        ("euwest2", "eu-west-2"),
        ("EU-WEST-1", "eu-west-1"),
        ("eusc_de_east_1", "eusc-de-east-1"),
    ],
)
def test_a_misspelt_region_has_the_one_that_was_meant(text: str, meant: str) -> None:
    assert meant_region(text) == meant


@pytest.mark.parametrize("text", ["us-east-3", "ap-southeast-9", "eu-east-1", "moon-base-1", "nz-north-1", "Ireland"])
def test_a_region_that_may_be_new_and_a_text_like_no_region_pass(text: str) -> None:
    assert meant_region(text) is None


@given(st.sampled_from(sorted(regions())))
def test_no_known_region_is_a_near_miss_and_its_zones_are(region: str) -> None:
    assert meant_region(region) is None
    assert meant_region(f"{region}b") == region
    assert meant_region(region.replace("-", "")) == region
    assert meant_region(region.upper()) == region


@given(st.sampled_from(sorted(regions())), st.integers(1, 9))
def test_another_digit_of_a_known_area_may_be_a_new_region(region: str, number: int) -> None:
    assert meant_region(f"{region.rpartition('-')[0]}-{number}") is None


@given(st.text(max_size=20))
def test_any_text_has_a_known_region_or_none(text: str) -> None:
    assert meant_region(text) in {None, *regions()}


REGION = 'defaults: {state_backend: {url: "s3://acme-state?region=REGION", account_id: "222222222222"}}\n'
ROLE = (
    "roles: {r: {accounts: [prod], trust: [{repository: acme/shop, environments: [production]}], "
    "managed_policies: [POLICY]}}\n"
)


def rules(folder: Path) -> list[str]:
    return [finding.rule for finding in compile_plan(load_inventory(folder)).findings]


@pytest.mark.parametrize(
    "policy",
    [
        "account:ReadOnlyAcess", '"aws:{{role}}Acess"', "aws:Team/SomethingNew",
        '"arn:{{partition}}:iam::{{account_id}}:policy/ReadOnlyAcess"',
    ],
)  # fmt: skip
def test_policies_of_the_account_and_names_with_variables_are_not_compared(
    write_inventory: Callable[..., Path], policy: str
) -> None:
    assert "unknown-managed-policy" not in rules(write_inventory(ROLE.replace("POLICY", policy)))


def test_the_region_of_the_state_is_compared_too(write_inventory: Callable[..., Path]) -> None:
    role = ROLE.replace("POLICY", "aws:ReadOnlyAccess")
    for region, expected in (("eu-west-1", False), ("eu-wst-1", True)):
        found = rules(write_inventory(role, state_yaml=REGION.replace("REGION", region)))
        assert ("unknown-region" in found) is expected


@pytest.mark.parametrize(("region", "expected"), [("us-gvo-west-1", ["unknown-region"]), ("us-gov-west-9", [])])
def test_a_misspelt_region_belongs_to_the_partition_of_the_one_that_was_meant(
    write_inventory: Callable[..., Path], region: str, expected: list[str]
) -> None:
    account = f'accounts: {{gov: {{id: "444444444444", partition: aws-us-gov, region: {region}}}}}\n'
    assert rules(write_inventory(more_yaml=account)) == expected
