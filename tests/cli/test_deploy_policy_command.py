"""deploy-policy prints only JSON, for all accounts or for one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import run

Inventory = Callable[..., Path]
ROLE = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}}\n"


def test_every_account_has_its_policy_by_key(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy-policy", str(write_inventory(ROLE))]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == ["data", "dev", "prod"]
    assert printed["dev"]["Version"] == "2012-10-17"


def test_with_account_only_its_document_is_printed(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(write_inventory(ROLE))
    assert run(["deploy-policy", folder]) == 0
    every = json.loads(capsys.readouterr().out)
    assert run(["deploy-policy", folder, "--account", "dev"]) == 0
    assert json.loads(capsys.readouterr().out) == every["dev"]


def test_an_unknown_account_is_wrong_usage(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy-policy", str(write_inventory(ROLE)), "--account", "dve"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "there is no account `dve`; did you mean `dev`?" in captured.err


def test_a_policy_above_the_limit_is_a_list_of_documents(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    trust = "trust: [{repository: acme/shop, environments: [production]}]"
    many = "".join(f"  {'r' * 50}{number}: {{accounts: [dev], path: /, {trust}}}\n" for number in range(80))
    assert run(["deploy-policy", str(write_inventory(f"roles:\n{many}")), "--account", "dev"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert len(printed) > 1
    assert all(document["Statement"] for document in printed)


def test_a_faulty_inventory_prints_no_policy(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy-policy", str(write_inventory(ROLE.replace("production", "prodution")))]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "unknown-environment" in captured.err


def test_reading_policies_need_no_lock(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(write_inventory(ROLE.replace("r:", "r2:"), more_yaml="defaults: {oidc_provider: auto}\n"))
    assert run(["deploy-policy", folder]) == 1
    assert "needs-lock" in capsys.readouterr().err
    assert run(["deploy-policy", folder, "--reading", "--account", "dev"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    sids = [statement["Sid"] for statement in json.loads(captured.out)["Statement"]]
    assert sids == ["IdentifyItself", "ReadAccount", "ReadRoles", "ReadOidcProviders", "ReadPolicies"]


def test_the_policy_for_an_organization_needs_no_account(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(write_inventory(ROLE))
    assert run(["deploy-policy", folder, "--organization"]) == 0
    (statement,) = json.loads(capsys.readouterr().out)["Statement"]
    assert all(action.startswith(("organizations:List", "organizations:Describe")) for action in statement["Action"])
    assert run(["deploy-policy", folder, "--organization", "--account", "dev"]) == 2


def test_a_faulty_inventory_prints_no_reading_policy(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy-policy", str(write_inventory(ROLE.replace("production", "prodution"))), "--reading"]) == 1
    assert capsys.readouterr().out == ""
