"""Source addresses of a role, in its trust policy and in what binds its sessions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from access.compile import compile_plan
from access.plan_json import plan_json
from config.load import load_inventory

Inventory = Callable[..., Path]

BOUND = """
roles:
  deploy:
    accounts: [dev, prod]
    trust: [{repository: acme/shop, environments: [production]}]
    inline_policies: [read]
    source_ips: [203.0.113.0/24]
    bind_session: true
    overrides:
      dev: {source_vpces: [vpce-0123456789abcdef0], bind_session: false}
permission_policies:
  read:
    document: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: "*"}]}
"""


def role(folder: Path, account: str) -> dict[str, Any]:
    plan = compile_plan(load_inventory(folder)).plan
    assert plan is not None
    (role,) = next(planned for planned in plan_json(plan)["accounts"] if planned["key"] == account)["roles"]
    return dict(role)


def test_a_bound_session_is_an_inline_policy_like_any_other(write_inventory: Inventory) -> None:
    bound = role(write_inventory(BOUND), "prod")
    assert list(bound["inline_policies"]) == ["bitbucket-oidc-source-addresses", "read"]
    (deny,) = bound["inline_policies"]["bitbucket-oidc-source-addresses"]["Statement"]
    assert (deny["Effect"], deny["Condition"]["NotIpAddress"]) == ("Deny", {"aws:SourceIp": ["203.0.113.0/24"]})


def test_an_override_sets_endpoints_and_leaves_sessions_free(write_inventory: Inventory) -> None:
    free = role(write_inventory(BOUND), "dev")
    assert list(free["inline_policies"]) == ["read"]
    conditions = [statement["Condition"] for statement in free["trust_policy"]["Statement"]]
    assert ["aws:SourceIp" in str(condition) for condition in conditions] == [True, False]
    assert ["aws:SourceVpce" in str(condition) for condition in conditions] == [False, True]


def test_the_order_of_endpoints_means_nothing(write_inventory: Inventory) -> None:
    texts = []
    for endpoints in ("vpce-0123456789abcdef0, vpce-01234567", "vpce-01234567, vpce-0123456789abcdef0"):
        roles = BOUND.replace("bind_session: true", f"source_vpces: [{endpoints}]")
        texts.append(str(role(write_inventory(roles), "prod")))
    assert texts[0] == texts[1]
