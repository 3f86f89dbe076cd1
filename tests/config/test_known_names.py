"""Names that AWS adds to: which known policy or region a name misspells, and which names may be new."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.known_names import SERVICE_LINKED, managed_policies, meant_policy, meant_region, regions

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
