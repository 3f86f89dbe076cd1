"""snippet prints the pipeline of a repository, names each choice, and asks for nothing else than the repository."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from access.compile import compile_plan
from cli.main import run
from config.load import load_inventory
from tests.pipelines_schema import PIPELINES_SCHEMA
from tests.project.pages import PROJECT

Inventory = Callable[..., Path]
Snippet = Callable[..., dict[str, Any]]
TWO = (
    "roles: {r: {accounts: [dev, prod], trust: [{repository: acme/shop, environments: [production]}]}, "
    "q: {accounts: [prod], trust: [{repository: acme/shop, environments: [production]}]}}\n"
)
WHOLE = """
roles:
  deploy:
    for_each: {repository: [acme/shop], environment: [staging, production]}
    accounts: ["*"]
    name: "{{repository_name}}-{{environment}}"
    trust: [{repository: "{{repository}}", environments: ["{{environment}}"]}]
    plan_role:
      managed_policies: ["aws:ReadOnlyAccess"]
      trust: [{repository: "{{repository}}", steps: outside_environments}]
  tool: {accounts: [dev], trust: [{repository: other/tool, steps: outside_environments}]}
"""


@pytest.fixture
def snippet(capsys: pytest.CaptureFixture[str]) -> Snippet:
    def of(*arguments: str) -> dict[str, Any]:
        assert run(["snippet", *arguments]) == 0
        pipelines: dict[str, Any] = yaml.safe_load(capsys.readouterr().out)["pipelines"]
        known = deepcopy(pipelines)
        for item in [*known["branches"]["main"], *known.get("pull-requests", {}).get("**", ())]:
            # The schema does not know `oidc: audiences:` yet.
            item["step"]["oidc"] = bool(item["step"]["oidc"])
        jsonschema.Draft7Validator(PIPELINES_SCHEMA).validate({"pipelines": known})
        return pipelines

    return of


def arns(steps: list[dict[str, Any]]) -> list[tuple[str | None, str]]:
    """Return for each step its deployment environment, and account and name of its role."""
    found = []
    for item in steps:
        (line,) = (line for line in item["step"]["script"] if line.startswith("export AWS_ROLE_ARN="))
        found.append((item["step"].get("deployment"), line.removeprefix("export AWS_ROLE_ARN=arn:aws:iam::")))
    return found


def test_a_repository_gets_each_environment_with_its_role_and_the_plan_roles_on_pull_requests(
    write_inventory: Inventory, snippet: Snippet
) -> None:
    pipelines = snippet(str(write_inventory(WHOLE)), "--repository", "acme/shop", "--account", "prod")
    assert arns(pipelines["branches"]["main"]) == [
        ("staging", "222222222222:role/bitbucket/shop-staging"),
        ("production", "222222222222:role/bitbucket/shop-production"),
    ]
    assert arns(pipelines["pull-requests"]["**"]) == [
        (None, "222222222222:role/bitbucket/shop-staging-plan"),
        (None, "222222222222:role/bitbucket/shop-production-plan"),
    ]


@pytest.mark.parametrize("role", ["deploy", "deploy*", "shop-*"])
def test_a_family_gives_its_roles_of_the_repository(write_inventory: Inventory, snippet: Snippet, role: str) -> None:
    inventory = str(write_inventory(WHOLE))
    whole = snippet(inventory, "--repository", "acme/shop", "--account", "prod")
    assert snippet(inventory, "--role", role, "--account", "prod") == whole


def test_a_plan_role_alone_is_on_main(write_inventory: Inventory, snippet: Snippet) -> None:
    pipelines = snippet(str(write_inventory(WHOLE)), "--role", "shop-production-plan", "--account", "prod")
    assert arns(pipelines["branches"]["main"]) == [(None, "222222222222:role/bitbucket/shop-production-plan")]
    assert "pull-requests" not in pipelines


def test_an_environment_gives_its_step_and_the_plan_role(write_inventory: Inventory, snippet: Snippet) -> None:
    pipelines = snippet(str(write_inventory(WHOLE)), "--environment", "prod*", "--account", "prod")
    assert [environment for environment, _ in arns(pipelines["branches"]["main"])] == ["production"]
    assert len(pipelines["pull-requests"]["**"]) == 1


def test_the_account_with_the_stage_in_its_name_is_chosen_and_the_others_are_named(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["snippet", str(write_inventory(WHOLE)), "--repository", "acme/shop"]) == 0
    out = capsys.readouterr().out
    production = out.index("name: shop-production to production")
    chosen = out.rindex("# Chosen: deploy[acme/shop, production] in prod. It is also in\n", 0, production)
    assert "dev: --account chooses.\n" in out[chosen:production]


def test_what_the_user_names_needs_no_comment(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["snippet", str(write_inventory(TWO)), "--role", "q"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "Chosen" not in captured.out


def test_several_roles_are_named_in_a_comment(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["snippet", str(write_inventory(TWO))]) == 0
    out = " ".join(capsys.readouterr().out.replace("#", "").split())
    assert "Chosen: q in prod. The step may also assume r in prod, r in dev: --role and --account choose." in out


def test_the_narrowest_trust_is_chosen_and_wider_trust_serves_the_other_environments(
    write_inventory: Inventory, snippet: Snippet
) -> None:
    roles = (
        "roles: {a: {accounts: [prod], trust: [{repository: acme/shop, steps: all_including_environments}]}, "
        "b: {accounts: [prod], trust: [{repository: acme/shop, environments: [production]}]}} # staging\n"
    )
    assert arns(snippet(str(write_inventory(roles)), "--repository", "acme/shop")["branches"]["main"]) == [
        (None, "222222222222:role/bitbucket/a"),
        ("staging", "222222222222:role/bitbucket/a"),
        ("production", "222222222222:role/bitbucket/b"),
    ]


def test_of_two_roles_the_one_of_a_pair_is_chosen(write_inventory: Inventory, snippet: Snippet) -> None:
    plan_role = "{managed_policies: [], trust: [{repository: acme/shop, steps: outside_environments}]}"
    folder = write_inventory(TWO.replace("r: {", f"r: {{plan_role: {plan_role}, ", 1))
    pipelines = snippet(str(folder), "--account", "prod")
    assert arns(pipelines["branches"]["main"]) == [("production", "222222222222:role/bitbucket/r")]
    assert arns(pipelines["pull-requests"]["**"]) == [(None, "222222222222:role/bitbucket/r-plan")]


def test_an_environment_without_a_role_is_said(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    inventory = str(write_inventory(f"{TWO}# staging\n"))
    assert run(["snippet", inventory, "--repository", "acme/shop", "--quiet"]) == 0
    assert capsys.readouterr().err == "note: no role trusts steps of acme/shop in staging\n"


@pytest.mark.parametrize("name", ["wide", "families", "two-accounts", "acme"])
def test_the_pipeline_of_each_repository_passes_the_schema_and_check_pipeline(
    name: str, snippet: Snippet, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    inventory = PROJECT / "tests" / "fixtures" / "inventories" / name
    plan = compile_plan(load_inventory(inventory)).plan
    assert plan is not None
    lines = [line for account in plan.accounts for role in account.roles for line in role.trust if not line.renamed_to]
    repositories = {f"{line.workspace}/{line.repository}" for line in lines if line.repository is not None}
    assert repositories
    file = tmp_path / "bitbucket-pipelines.yml"
    for repository in sorted(repositories):
        for style in ("web-identity", "explicit", "pipe", "ecr-image"):
            assert snippet(str(inventory), "--repository", repository, "--style", style)
            assert run(["snippet", str(inventory), "--repository", repository, "--style", style]) == 0
            file.write_text(capsys.readouterr().out)
            run(["check-pipeline", str(file), "--inventory", str(inventory), "--repository", repository])
            findings = [line for line in capsys.readouterr().err.splitlines() if line.startswith(str(file))]
            assert [line for line in findings if "expired: the last day was" not in line] == [], repository


def test_a_role_past_its_last_day_is_the_last_choice(write_inventory: Inventory, snippet: Snippet) -> None:
    folder = write_inventory(TWO.replace("q: {", "q: {expires: 2020-01-31, "))
    (step,) = snippet(str(folder))["branches"]["main"]
    assert arns([step]) == [("production", "222222222222:role/bitbucket/r")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--account", "dev"], "which repository? add --repository: acme/shop, other/tool"),
        (["--account", "data", "--role", "tool"], "no role matches --account data --role tool together"),
        (["--account", "prd"], "--account: `prd` matches nothing in the plan; did you mean `prod`?"),
        (["--repository", "acme/shp"], "`acme/shp` matches nothing in the plan; did you mean `acme/shop`?"),
        (
            ["--role", "tool", "--repository", "acme/shop"],
            "no role matches --role tool --repository acme/shop together",
        ),
    ],
)
def test_what_is_missing_or_unknown_is_said(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert run(["snippet", str(write_inventory(WHOLE)), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err


def test_accounts_without_roles_and_environments_without_a_match_are_said(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["snippet", str(write_inventory(TWO)), "--account", "data"]) == 2
    assert "these accounts have no roles" in capsys.readouterr().err
    wide = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, steps: all_including_environments}]}}\n"
    assert run(["snippet", str(write_inventory(wide)), "--environment", "x*"]) == 2
    assert "acme/shop has no deployment environment that matches --environment 'x*'" in capsys.readouterr().err


def test_a_wholly_trusted_workspace_needs_the_repository(
    write_inventory: Inventory, snippet: Snippet, capsys: pytest.CaptureFixture[str]
) -> None:
    trust = "{dangerously_whole_workspace: {workspace: acme, reason: tests}}"
    roles = f"roles: {{r: {{accounts: [dev], expires: 2099-01-31, trust: [{trust}]}}}}\n"
    inventory = str(write_inventory(roles))
    assert run(["snippet", inventory]) == 2
    assert "add --repository acme/REPOSITORY: the role trusts each of this workspace" in capsys.readouterr().err
    steps = snippet(inventory, "--repository", "acme/any", "--environment", "here")["branches"]["main"]
    assert [environment for environment, _ in arns(steps)] == ["here"]


def test_a_previous_slug_leads_to_the_present_one(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_inventory(TWO)
    base = folder / "base.yaml"
    base.write_text(
        base.read_text().replace("  acme:\n", "  acme:\n    previous_slugs: {old: {expires: 2099-01-31}}\n", 1)
    )
    assert run(["snippet", str(folder), "--repository", "old/shop"]) == 2
    assert "old is now acme; write --repository acme/shop" in capsys.readouterr().err
