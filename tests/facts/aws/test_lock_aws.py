"""`bitbucket-oidc lock --aws`: what the accounts answer comes into the lock, and from there into the plan."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from access.compile import compile_plan
from access.deploy_policy import reading_policy
from access.plan import AccessPlan
from cli.main import run
from config.load import load_inventory
from oidc.arn import Partition
from oidc.identifiers import AccountId
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers
from tests.conftest import WORKSPACES
from tests.facts.aws.conftest import AUDIENCE
from tests.facts.aws.existing_iam import by_root, make_oidc_provider, trusting

Write = Callable[..., Path]

ROLE = """
roles:
  deploy: {accounts: ["*"], trust: [{repository: acme/shop, environments: [production]}]}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an inventory of one role in some accounts."""

    def write(*accounts: str, more: str = "defaults: {oidc_provider: auto}\n", roles: str = ROLE) -> Path:
        folder = tmp_path / "inventory"
        folder.mkdir(exist_ok=True)
        entries = "".join(["accounts:\n" if accounts else "", *(f"  {account}\n" for account in accounts)])
        (folder / "all.yaml").write_text(f"{WORKSPACES}{entries}{more}{roles}")
        return folder

    return write


Lock = Callable[..., int]


@pytest.fixture
def lock(emulated: EmulatedAws) -> Lock:
    def lock(folder: Path, *options: str) -> int:
        return run(["lock", str(folder), "--only", "accounts", "--aws-endpoint", emulated.endpoint, *options])

    return lock


def plan_of(folder: Path) -> AccessPlan:
    compiled = compile_plan(load_inventory(folder))
    assert compiled.plan is not None, compiled.findings
    return compiled.plan


def text_of(folder: Path) -> str:
    return (folder / "inventory.lock.yaml").read_text()


def test_auto_depends_on_the_oidc_providers_of_each_account(
    lock: Lock, write: Write, logged_in: str, iam: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make_oidc_provider(iam, AUDIENCE, "foreign", ManagedBy="Terraform")
    folder = write(f'prod: {{id: "{logged_in}"}}')
    assert run(["validate", str(folder)]) == 1
    assert "needs-lock" in capsys.readouterr().err
    assert lock(folder) == 0
    captured = capsys.readouterr()
    assert "+ account prod, OIDC provider of workspace acme, use: now reference" in captured.out
    assert "is written" in captured.err
    assert "these are emulated AWS accounts, not real ones; do not commit the lock" in captured.err
    (oidc_provider,) = plan_of(folder).accounts[0].oidc_providers
    assert (oidc_provider.mode, oidc_provider.audiences) == ("reference", (AUDIENCE, "foreign"))


def test_a_second_run_changes_nothing_and_check_agrees(
    lock: Lock, write: Write, logged_in: str, iam: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(f'prod: {{id: "{logged_in}"}}')
    assert lock(folder) == 0
    first = text_of(folder)
    assert lock(folder) == 0
    assert text_of(folder) == first
    assert lock(folder, "--check") == 0
    iam.create_role(RoleName="Deploy", AssumeRolePolicyDocument=by_root(logged_in))
    capsys.readouterr()
    assert lock(folder, "--check", "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["agrees"], report["written"], report["failed"]) == (False, False, [])
    assert [change["message"] for change in report["changes"]] == [
        f"account prod, roles, deploy: now arn:aws:iam::{logged_in}:role/Deploy"
    ]
    assert text_of(folder) == first


def test_the_result_of_auto_changes_only_if_accepted(
    lock: Lock, write: Write, logged_in: str, iam: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(f'prod: {{id: "{logged_in}"}}')
    assert lock(folder) == 0
    assert "use: create" in text_of(folder)
    make_oidc_provider(iam, AUDIENCE, Owner="somebody")
    before = text_of(folder)
    assert lock(folder) == 1
    err = capsys.readouterr().err
    assert "error[auto-changed] accounts.prod: oidc_provider: auto means adopt for the OIDC provider of" in err
    assert "workspace acme (was create)" in err
    assert "--accept account:prod/acme" in err
    assert text_of(folder) == before
    assert lock(folder, "--accept", "account:prod/acme") == 0
    assert "use: adopt" in text_of(folder)


def test_an_account_that_does_not_answer_keeps_what_the_lock_has(
    lock: Lock, write: Write, logged_in: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(f'prod: {{id: "{logged_in}"}}')
    assert lock(folder) == 0
    entry = text_of(folder).partition("accounts:")[2].partition("answers:")[0]
    folder = write(f'prod: {{id: "{logged_in}"}}', 'other: {id: "999999999999", profile: gone}')
    assert lock(folder) == 3
    err = capsys.readouterr().err
    assert "error: account other: profile gone: The config profile (gone) could not be found" in err
    assert "the lock keeps its old entries for it" in err
    assert entry in text_of(folder)
    assert lock(folder, "--check", "--format", "json") == 3


def test_without_any_answer_nothing_is_written(
    lock: Lock, write: Write, account: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(f'prod: {{id: "{account}"}}')
    assert lock(folder) == 3
    assert capsys.readouterr().err.endswith("inventory.lock.yaml is not changed: accounts did not answer\n")
    assert not (folder / "inventory.lock.yaml").exists()


def test_boundaries_that_are_missing_stop_the_plan(
    lock: Lock, write: Write, logged_in: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(f'prod: {{id: "{logged_in}"}}', more="defaults: {permissions_boundary: account:gone}\n")
    assert lock(folder) == 0
    assert run(["validate", str(folder)]) == 1
    assert "missing-policy" in capsys.readouterr().err


def test_an_audience_is_not_added_before_open_roles_are_accepted(
    lock: Lock, write: Write, logged_in: str, iam: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make_oidc_provider(iam, "other", ManagedBy="bitbucket-aws-oidc")
    iam.create_role(RoleName="legacy", AssumeRolePolicyDocument=trusting(logged_in, {}))
    create = "defaults: {oidc_provider: create}\n"
    folder = write(f'prod: {{id: "{logged_in}"}}', more=create)
    assert lock(folder) == 0
    assert run(["validate", str(folder)]) == 1
    assert "accept_unchecked_roles: {legacy: WHY}" in capsys.readouterr().err
    write(f'prod: {{id: "{logged_in}", accept_unchecked_roles: {{legacy: "is deleted in March"}}}}', more=create)
    assert run(["validate", str(folder)]) == 0


def test_the_quotas_of_aws_apply_if_the_inventory_has_none(lock: Lock, write: Write, logged_in: str) -> None:
    folder = write(f'prod: {{id: "{logged_in}"}}')
    lock(folder)
    assert "trust_policy_chars: 2048" in text_of(folder)
    assert load_inventory(folder).inventory.accounts["prod"].quotas.oidc_providers == 100


@pytest.mark.parametrize("endpoint", ["https://sts.amazonaws.com", "http://example.org:80", "http://localhost:1"])
def test_an_endpoint_that_is_not_on_this_machine_is_wrong_usage(
    write: Write, account: str, capsys: pytest.CaptureFixture[str], endpoint: str
) -> None:
    folder = write(f'prod: {{id: "{account}"}}')
    assert run(["lock", str(folder), "--only", "accounts", "--aws-endpoint", endpoint]) == 2
    assert "is not on this machine" in capsys.readouterr().err


def test_an_unknown_name_to_accept_is_wrong_usage(
    lock: Lock, write: Write, account: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lock(write(f'prod: {{id: "{account}"}}'), "--accept", "account:prod/acm") == 2
    assert "did you mean `account:prod/acme`?" in capsys.readouterr().err


def test_without_botocore_the_error_is_one_line(
    lock: Lock, write: Write, account: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.extras._is_installed", lambda name: name != "botocore")
    assert lock(write(f'prod: {{id: "{account}"}}')) == 2
    assert capsys.readouterr().err == (
        "error: lock --aws needs the Python package botocore, which is not installed; "
        "install this project with its extra `aws`: bitbucket-aws-oidc[aws]\n"
    )


SELECTED = """
accounts_from:
  organization:
    ou: [Workloads]
    exclude: [sandbox]
defaults: {oidc_provider: auto}
"""


def make_organization(roots: RootUsers, account: str) -> Callable[..., str]:
    client = roots.client(account, "organizations")
    (root,) = client.list_roots()["Roots"]
    unit = client.create_organizational_unit(ParentId=root["Id"], Name="Workloads")["OrganizationalUnit"]["Id"]

    def add(name: str, **tags: str) -> str:
        made = client.create_account(AccountName=name, Email=f"{name}@example.org")["CreateAccountStatus"]
        number = str(made["AccountId"])
        client.move_account(AccountId=number, SourceParentId=root["Id"], DestinationParentId=unit)
        client.tag_resource(ResourceId=number, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        return number

    return add


def test_the_plan_takes_accounts_of_an_organization_only_from_the_lock(
    lock: Lock, write: Write, logged_in: str, roots: RootUsers, capsys: pytest.CaptureFixture[str]
) -> None:
    add = make_organization(roots, logged_in)
    shop, _sandbox = add("Shop (prod)", env="prod"), add("Sandbox")
    folder = write(more=SELECTED, roles=ROLE.replace('["*"]', "{labels: {env: prod}}"))
    assert run(["validate", str(folder)]) == 1
    err = capsys.readouterr().err
    assert (err.count("error["), err.count("error[needs-lock]")) == (1, 1)
    # The new account cannot be entered with these credentials, and is in the lock all the same.
    assert lock(folder) == 3
    captured = capsys.readouterr()
    assert f"the credentials belong to account {logged_in}, not to {shop}" in captured.err
    assert f"+ selected account shop-prod, account id: now {shop}" in captured.out
    accounts = load_inventory(folder).inventory.accounts
    assert {key: (account.id, account.labels) for key, account in accounts.items()} == {
        "shop-prod": (shop, {"env": "prod"})
    }
    add("Site", env="prod")
    assert list(load_inventory(folder).inventory.accounts) == ["shop-prod"]
    assert lock(folder, "--check") == 3
    assert "+ selected account site, name: now Site" in capsys.readouterr().out


def test_a_changed_selection_needs_a_new_lock(
    lock: Lock, write: Write, logged_in: str, roots: RootUsers, capsys: pytest.CaptureFixture[str]
) -> None:
    make_organization(roots, logged_in)("Shop")
    folder = write(more=SELECTED)
    assert lock(folder) == 3
    write(more=SELECTED.replace("exclude: [sandbox]", "nested: false"))
    assert run(["validate", str(folder)]) == 1
    assert "the lock answers an earlier form of it" in capsys.readouterr().err


def test_a_reading_role_is_enough(
    lock: Lock, write: Write, logged_in: str, iam: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = f"arn:aws:iam::{logged_in}:role/ci/PulumiDeploy"
    iam.create_role(RoleName="PulumiDeploy-reading", Path="/ci/", AssumeRolePolicyDocument=by_root(logged_in))
    document = reading_policy(Partition.AWS, AccountId(logged_in)).text
    iam.put_role_policy(RoleName="PulumiDeploy-reading", PolicyName="reads", PolicyDocument=document)
    folder = write(f'prod: {{id: "{logged_in}", deploy_role: "{arn}"}}')
    assert lock(folder) == 3
    assert "AWS refused AssumeRole" in capsys.readouterr().err
    assert lock(folder, "--reading-role", "PulumiDeploy-reading") == 0
    assert capsys.readouterr().err.count("note:") == 1  # that the accounts are emulated
    assert lock(folder, "--reading-role", arn) == 2


def test_a_reading_role_for_accounts_that_only_a_profile_enters_is_a_note(
    lock: Lock, write: Write, account: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = f"aws_access_key_id = {account}\naws_secret_access_key = test\n"
    (tmp_path / "AWS_CONFIG_FILE").write_text(f"[profile mine]\n{keys}")
    folder = write(f'prod: {{id: "{account}", profile: mine}}')
    assert lock(folder) == 0
    assert "--reading-role" not in capsys.readouterr().err
    assert lock(folder, "--reading-role", "PulumiDeploy-reading") == 0
    assert "note: prod: without `deploy_role` the profile decides the role" in capsys.readouterr().err
    assert lock(folder, "--deploying-role", f"arn:aws:iam::{account}:role/PulumiDeploy") == 2
    assert "--deploying-role arn:aws:iam::" in capsys.readouterr().err
