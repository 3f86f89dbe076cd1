"""A family is what its roles would be, each written out; a pair is two roles; neither depends on how it is written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.compile import compile_plan
from access.plan_json import plan_json
from config.findings import has_errors
from config.load import load_inventory

REPOSITORIES, ENVIRONMENTS = ("acme/a", "acme/b", "beta/c"), ("staging", "Production EU", "q.a")
AXES = st.tuples(
    st.permutations(REPOSITORIES).flatmap(lambda drawn: st.integers(1, 3).map(lambda size: tuple(drawn[:size]))),
    st.permutations(ENVIRONMENTS).flatmap(lambda drawn: st.integers(1, 3).map(lambda size: tuple(drawn[:size]))),
)
IN_A_FOLDER = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def uuid(number: int) -> str:
    return f"{{00000000-0000-4000-8000-{number:012}}}"


def repository(number: int) -> dict[str, Any]:
    environments = {name: uuid(10 * number + index) for index, name in enumerate(ENVIRONMENTS, 1)}
    return {"uuid": uuid(10 * number), "environments": environments}


BASE: dict[str, Any] = {
    "workspaces": {
        "acme": {"uuid": uuid(1), "repositories": {"a": repository(1), "b": repository(2)}},
        "beta": {"uuid": uuid(2), "repositories": {"c": repository(3)}},
    },
    "accounts": {
        f"account-{index}": {"id": f"{index:012}", "labels": {"env": name}}
        for index, name in enumerate(ENVIRONMENTS, 1)
    },
}


def policy(*resources: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": [f"arn:aws:s3:::{name}" for name in resources],
    }
    return {"document": {"Version": "2012-10-17", "Statement": [statement]}}


def family(repositories: tuple[str, ...], environments: tuple[str, ...]) -> dict[str, Any]:
    return {
        "for_each": {"repository": list(repositories), "environment": list(environments)},
        "name": "deploy-{{repository_name}}",
        "path": "/ci/{{repository}}/",
        "description": "{{repository}} to {{environment}} in {{account}}",
        "accounts": {"labels": {"env": "{{environment}}"}},
        "trust": [{"repository": "{{repository}}", "environments": ["{{environment}}"]}],
        "inline_policies": ["bucket"],
        "tags": {"For": "{{environment}}"},
        "overrides": {"account-*": {"owner": "team {{repository_name}}"}},
    }


def by_hand(repositories: tuple[str, ...], environments: tuple[str, ...]) -> dict[str, Any]:
    """Return the same roles, each written out."""
    roles = {}
    for name in repositories:
        slug = name.partition("/")[2]
        for environment in environments:
            roles[f"{slug}-{environment}".replace(" ", "_")] = {
                "name": f"deploy-{slug}",
                "path": f"/ci/{name}/",
                "description": f"{name} to {environment} in {{{{account}}}}",
                "accounts": {"labels": {"env": environment}},
                "trust": [{"repository": name, "environments": [environment]}],
                "inline_policies": [f"bucket-{slug}-{environment}".replace(" ", "_")],
                "tags": {"For": environment},
                "overrides": {"account-*": {"owner": f"team {slug}"}},
            }
    return roles


def policies_by_hand(repositories: tuple[str, ...], environments: tuple[str, ...]) -> dict[str, Any]:
    return {
        f"bucket-{name.partition('/')[2]}-{environment}".replace(" ", "_"): policy(
            f"{name.partition('/')[2]}/{environment}", name
        )
        for name in repositories
        for environment in environments
    }


SHARED = {"bucket": policy("{{repository_name}}/{{environment}}", "{{repository}}")}


def plan(folder: Path, **sections: Any) -> dict[str, Any]:
    (folder / "inventory.yaml").write_text(yaml.safe_dump(BASE | sections, sort_keys=False))
    compiled = compile_plan(load_inventory(folder))
    # Families of some of the repositories leave others unused, and plan roles are wide: neither matters here.
    assert not has_errors(compiled.findings)
    assert compiled.plan is not None
    return plan_json(compiled.plan)


def roles_of(plan_json: dict[str, Any]) -> dict[str, Any]:
    return {role["key"]: role for account in plan_json["accounts"] for role in account["roles"]}


def unnamed(plan_json: dict[str, Any]) -> list[Any]:
    """Return every role without its key and the names of its inline policies, which differ by hand."""
    return sorted(
        (
            role
            | {
                "key": "",
                "inline_policies": sorted(json.dumps(document) for document in role["inline_policies"].values()),
            }
            for role in roles_of(plan_json).values()
        ),
        key=lambda role: str(role["arn"]),
    )


@IN_A_FOLDER
@given(AXES)
def test_a_family_is_its_roles_written_out(tmp_path: Path, axes: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    short = plan(tmp_path, roles={"deploy": family(*axes)}, permission_policies=SHARED)
    long = plan(tmp_path, roles=by_hand(*axes), permission_policies=policies_by_hand(*axes))
    assert len(unnamed(short)) == len(axes[0]) * len(axes[1])
    assert unnamed(short) == unnamed(long)


@IN_A_FOLDER
@given(AXES, st.randoms(use_true_random=False))
def test_the_order_of_items_changes_no_byte(tmp_path: Path, axes: tuple[tuple[str, ...], ...], rng: Any) -> None:
    roles = {"deploy": family(*axes)}
    again = {"deploy": family(*(tuple(rng.sample(axis, len(axis))) for axis in axes))}
    assert json.dumps(plan(tmp_path, roles=roles, permission_policies=SHARED)) == json.dumps(
        plan(tmp_path, roles=again, permission_policies=SHARED)
    )


@IN_A_FOLDER
@given(AXES)
def test_a_further_item_touches_no_other_role(tmp_path: Path, axes: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    few = roles_of(plan(tmp_path, roles={"deploy": family(*axes)}, permission_policies=SHARED))
    many = roles_of(plan(tmp_path, roles={"deploy": family(REPOSITORIES, ENVIRONMENTS)}, permission_policies=SHARED))
    assert {key: many[key] for key in few} == few
    assert few.keys() == {f"deploy[{name}, {environment}]" for name in axes[0] for environment in axes[1]}


def pair(**plan_role: Any) -> dict[str, Any]:
    return {
        "accounts": ["account-1", "account-2"],
        "owner": "team-core",
        "description": "Deploys",
        "expires": "2999-12-31",
        "source_ips": ["203.0.113.0/24"],
        "tags": {"Service": "a"},
        "trust": [{"repository": "acme/a", "environments": ["staging"]}],
        "managed_policies": ["aws:AmazonECS_FullAccess"],
        "overrides": {
            "account-2": {"max_session_duration": "2h", "managed_policies": [], "owner": "two", "description": "Not"}
        },
        "plan_role": {
            "trust": [{"repository": "acme/a", "steps": "outside_environments"}],
            "managed_policies": ["aws:ReadOnlyAccess"],
        } | plan_role,
    }  # fmt: skip


def test_a_pair_is_two_roles_written_out(tmp_path: Path) -> None:
    own = {"owner": "everybody", "path": "/look/", "tags": {"Reads": "all"}, "description": "Shows"}
    short = plan(tmp_path, roles={"deploy": pair(**own)})
    deploy = {name: value for name, value in pair().items() if name != "plan_role"}
    look = deploy | pair(**own)["plan_role"] | {"overrides": {"account-2": {"max_session_duration": "2h"}}}
    assert short == plan(tmp_path, roles={"deploy": deploy, "deploy-plan": look})


def test_a_plan_role_takes_neither_description_nor_permissions_from_its_role(tmp_path: Path) -> None:
    accounts = plan(tmp_path, roles={"deploy": pair()})["accounts"]
    looks = [next(role for role in account["roles"] if role["key"] == "deploy-plan") for account in accounts[:2]]
    assert [role["description"] for role in looks] == [None, None]
    assert [role["managed_policy_arns"] for role in looks] == [["arn:aws:iam::aws:policy/ReadOnlyAccess"]] * 2
    assert [role["owner"] for role in looks] == ["team-core", "two"]
    assert {role["expires"] for role in looks} == {"2999-12-31"}


def test_a_plan_role_may_have_no_policies(tmp_path: Path) -> None:
    by_key = roles_of(plan(tmp_path, roles={"deploy": pair(managed_policies=[])}))
    assert by_key["deploy-plan"]["managed_policy_arns"] == []


def test_the_variable_role_is_the_family_key(tmp_path: Path) -> None:
    trust = [{"repository": "{{repository}}", "steps": "outside_environments"}]
    entry = family(("acme/a",), ("staging",)) | {
        "plan_role": {"trust": trust, "inline_policies": ["own"]},
        "inline_policies": ["own"],
    }
    by_key = roles_of(plan(tmp_path, roles={"deploy": entry}, permission_policies={"own": policy("{{role}}")}))
    resources = {key: role["inline_policies"]["own"]["Statement"][0]["Resource"] for key, role in by_key.items()}
    assert resources == {
        "deploy[acme/a, staging]": ["arn:aws:s3:::deploy"],
        "deploy-plan[acme/a, staging]": ["arn:aws:s3:::deploy-plan"],
    }


def test_one_allow_is_for_all_roles_of_a_family_and_its_plan_roles(write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory("""
roles:
  deploy:
    for_each: {environment: [staging, production]}
    name: "deploy-{{environment}}"
    accounts: [prod]
    trust: [{repository: acme/shop, environments: ["{{environment}}"]}]
    expires: 2020-12-31
    plan_role:
      trust: [{repository: acme/shop, steps: outside_environments}]
      managed_policies: []
    allow: {expired: "kept for the auditors", production-outside-environments: it may do nothing}
""")
    compiled = compile_plan(load_inventory(folder))
    assert compiled.findings == ()
    assert [silenced.finding.path for silenced in compiled.silenced] == [
        "roles.deploy.expires",
        "roles.deploy.plan_role.trust[0].steps",
    ]


def test_an_override_may_be_for_the_accounts_of_one_role_of_a_family(tmp_path: Path) -> None:
    entry = family(("acme/a",), ENVIRONMENTS) | {"overrides": {"account-1": {"owner": "one"}}}
    by_key = roles_of(plan(tmp_path, roles={"deploy": entry}, permission_policies=SHARED))
    assert {key: role["owner"] for key, role in by_key.items() if role["owner"]} == {"deploy[acme/a, staging]": "one"}


def test_an_override_for_a_role_that_is_left_out_for_its_item_is_no_second_finding(
    write_inventory: Callable[..., Path],
) -> None:
    roles = """
roles:
  deploy:
    for_each: {environment: [production, stagin]}
    accounts: ["{{environment}}-*"]
    trust: [{repository: acme/shop, environments: ["{{environment}}"]}]
    overrides: {stagin-main: {owner: team-core}}
"""
    accounts = 'accounts: {production-main: {id: "333333333333"}, stagin-main: {id: "444444444444"}}'
    findings = compile_plan(load_inventory(write_inventory(roles, more_yaml=accounts))).findings
    assert [(finding.rule, finding.path) for finding in findings] == [
        ("unknown-environment", "roles.deploy.for_each.environment[1]")
    ]
