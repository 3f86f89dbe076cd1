"""After every up, the emulated accounts have exactly what the plan says, however the inventory came to be as it is."""

import itertools
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from access.managed_by import default_tags
from access.plan import AccountPlan, OidcProviderPlan, RolePlan
from facts.issuer.certificates import fetch_thumbprints
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.engine_choice import EngineName
from sandbox.run import Action
from sandbox.session import PROJECT, STACK, Session
from tests.sandbox.inventory_sequences import ACCOUNTS, sequence
from tests.sandbox.running_engine import RunningEngine, running_engines

STEPS = 6
OURS = default_tags(f"{PROJECT}/{STACK}")
DEPLOYS_TO = {"Deploy", "One", "Two"}
"""Roles that the accounts have of their own."""

Found = dict[str, Any]


@pytest.mark.parametrize("seed", range(2))
def test_the_accounts_have_what_the_plan_says_and_a_second_up_does_nothing(seed: int, tmp_path: Path) -> None:
    inventories = sequence(seed, tmp_path)
    with running_engines(next(inventories), tmp_path, EngineName.BUILTIN) as (engine,):
        for inventory in itertools.islice(sequence(seed, tmp_path), STEPS):
            engine.act(Action.UP, inventory)
            found, expected = found_in_aws(engine), wanted(engine, inventory)
            leave_out_what_aws_chooses(found, expected)
            assert found == expected, inventory.read_text()
            assert engine.act(Action.UP, inventory).changes is False, inventory.read_text()
        engine.act(Action.DESTROY, inventory)
        assert all(not found["roles"] for found in found_in_aws(engine).values())


def wanted(engine: RunningEngine, inventory: Path) -> dict[str, Found]:
    with engine.session(inventory) as session:
        thumbprints = fetched_thumbprints(session)
        plans = {account.id: account for account in session.subject.plan.accounts}
        return {one["id"]: account_of(plans.get(one["id"]), thumbprints) for one in ACCOUNTS.values()}


def fetched_thumbprints(session: Session) -> dict[str, str]:
    urls = session.subject.plan.issuers_to_fetch()
    return {
        str(url): str(one) for url, one in fetch_thumbprints(urls, connect=session.bitbucket.issuer_connect).items()
    }


def account_of(plan: AccountPlan | None, fetched: dict[str, str]) -> Found:
    if plan is None:
        return {"roles": {}, "oidc_providers": {}}
    made = [one for one in plan.oidc_providers if one.mode != "reference"]
    return {
        "roles": {role.name: role_of(role) for role in plan.roles},
        "oidc_providers": {one.arn: oidc_provider_of(one, fetched) for one in made},
    }


def role_of(role: RolePlan) -> Found:
    return {
        "arn": role.arn,
        "description": role.description or None,
        "seconds": role.max_session_duration,
        "trust": role.trust_policy.to_json(),
        "inline": {name: policy.to_json() for name, policy in role.inline_policies.items()},
        "managed": list(role.managed_policy_arns),
        "boundary": role.permissions_boundary_arn,
        "tags": {**OURS, **role.tags},
    }


def oidc_provider_of(one: OidcProviderPlan, fetched: dict[str, str]) -> Found:
    lists: dict[str, Any] = {"fetch": [fetched.get(one.url)], "omit": None}
    return {
        "audiences": sorted(one.audiences),
        "thumbprints": lists[one.thumbprints] if isinstance(one.thumbprints, str) else list(one.thumbprints),
        "tags": {**OURS, **one.tags},
    }


def leave_out_what_aws_chooses(found: dict[str, Found], expected: dict[str, Found]) -> None:
    """Thumbprints that the inventory leaves out are AWS's: its own choice, or those from before."""
    for account, one in expected.items():
        for arn, oidc_provider in one["oidc_providers"].items():
            if oidc_provider["thumbprints"] is None:
                found[account]["oidc_providers"][arn]["thumbprints"] = None


def found_in_aws(engine: RunningEngine) -> dict[str, Found]:
    with closing(RootUsers(engine.aws.endpoint)) as roots:
        return {one["id"]: account_in_aws(roots.client(one["id"])) for one in ACCOUNTS.values()}


def account_in_aws(iam: Any) -> Found:
    names = [role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"] not in DEPLOYS_TO]
    arns = [one["Arn"] for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    oidc_providers = {arn: oidc_provider_in_aws(iam, arn) for arn in arns}
    return {
        "roles": {name: role_in_aws(iam, name) for name in names},
        # One that is only referenced was there before.
        "oidc_providers": {arn: one for arn, one in oidc_providers.items() if one["tags"]},
    }


def role_in_aws(iam: Any, name: str) -> Found:
    role = iam.get_role(RoleName=name)["Role"]
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {
        "arn": role["Arn"],
        "description": role.get("Description") or None,
        "seconds": role["MaxSessionDuration"],
        "trust": role["AssumeRolePolicyDocument"],
        "inline": {one: iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"] for one in policies},
        "managed": sorted(one["PolicyArn"] for one in attached),
        "boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "tags": tags_of(iam.list_role_tags(RoleName=name)),
    }


def oidc_provider_in_aws(iam: Any, arn: str) -> Found:
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return {
        "audiences": sorted(found["ClientIDList"]),
        "thumbprints": found["ThumbprintList"],
        "tags": tags_of(found),
    }


def tags_of(answer: Found) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}
