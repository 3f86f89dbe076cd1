"""The plan is what the inventory says, for each account, with nothing added."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from access.compile import compile_plan
from access.plan_json import plan_json
from config.load import load_inventory

Inventory = Callable[..., Path]


def plan(folder: Path) -> dict[str, Any]:
    compiled = compile_plan(load_inventory(folder))
    assert compiled.plan is not None, compiled.findings
    return {account["key"]: account for account in plan_json(compiled.plan)["accounts"]}


def role(folder: Path, account: str, key: str) -> dict[str, Any]:
    return next(candidate for candidate in plan(folder)[account]["roles"] if candidate["key"] == key)


def subjects(role: dict[str, Any]) -> list[list[str]]:
    return [next(iter(s["Condition"]["StringLike"].values())) for s in role["trust_policy"]["Statement"]]


def audiences(role: dict[str, Any]) -> list[Any]:
    return [next(iter(s["Condition"]["StringEquals"].values())) for s in role["trust_policy"]["Statement"]]


def test_two_issuers_get_a_statement_each(write_inventory: Inventory) -> None:
    folder = write_inventory("""
roles:
  load:
    accounts: [data]
    trust:
      - {repository: other/tool, steps: outside_environments}
      - {repository: acme/shop, environments: [production, staging]}
      - {repository: acme/site, steps: all_including_environments}
""")
    planned = role(folder, "data", "load")
    assert subjects(planned) == [
        [
            "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}:*",
            "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}:{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}:*",
            "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}:{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}:*",
        ],
        ["{2a3b4c5d-6e7f-4081-92a3-b4c5d6e7f809}:{????????-????-????-????-????????????}"],
    ]
    assert planned["grade"] == "repository-wide"
    assert [provider["workspace"] for provider in plan(folder)["data"]["oidc_providers"]] == ["acme", "other"]


def test_entries_with_different_audiences_never_share_a_statement(write_inventory: Inventory) -> None:
    folder = write_inventory("""
roles:
  tool:
    accounts: [dev]
    trust:
      - {repository: other/tool, steps: outside_environments, audiences: [sts.amazonaws.com]}
      - {repository: other/tool, steps: all_including_environments}
""")
    planned = role(folder, "dev", "tool")
    pairs = list(zip(audiences(planned), subjects(planned), strict=True))
    assert pairs == [
        (
            "ari:cloud:bitbucket::workspace/f4e3d2c1-b0a9-4887-9665-544332211a08",
            ["{2a3b4c5d-6e7f-4081-92a3-b4c5d6e7f809}:*"],
        ),
        ("sts.amazonaws.com", ["{2a3b4c5d-6e7f-4081-92a3-b4c5d6e7f809}:{????????-????-????-????-????????????}"]),
    ]
    assert plan(folder)["dev"]["oidc_providers"][0]["audiences"] == [
        "ari:cloud:bitbucket::workspace/f4e3d2c1-b0a9-4887-9665-544332211a08",
        "sts.amazonaws.com",
    ]


def test_a_declared_audience_is_not_accepted_unless_a_trust_names_it(write_inventory: Inventory) -> None:
    folder = write_inventory(
        "roles: {t: {accounts: [dev], trust: [{repository: other/tool, steps: outside_environments}]}}"
    )
    assert audiences(role(folder, "dev", "t")) == [
        "ari:cloud:bitbucket::workspace/f4e3d2c1-b0a9-4887-9665-544332211a08"
    ]


TRUST = "trust: [{repository: acme/shop, environments: [production]}]"


@pytest.mark.parametrize(
    ("accounts", "selected"),
    [
        ("[dev]", ["dev"]),
        ('["*"]', ["data", "dev", "prod"]),
        ('["d*", prod]', ["data", "dev", "prod"]),
        ("{labels: {env: prod}}", ["data", "prod"]),
        ("{labels: {env: prod, team: core}}", ["prod"]),
        ("{labels: {env: prod}, exclude: [data]}", ["prod"]),
        ('{labels: {env: prod}, exclude: ["legacy-*"]}', ["data", "prod"]),
    ],
)
def test_accounts_are_selected(write_inventory: Inventory, accounts: str, selected: list[str]) -> None:
    accounts_planned = plan(write_inventory(f"roles: {{r: {{accounts: {accounts}, {TRUST}}}}}"))
    assert [key for key, account in accounts_planned.items() if account["roles"]] == selected


def test_an_override_replaces_and_never_merges(write_inventory: Inventory) -> None:
    folder = write_inventory(f"""
defaults: {{tags: {{Team: core}}, max_session_duration: 90m, path: /ci/}}
roles:
  r:
    accounts: [dev, prod]
    {TRUST}
    managed_policies: ["aws:ReadOnlyAccess"]
    tags: {{Service: shop}}
    max_session_duration: 2h
    overrides:
      prod:
        managed_policies: ["account:team/{{{{account}}}}-x"]
        tags: {{Tier: "1"}}
        path: /prod/
        max_session_duration: 5400
""")
    dev, prod = role(folder, "dev", "r"), role(folder, "prod", "r")
    assert dev["managed_policy_arns"] == ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    assert prod["managed_policy_arns"] == ["arn:aws:iam::222222222222:policy/team/prod-x"]
    assert (dev["tags"], prod["tags"]) == ({"Service": "shop", "Team": "core"}, {"Team": "core", "Tier": "1"})
    assert (dev["max_session_duration"], prod["max_session_duration"]) == (7200, 5400)
    assert (dev["arn"], prod["arn"]) == ("arn:aws:iam::111111111111:role/ci/r", "arn:aws:iam::222222222222:role/prod/r")


def test_variables_are_replaced_and_those_of_iam_left_alone(write_inventory: Inventory) -> None:
    folder = write_inventory(
        f"""
roles: {{r: {{accounts: [prod], {TRUST}, inline_policies: [p], description: "{{{{role}}}} of {{{{account}}}}"}}}}
permission_policies:
  p:
    document:
      Version: 2012-10-17
      Statement:
        - Effect: Allow
          Action: "ssm:GetParameter"
          Resource: "arn:{{{{partition}}}}:ssm:{{{{region}}}}:{{{{account_id}}}}:parameter/${{aws:PrincipalTag/team}}/*"
"""
    )
    planned = role(folder, "prod", "r")
    assert planned["description"] == "r of prod"
    assert planned["inline_policies"]["p"]["Statement"][0]["Resource"] == (
        "arn:aws:ssm:eu-west-1:222222222222:parameter/${aws:PrincipalTag/team}/*"
    )
    assert planned["inline_policies"]["p"]["Version"] == "2012-10-17"


def test_expiry_and_addresses_reach_the_trust_policy(write_inventory: Inventory) -> None:
    limits = 'expires: 2031-01-31, source_ips: ["203.0.113.7", "198.51.100.0/24"]'
    folder = write_inventory(f"roles: {{r: {{accounts: [dev], {TRUST}, {limits}}}}}")
    condition = role(folder, "dev", "r")["trust_policy"]["Statement"][0]["Condition"]
    assert condition["DateLessThan"] == {"aws:CurrentTime": "2031-02-01T00:00:00Z"}
    assert condition["IpAddress"] == {"aws:SourceIp": ["198.51.100.0/24", "203.0.113.7/32"]}


def test_a_whole_workspace_is_graded_so(write_inventory: Inventory) -> None:
    folder = write_inventory("""
roles:
  cache:
    accounts: [dev]
    expires: 2031-01-31
    trust: [{dangerously_whole_workspace: {workspace: acme, reason: Every build reads the cache}}]
""")
    planned = role(folder, "dev", "cache")
    assert planned["grade"] == "workspace-wide"
    assert subjects(planned) == [["{????????-????-????-????-????????????}:*"]]


def test_kept_oidc_providers_are_planned_without_roles(write_inventory: Inventory) -> None:
    folder = write_inventory(more_yaml='accounts: {extra: {id: "333333333333", keep_oidc_providers: [other]}}')
    assert [provider["workspace"] for provider in plan(folder)["extra"]["oidc_providers"]] == ["other"]


@pytest.mark.parametrize("partition", ["aws-us-gov", "aws-cn", "aws-eusc"])
def test_other_partitions_have_their_own_arns(write_inventory: Inventory, partition: str) -> None:
    folder = write_inventory(
        f'roles: {{r: {{accounts: [gov], {TRUST}, managed_policies: ["aws:ReadOnlyAccess"]}}}}',
        more_yaml=f'accounts: {{gov: {{id: "333333333333", partition: {partition}}}}}',
    )
    planned = role(folder, "gov", "r")
    assert planned["managed_policy_arns"] == [f"arn:{partition}:iam::aws:policy/ReadOnlyAccess"]
    assert planned["arn"].startswith(f"arn:{partition}:iam::333333333333:role/")
    assert f"arn:{partition}:iam::333333333333:oidc-provider/" in str(planned["trust_policy"])


@pytest.mark.parametrize(
    ("account", "defaults", "expected"),
    [
        ("", "", (None, None)),
        ("", "deploy_role: 'arn:{{partition}}:iam::{{account_id}}:role/D'", ("arn:aws:iam::333333333333:role/D", None)),
        ("profile: p", "deploy_role: 'arn:{{partition}}:iam::{{account_id}}:role/D'", (None, "p")),
        ("profile: p, deploy_role: 'arn:aws:iam::333333333333:role/E'", "", ("arn:aws:iam::333333333333:role/E", "p")),
    ],
)
def test_how_an_account_is_entered(
    tmp_path: Path, account: str, defaults: str, expected: tuple[str | None, str | None]
) -> None:
    comma = ", " if account else ""
    (tmp_path / "i.yaml").write_text(
        f'accounts: {{x: {{id: "333333333333"{comma}{account}}}}}\n'
        + (f"defaults: {{{defaults}}}\n" if defaults else "")
    )
    compiled = compile_plan(load_inventory(tmp_path))
    assert compiled.plan is not None, compiled.findings
    access = compiled.plan.accounts[0].access
    assert (access.role_arn, access.profile) == expected
