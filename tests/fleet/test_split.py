"""A state of many accounts is taken apart into one for each account, without losing or changing a resource."""

import copy
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.split_deployment import Split, accounts_of, split
from oidc.errors import UsageError

PROJECT = "bitbucket-aws-oidc"
SOURCE = "all"
OIDC, ACCOUNT = "bitbucket-aws-oidc:index:BitbucketOidc", "bitbucket-aws-oidc:index:AccountAccess"
ROLE, AWS = "aws:iam/role:Role", "pulumi:providers:aws"
Resource = dict[str, Any]


def urn(kind: str, name: str, stack: str = SOURCE) -> str:
    return f"urn:pulumi:{stack}::{PROJECT}::{kind}::{name}"


ROOT = urn("pulumi:pulumi:Stack", f"{PROJECT}-{SOURCE}")
TOP = urn(OIDC, "bitbucket-oidc")


def arns(accounts: list[str]) -> dict[str, Any]:
    return {name: {key: {"r": f"arn:{key}"} for key in accounts} for name in ("roleArns", "oidcProviderArns")}


def top(accounts: list[str]) -> list[Resource]:
    return [
        {"urn": ROOT, "type": "pulumi:pulumi:Stack", "outputs": {**arns(accounts), "planDigest": "sha256:1"}},
        {"urn": TOP, "type": OIDC, "parent": ROOT, "outputs": arns(accounts)},
        *({"urn": urn(f"{OIDC}${ACCOUNT}", key), "type": ACCOUNT, "parent": TOP} for key in accounts),
    ]


def provider(key: str) -> Resource:
    component = urn(f"{OIDC}${ACCOUNT}", key)
    kind = f"{OIDC}${ACCOUNT}${AWS}"
    return {"urn": urn(kind, key), "type": AWS, "id": f"id-{key}", "custom": True, "parent": component}


@st.composite
def of_account(draw: st.DrawFn, key: str) -> list[Resource]:
    """Draw the resources of an account, parents first: its AWS provider and a tree with dependencies."""
    aws = provider(key)
    resources = [aws]
    for number in range(draw(st.integers(0, 5))):
        earlier = draw(st.sampled_from([aws["parent"], *(entry["urn"] for entry in resources[1:])]))
        kind = earlier.split("::")[2]
        depends = draw(st.lists(st.sampled_from([entry["urn"] for entry in resources]), max_size=2))
        resources.append(
            {
                "urn": urn(f"{kind}${ROLE}", f"{key}/r::{number}"), "type": ROLE, "id": f"{key}-{number}",
                "parent": earlier, "custom": True, "provider": f"{aws['urn']}::{aws['id']}", "dependencies": depends,
                "propertyDependencies": {"role": depends}, "inputs": {"of": depends, "tag": f"{PROJECT}/{SOURCE}"},
                "aliases": [urn(f"{kind}${ROLE}", f"{key}/old")], "delete": draw(st.booleans()),
                **({"deletedWith": depends[0], "replaceWith": depends, "viewOf": depends[0]} if depends else {}),
            }
        )  # fmt: skip
    return resources


@st.composite
def deployments(draw: st.DrawFn) -> dict[str, Any]:
    accounts = draw(st.lists(st.sampled_from(["dev", "prod", "prod-eu", "all", "a.b"]), unique=True, min_size=1))
    queues = [draw(of_account(key)) for key in accounts]
    resources = top(accounts)
    while any(queues):  # the resources of accounts come in any order, those of one account in its order
        number = draw(st.sampled_from([number for number, queue in enumerate(queues) if queue]))
        resources.append(queues[number].pop(0))
    return {"manifest": {"time": "t"}, "secrets_providers": {"type": "passphrase"}, "resources": resources}


@st.composite
def splits(draw: st.DrawFn) -> tuple[dict[str, Any], Split]:
    deployment = draw(deployments())
    moved = draw(st.lists(st.sampled_from([key for key in accounts_of(deployment) if key != SOURCE] or ["none"])))
    return deployment, split(deployment, SOURCE, {key: f"new-{key}" for key in moved})


def back(part: dict[str, Any], stack: str) -> list[Resource]:
    text = json.dumps(part["resources"]).replace(f"urn:pulumi:{stack}::", f"urn:pulumi:{SOURCE}::")
    resources: list[Resource] = json.loads(text.replace(f"Stack::{PROJECT}-{stack}", f"Stack::{PROJECT}-{SOURCE}"))
    return resources


def counted(resources: list[Resource]) -> Counter[str]:
    return Counter(json.dumps(entry, sort_keys=True) for entry in resources if entry["urn"] not in (ROOT, TOP))


@given(splits())
def test_parts_joined_back_give_the_whole(case: tuple[dict[str, Any], Split]) -> None:
    deployment, divided = case
    parts = [back(part, stack) for stack, part in divided.parts.items()] + [divided.rest["resources"]]
    assert sum((counted(part) for part in parts), Counter()) == counted(deployment["resources"])
    for part in parts:
        of_part = [json.dumps(entry, sort_keys=True) for entry in part if entry["urn"] not in (ROOT, TOP)]
        whole = [json.dumps(entry, sort_keys=True) for entry in deployment["resources"]]
        assert [text for text in whole if text in of_part] == of_part  # in the same order
    for name in ("roleArns", "oidcProviderArns"):
        joined = {key: arn for part in parts for key, arn in part[0]["outputs"][name].items()}
        assert joined == deployment["resources"][0]["outputs"][name]
        assert sum(len(part[0]["outputs"][name]) for part in parts) == len(joined)


@given(splits())
def test_each_part_is_complete_and_its_parents_come_first(case: tuple[dict[str, Any], Split]) -> None:
    for part in [*case[1].parts.values(), case[1].rest]:
        seen: set[str] = set()
        for entry in part["resources"]:
            referred = {
                entry.get("parent"),
                entry.get("provider", "").rpartition("::")[0] or None,
                *entry.get("dependencies", ()),
            }
            assert referred - {None} <= seen
            seen.add(entry["urn"])
        assert {key: part[key] for key in ("manifest", "secrets_providers")} == {
            key: case[0][key] for key in ("manifest", "secrets_providers")
        }


@given(splits())
def test_no_urn_of_a_part_names_the_source(case: tuple[dict[str, Any], Split]) -> None:
    for stack, part in case[1].parts.items():
        text = json.dumps(part)
        assert f"urn:pulumi:{SOURCE}::" not in text
        assert f"Stack::{PROJECT}-{SOURCE}" not in text
        assert part["resources"][0]["urn"] == urn("pulumi:pulumi:Stack", f"{PROJECT}-{stack}", stack)
        assert "planDigest" not in part["resources"][0]["outputs"]


@given(deployments(), st.data())
def test_the_deployment_itself_stays_as_it_was(deployment: dict[str, Any], data: st.DataObject) -> None:
    before = copy.deepcopy(deployment)
    split(deployment, SOURCE, {key: key for key in accounts_of(deployment) if data.draw(st.booleans())})
    assert deployment == before


def two(*more: Resource, **changed: Any) -> dict[str, Any]:
    return {"resources": [*top(["dev", "prod"]), provider("dev"), provider("prod"), *more], **changed}


def role(key: str, **changed: Any) -> Resource:
    kind, parent = f"{OIDC}${ACCOUNT}${ROLE}", urn(f"{OIDC}${ACCOUNT}", key)
    aws = provider(key)
    return {
        "urn": urn(kind, f"{key}/r"),
        "type": ROLE,
        "parent": parent,
        "provider": f"{aws['urn']}::{aws['id']}",
        **changed,
    }


SHARED = {"urn": urn(AWS, "default"), "type": AWS, "id": "i", "custom": True, "parent": ROOT}


@pytest.mark.parametrize(
    "more",
    [
        [role("dev", provider=f"{provider('prod')['urn']}::id-prod")],
        [SHARED, role("dev", provider=f"{SHARED['urn']}::i")],
        [role("prod"), role("dev", dependencies=[role("prod")["urn"]])],
        [role("dev"), role("prod", propertyDependencies={"role": [role("dev")["urn"]]})],
        [role("dev"), role("prod", deletedWith=role("dev")["urn"])],
    ],
)
def test_a_resource_that_would_be_needed_in_two_stacks_is_refused(more: list[Resource]) -> None:
    with pytest.raises(UsageError, match="would be in"):
        split(two(*more), SOURCE, {"dev": "dev"})


def test_a_provider_of_nobody_stays_in_the_source() -> None:
    assert SHARED in split(two(SHARED), SOURCE, {"dev": "dev"}).rest["resources"]


def test_pending_operations_are_refused() -> None:
    pending = [{"resource": role("dev"), "type": "creating"}]
    with pytest.raises(UsageError, match=r"pending operations: dev/r \(aws:iam/role:Role\)"):
        split(two(pending_operations=pending), SOURCE, {"dev": "dev"})


def test_a_component_under_a_previous_key_goes_to_the_stack_of_the_present_one() -> None:
    part = split(two(role("dev")), SOURCE, {"dev": "development"}).parts["development"]
    assert accounts_of(part) == ("dev",)
    assert part["resources"][0]["outputs"]["roleArns"] == {"dev": {"r": "arn:dev"}}


def test_without_an_account_to_move_nothing_is_a_part() -> None:
    divided = split(two(), SOURCE, {"none": "none"})
    assert (divided.parts, divided.rest, divided.rest_accounts) == ({}, two(), ("dev", "prod"))
