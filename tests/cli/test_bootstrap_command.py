"""bootstrap prints a template or an SCP and nothing else; what it cannot make comes back as one line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import run

Inventory = Callable[..., Path]
DEFAULTS = """
defaults:
  deploy_role: "arn:{{partition}}:iam::{{account_id}}:role/Deploy"
  permissions_boundary: account:boundary
"""
ROLES = """
roles:
  r: {accounts: ["*"], trust: [{repository: acme/shop, environments: [production]}],
      managed_policies: ["aws:ReadOnlyAccess"],
      overrides: {prod: {managed_policies: ["aws:AmazonECS_FullAccess"]}}}
"""
HUB = ("--hub-role", "arn:aws:iam::999999999999:role/runner", "--organization", "o-a1b2c3d4e5")


@pytest.fixture
def folder(write_inventory: Inventory) -> str:
    return str(write_inventory(DEFAULTS, ROLES))


def test_yaml_and_json_are_the_same_template(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bootstrap", folder, *HUB]) == 0
    text = capsys.readouterr().out
    assert "&id" not in text
    assert run(["bootstrap", folder, *HUB, "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert yaml.safe_load(text) == json.loads(captured.out)
    assert captured.err == "note: these 3 accounts differ: the template lists their ids, and fits no other account\n"


def test_the_linter_of_cloudformation_finds_nothing(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, options in (("all", []), ("one", ["--account", "prod"])):
        assert run(["bootstrap", folder, *HUB, *options]) == 0
        (tmp_path / f"{name}.yaml").write_text(capsys.readouterr().out)
    paths = [str(tmp_path / "all.yaml"), str(tmp_path / "one.yaml")]
    linter = Path(sys.executable).with_name("cfn-lint")
    linted = subprocess.run([linter, *paths], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


def test_accounts_are_chosen_by_key_or_glob(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bootstrap", folder, *HUB, "--account", "d*", "--account", "prod"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["Mappings"]["Accounts"].keys() == {
        "012345678901", "111111111111", "222222222222",
    }  # fmt: skip
    assert run(["bootstrap", folder, *HUB, "--account", "d*"]) == 0
    assert "Mappings" not in yaml.safe_load(capsys.readouterr().out)


def test_the_scp_is_one_json_document_and_needs_no_hub(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bootstrap", folder, "--scp", "--administrator", "arn:aws:iam::*:role/PlatformAdmin"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert {one["Effect"] for one in printed["Statement"]} == {"Deny"}
    assert "arn:aws:iam::*:role/PlatformAdmin" in str(printed["Statement"][1]["Condition"])


def test_roles_without_a_boundary_are_noted(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    without = DEFAULTS.replace("  permissions_boundary: account:boundary\n", "")
    assert run(["bootstrap", str(write_inventory(without, ROLES)), *HUB, "--account", "prod"]) == 0
    assert capsys.readouterr().err == (
        "note: account prod: r without a permissions boundary: "
        "whoever has the deploying role can give them any permission; "
        "write permissions_boundary: account:NAME under defaults\n"
    )


WRONG: dict[str, tuple[list[str], str]] = {
    "no hub": (["--organization", "none"], "which role does Pulumi run as? add --hub-role"),
    "no organization": ([*HUB[:2]], "which organization is the hub in? add --organization"),
    "a user for a hub": (["--hub-role", "arn:aws:iam::999999999999:user/me"], "--hub-role: not the ARN of a role"),
    "everybody for a hub": (["--hub-role", "*"], "--hub-role: not the ARN of a role: *"),
    "a wildcard in the hub": (["--hub-role", "arn:aws:iam::999999999999:role/*"], "--hub-role: not the ARN of a role"),
    "a hub of another partition": (
        ["--hub-role", "arn:aws-cn:iam::999999999999:role/x"], "is in the partition aws-cn, the accounts are in aws",
    ),
    "the hub for previews": ([*HUB, "--preview-role", HUB[1]], "this is the hub's role, which may also deploy"),
    "organization of any name": ([*HUB[:3], "o-*"], "--organization: not the id of an organization: o-*"),
    "an account that is none": ([*HUB, "--account", "prdo"], "nothing in the plan; did you mean `prod`?"),
    "a hostile account": ([*HUB, "--account", "x\x1b[31m\n"], "--account: `x"),
    "everybody an administrator": (
        ["--scp", "--administrator", "arn:aws:iam::*:role/*"], "* alone would exempt everybody",
    ),
    "an administrator elsewhere": (
        ["--scp", "--administrator", "arn:aws-cn:iam::*:role/a"], "is not in the partition aws",
    ),
    "a stack of no name": (["--scp", "--stack", "*"], "--stack: not the name of a stack: *"),
    "checked and deployed": ([*HUB, "--check", "--deploy"], "--check cannot be combined with --deploy; remove one"),
    "deployed as an SCP": ([*HUB, "--scp", "--deploy"], "--deploy cannot be combined with --scp"),
    "through a role without deploying": (
        [*HUB, "--through-role", "Admin"], "--through-role belongs to --deploy; add --deploy, or remove --through-role",
    ),
    "in two ways": (
        [*HUB, "--deploy", "--yes", "--through-role", "Admin", "--through-profiles"],
        "--through-role cannot be combined with --through-profiles",
    ),
    "through an ARN": (
        [*HUB, "--deploy", "--yes", "--through-role", "arn:aws:iam::222222222222:role/Admin"],
        "--through-role arn:aws:iam::222222222222:role/Admin is not the name of a role; write only the name",
    ),
    "through an unset variable": ([*HUB, "--deploy", "--yes", "--through-role", ""], "is not the name of a role"),
    "through absent profiles": (
        [*HUB, "--deploy", "--yes", "--through-profiles"], "account data has no profile in the inventory; leave it out",
    ),
    "three accounts with one's credentials": (
        [*HUB, "--deploy", "--yes"], "the credentials of this environment are for one account, and these are 3",
    ),
    "a region of another partition": (
        [*HUB, "--deploy", "--yes", "--region", "cn-north-1"], "--region cn-north-1 is not a region of the",
    ),
    "no region": ([*HUB, "--deploy", "--yes", "--region", "Frankfurt"], "--region Frankfurt is not a region of"),
    "an endpoint elsewhere": (
        [*HUB, "--deploy", "--yes", "--account", "prod", "--aws-endpoint", "https://aws.example"],
        "--aws-endpoint https://aws.example is not on this machine",
    ),
    "nobody to ask": ([*HUB, "--deploy", "--account", "prod"], "and there is no terminal; add --yes"),
    "a reading role that is one of pipelines": ([*HUB, "--reading-role", "r"], "the reading role cannot be named r"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_one_line(mistake: str, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    options, message = WRONG[mistake]
    assert run(["bootstrap", folder, *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "\x1b" not in captured.err
    assert captured.err.count("\n") == 1


def test_accounts_of_two_partitions_are_refused(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(write_inventory(DEFAULTS, "accounts: {gov: {id: '444444444444', partition: aws-us-gov}}"))
    assert run(["bootstrap", folder, *HUB]) == 1  # of a key twice: the accounts stand in one file here
    capsys.readouterr()
    folder = str(write_inventory(DEFAULTS, gov_yaml="accounts: {gov: {id: '444444444444', partition: aws-us-gov}}\n"))
    assert run(["bootstrap", folder, *HUB]) == 2
    assert (
        "partitions aws, aws-us-gov, which share no organization; choose the accounts of one" in capsys.readouterr().err
    )
    assert run(["bootstrap", folder, "--scp", "--account", "gov"]) == 0
    assert '"arn:aws-us-gov:iam::*:role/Deploy"' in capsys.readouterr().out


def test_a_faulty_inventory_gives_no_template(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_inventory(DEFAULTS, ROLES.replace("production", "prodution"))
    assert run(["bootstrap", str(folder), *HUB]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "unknown-environment" in captured.err


def test_an_outdated_template_is_no_finding_of_the_command_that_makes_the_new_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = Path(__file__).parent.parent / "fixtures" / "faulty" / "template-outdated--another-managed-policy"
    options = ["--hub-role", "arn:aws:iam::999999999999:role/runner", "--organization", "none", "--strict"]
    assert run(["validate", str(folder), "--strict"]) == 1
    capsys.readouterr()
    assert run(["bootstrap", str(folder), *options]) == 0
    captured = capsys.readouterr()
    assert "AmazonECS_FullAccess" in captured.out
    assert "template-outdated" not in captured.err


@pytest.mark.parametrize("boundary", ["account:boundary", "account:ci/boundary"])
def test_a_boundary_that_the_lock_misses_is_made_unless_the_accounts_have_their_own(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str], boundary: str
) -> None:
    arn = f"arn:aws:iam::222222222222:policy/{boundary.partition(':')[2]}"
    roles = ROLES.replace('["*"]', "[prod]")
    folder = write_inventory(DEFAULTS.replace("account:boundary", boundary), roles)
    missing = f'{{id: "222222222222", missing_policies: ["{arn}"]}}'
    (folder / "inventory.lock.yaml").write_text(f"version: 1\naccounts:\n  prod: {missing}\n")
    assert run(["validate", str(folder)]) == 1
    assert "bootstrap" in capsys.readouterr().err
    assert run(["bootstrap", str(folder), *HUB]) == 0
    captured = capsys.readouterr()
    assert "Boundary" in captured.out
    assert "missing-policy" not in captured.err
    assert run(["bootstrap", str(folder), *HUB, "--existing-boundary"]) == 1
    assert "missing-policy" in capsys.readouterr().err


def test_a_managed_policy_that_the_lock_misses_is_a_finding_of_bootstrap(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_inventory(
        DEFAULTS, ROLES.replace('["*"]', "[prod]").replace("aws:AmazonECS_FullAccess", "account:gone")
    )
    missing = '{id: "222222222222", missing_policies: ["arn:aws:iam::222222222222:policy/gone"]}'
    (folder / "inventory.lock.yaml").write_text(f"version: 1\naccounts:\n  prod: {missing}\n")
    assert run(["bootstrap", str(folder), *HUB]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "missing-policy" in captured.err
