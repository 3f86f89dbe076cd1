"""A stack shows the warnings about its own accounts, and no others."""

from collections.abc import Callable
from pathlib import Path

import pytest

from access.compile import compile_plan
from access.findings_of_stack import findings_of_stack
from config.findings import Finding, Place
from config.load import load_inventory

Inventory = Callable[..., Path]
ROLES = """
roles:
  wide: {accounts: [dev], trust: [{repository: acme/shop, steps: outside_environments}]}
  ends: {accounts: [prod], expires: 2020-01-31, trust: [{repository: acme/shop, environments: [production]}]}
  pair:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
    plan_role: {managed_policies: [], trust: [{repository: acme/shop, steps: all_including_environments}]}
  both:
    accounts: [dev, prod]
    trust: [{repository: acme/shop, environments: [production]}]
    overrides: {dev: {inline_policies: [reads], expires: 2020-02-28}}
permission_policies:
  reads:
    document: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:GetNothing", Resource: "*"}]}
"""


@pytest.fixture
def warnings_of(write_inventory: Inventory) -> Callable[..., set[tuple[str, str]]]:
    def of(text: str, *accounts: str) -> set[tuple[str, str]]:
        compiled = compile_plan(load_inventory(write_inventory(text)))
        assert compiled.plan is not None, compiled.findings
        findings = findings_of_stack(compiled.findings, compiled.plan.only(frozenset(accounts)))
        return {(finding.rule, finding.path) for finding in findings}

    return of


OF_DEV = {
    ("expired", "roles.both.overrides.dev.expires"),
    ("repository-wide-trust", "roles.wide.trust[0].steps"),
    ("unknown-action", "permission_policies.reads.document.Statement[0].Action"),
}
OF_PROD = {
    ("expired", "roles.ends.expires"),
    ("production-outside-environments", "roles.pair.plan_role.trust[0].steps"),
}


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [(("dev",), OF_DEV), (("prod",), OF_PROD), (("dev", "prod"), OF_DEV | OF_PROD), (("data",), set())],
)
def test_warnings_about_roles_and_policies_are_those_of_their_accounts(
    warnings_of: Callable[..., set[tuple[str, str]]], accounts: tuple[str, ...], expected: set[tuple[str, str]]
) -> None:
    assert warnings_of(ROLES, *accounts) == expected


FAMILY = """
roles:
  r:
    for_each: {repository: [acme/shop]}
    accounts: [dev]
    trust: [{repository: "{{repository}}", steps: outside_environments}]
"""


def test_a_warning_about_a_family_is_of_the_accounts_of_its_roles(
    warnings_of: Callable[..., set[tuple[str, str]]],
) -> None:
    assert warnings_of(FAMILY, "dev") == {("repository-wide-trust", "roles.r.trust[0].steps")}
    assert warnings_of(FAMILY, "prod") == set()


@pytest.mark.parametrize(
    ("keys", "concerns_prod"),
    [
        ((), True),
        (("defaults", "source_ips", 0), True),
        (("guardrails", "rules", "everywhere"), True),
        (("accounts", "prod", "quotas"), True),
        (("accounts", "dev"), False),
        (("roles", "wide"), False),
        (("roles", "both", "overrides", "d*", "expires"), False),
        (("roles", "both", "overrides", "p*", "expires"), True),
        (("workspaces", "acme", "audiences"), True),
        (("workspaces", "other"), False),
        (("workspaces", "acme", "repositories", "shop"), True),
        (("workspaces", "acme", "repositories", "unused"), False),
        (("workspaces", "acme", "repositories", "shop", "environments", "staging", "restrictions_checked"), True),
        (("workspaces", "other", "repositories", "tool", "environments", "x"), False),
    ],
)
def test_a_warning_about_anything_else_is_of_the_accounts_that_use_it(
    write_inventory: Inventory, *, keys: tuple[str | int, ...], concerns_prod: bool
) -> None:
    plan = compile_plan(load_inventory(write_inventory(ROLES))).plan
    assert plan is not None
    finding = Finding(Place(0, 1, 1, "x.yaml"), "expired", "", "what", "do", keys)
    assert bool(findings_of_stack([finding], plan.only(frozenset({"prod"})))) is concerns_prod
