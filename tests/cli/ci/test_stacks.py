"""ci stacks in a clone: the stacks that a branch changes, and the config files written for them."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cli.main import run
from config.project_file import PROJECT
from config.stack_file import parse_stack_file
from oidc.errors import UsageError
from tests.cli.ci.conftest import stack_file
from tests.git_repository import git

Inventory = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

ROLES = """
roles:
  d: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}
  p: {accounts: [prod, data], trust: [{repository: acme/shop, environments: [production]}]}
"""


@pytest.fixture
def clone(write_inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of two stacks, whose target branch is `target`."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.chdir(tmp_path)
    write_inventory(ROLES)
    (tmp_path / "Pulumi.yaml").write_text("name: bitbucket-aws-oidc\n")
    stack_file(tmp_path, "dev", "dev")
    stack_file(tmp_path, "prod", "prod", "da*")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "tag", "target")
    return tmp_path


def named(capsys: Capture, *options: str) -> list[str]:
    assert run(["ci", "stacks", *options]) == 0
    return capsys.readouterr().out.split()


def changes(capsys: Capture) -> dict[str, str]:
    assert run(["ci", "stacks", "--base", "target", "--format", "json"]) == 0
    return {stack["stack"]: stack["change"] for stack in json.loads(capsys.readouterr().out)}


def test_without_a_base_all_stacks_are_printed(clone: Path, capsys: Capture) -> None:
    assert named(capsys) == ["dev", "prod"]


def test_an_account_with_roles_that_no_stack_takes_is_a_note(clone: Path, capsys: Capture) -> None:
    assert run(["ci", "stacks", "--base", "target"]) == 0
    assert "in no stack" not in capsys.readouterr().err
    stack_file(clone, "prod", "prod")
    (clone / "Pulumi.other.yaml").write_text(f"config: {{'{PROJECT}:inventory': inventory}}\n")
    assert run(["ci", "stacks"]) == 0
    assert "in no stack" not in capsys.readouterr().err
    (clone / "Pulumi.other.yaml").unlink()
    for command in (["--base", "target"], []):
        assert run(["ci", "stacks", *command]) == 0
        told = (
            "note: account data is in no stack, so no `up` deploys there; add the key to `accounts` of a stack file\n"
        )
        assert told in capsys.readouterr().err
    stack_file(clone, "prod", "dev")
    assert run(["ci", "stacks"]) == 0
    assert "note: accounts data, prod are in no stack" in capsys.readouterr().err


def test_a_branch_that_changes_only_a_comment_changes_no_stack(
    clone: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    write_inventory(ROLES.replace("p: {", "# a comment\n  p: {"))
    assert named(capsys, "--base", "target") == []
    assert changes(capsys) == {"dev": "unchanged", "prod": "unchanged"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("d: {", "d: {max_session_duration: 2h, ", ["dev"]),
        ("p: {", "p: {tags: {A: b}, ", ["prod"]),
        ("accounts: [dev]", "accounts: [dev, data]", ["prod"]),
        ("roles:", "defaults: {deploy_role: 'arn:{{partition}}:iam::{{account_id}}:role/R'}\nroles:", ["dev", "prod"]),
    ],
)
def test_a_stack_changes_with_the_plan_of_its_own_accounts(
    clone: Path, write_inventory: Inventory, capsys: Capture, *, old: str, new: str, expected: list[str]
) -> None:
    write_inventory(ROLES.replace(old, new, 1))
    assert named(capsys, "--base", "target") == expected


def test_a_stack_changes_with_its_accounts_and_settings(clone: Path, capsys: Capture) -> None:
    stack_file(clone, "dev", "dev", "data")
    assert named(capsys, "--base", "target") == ["dev"]
    stack_file(clone, "dev", "dev", protectOidcProviders=True)
    assert named(capsys, "--base", "target") == ["dev"]


def test_plan_shows_the_digests_of_the_stacks_that_use_its_inventory(clone: Path, capsys: Capture) -> None:
    stack_file(clone, "else", "dev", inventory="elsewhere")
    stack_file(clone, "dev", "dev", protectOidcProviders=True)
    assert run(["plan", "--format", "digests"]) == 0
    digests = json.loads(capsys.readouterr().out)
    shutil.copytree(clone / "inventory", clone / "elsewhere")
    assert run(["ci", "stacks", "--format", "json"]) == 0
    expected = {stack["stack"]: stack["digest"] for stack in json.loads(capsys.readouterr().out)}
    del expected["else"]
    assert {stack["stack"]: stack["digest"] for stack in digests["stacks"]} == expected
    assert [account["key"] for account in digests["accounts"]] == ["data", "dev", "prod"]
    accounts = [[account["key"] for account in stack["accounts"]] for stack in digests["stacks"]]
    assert accounts == [["dev"], ["data", "prod"]]
    unprotected, protected = digests["accounts"][1]["digest"], digests["stacks"][0]["accounts"][0]["digest"]
    assert unprotected != protected
    (clone / "Pulumi.prod.yaml").unlink()
    assert run(["plan"]) == 0
    shown = capsys.readouterr().out
    data, _, prod = digests["accounts"]
    rows = [line.strip("│ ").split("│") for line in shown.partition("digests of what is reviewed")[2].splitlines()]
    shown_digests = [(of.strip(), digest.strip()) for of, digest in (row for row in rows if len(row) == 2)]
    assert shown_digests == [
        ("stack dev", expected["dev"]),
        ("account dev", protected),
        ("account data", data["digest"]),
        ("account prod", prod["digest"]),
        ("the whole", digests["whole"]),
    ]
    assert unprotected not in shown


def test_plan_as_json_needs_no_stack_file(clone: Path, capsys: Capture) -> None:
    stack_file(clone, "dev", "nobody")
    assert run(["plan", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == {"accounts"}
    assert run(["plan"]) == 2
    assert "Pulumi.dev.yaml: accounts: `nobody` is not an account of the inventory" in capsys.readouterr().err


@pytest.mark.parametrize("value", [True, "true"])
def test_the_reviewed_digest_is_written_and_does_not_change_the_stack(
    clone: Path, capsys: Capture, *, value: object
) -> None:
    stack_file(clone, "dev", "dev", protectOidcProviders=True)
    git(clone, "commit", "-q", "-a", "-m", "protected")
    git(clone, "tag", "-f", "target")
    stack_file(clone, "dev", "dev", protectOidcProviders=value, reviewedPlan="sha256:" + "0" * 64)
    assert changes(capsys) == {"dev": "unchanged", "prod": "unchanged"}
    assert named(capsys, "--config-files", "files") == ["dev", "prod"]
    assert f"reviewedPlan: sha256:{'0' * 64}" in (clone / "files" / "Pulumi.dev.yaml").read_text()


@pytest.mark.parametrize(
    ("setting", "do"),
    [({"protectOidcProviders": "yes"}, "write true or false"), ({"issuerTimeoutSeconds": "2.5"}, "a whole number")],
)
def test_a_setting_that_the_program_would_refuse_is_refused(
    clone: Path, capsys: Capture, setting: dict[str, object], do: str
) -> None:
    stack_file(clone, "dev", "dev", **setting)
    assert run(["ci", "stacks"]) == 2
    assert do in capsys.readouterr().err


def test_a_new_stack_is_reported_and_a_removed_one_is_printed_with_the_defaults(clone: Path, capsys: Capture) -> None:
    (clone / "Pulumi.yaml").write_text("name: bitbucket-aws-oidc\nconfig: {protectOidcProviders: {default: true}}\n")
    git(clone, "commit", "-q", "-a", "-m", "a default")
    git(clone, "tag", "-f", "target")
    (clone / "Pulumi.dev.yaml").rename(clone / "Pulumi.test.yaml")
    assert run(["ci", "stacks", "--base", "target", "--config-files", "files", "--inventory", "inventory"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "dev\n"
    config = yaml.safe_load((clone / "files" / "Pulumi.dev.yaml").read_text())["config"]
    assert config == {
        f"{PROJECT}:inventory": str(clone / "inventory"),
        f"{PROJECT}:protectOidcProviders": True,
    }
    assert "stack test is new" in captured.err
    assert "stack dev no longer has a file" in captured.err
    assert changes(capsys) == {"dev": "removed", "prod": "unchanged", "test": "added"}


def test_findings_of_level_error_end_the_command(clone: Path, write_inventory: Inventory, capsys: Capture) -> None:
    write_inventory(ROLES.replace("production", "prodution"))
    assert run(["ci", "stacks", "--base", "target", "--config-files", "files"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("error[unknown-environment]") == 2
    assert not (clone / "files").exists()


def test_if_the_inventory_of_the_target_has_errors_every_stack_is_printed(
    clone: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    write_inventory(ROLES.replace("production", "prodution"))
    git(clone, "commit", "-q", "-a", "-m", "broken")
    git(clone, "tag", "-f", "target")
    write_inventory(ROLES)
    assert run(["ci", "stacks", "--base", "target"]) == 0
    captured = capsys.readouterr()
    assert captured.out.split() == ["dev", "prod"]
    assert "stacks dev, prod cannot be compared with target: target:inventory/base.yaml:" in captured.err


def test_a_branch_can_repair_a_faulty_stack_file_of_the_target(clone: Path, capsys: Capture) -> None:
    stack_file(clone, "dev", "gone")
    (clone / "Pulumi.a b.yaml").write_text("")
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-a", "-m", "broken")
    git(clone, "tag", "-f", "target")
    stack_file(clone, "dev", "dev")
    (clone / "Pulumi.a b.yaml").unlink()
    assert run(["ci", "stacks", "--base", "target"]) == 0
    captured = capsys.readouterr()
    assert captured.out.split() == ["dev"]
    assert (
        "stack dev cannot be compared with target: target:Pulumi.dev.yaml: accounts: `gone` is not an account"
        in captured.err
    )


def test_only_known_keys_of_a_stack_file_of_the_branch_are_written(clone: Path, capsys: Capture) -> None:
    path = clone / "Pulumi.dev.yaml"
    path.write_text("encryptionsalt: of the target\n" + path.read_text())
    git(clone, "commit", "-q", "-a", "-m", "salted")
    git(clone, "tag", "-f", "target")
    path.write_text(
        "secretsprovider: awskms://theirs\nenvironment: [theirs]\nconfig:\n  bitbucket-aws-oidc:accounts: [dev, data]\n"
        "  bitbucket-aws-oidc:awsEndpoint: http://127.0.0.1:1\n  aws:region: x\n  pulumi:tags: {}\n"
    )
    assert run(["ci", "stacks", "--base", "target", "--config-files", "files"]) == 0
    captured = capsys.readouterr()
    assert captured.out.split() == ["dev"]
    assert [path.name for path in (clone / "files").iterdir()] == ["Pulumi.dev.yaml"]
    assert yaml.safe_load((clone / "files" / "Pulumi.dev.yaml").read_text()) == {
        "encryptionsalt": "of the target",
        "config": {f"{PROJECT}:accounts": ["dev", "data"], f"{PROJECT}:inventory": str(clone / "inventory")},
    }
    assert captured.err.count("is left out") == 3


@pytest.mark.parametrize("folder", [".", "inventory/.."])
def test_the_stack_files_of_the_project_are_never_overwritten(clone: Path, folder: str) -> None:
    before = (clone / "Pulumi.dev.yaml").read_text()
    assert run(["ci", "stacks", "--config-files", folder]) == 2
    assert (clone / "Pulumi.dev.yaml").read_text() == before


def test_a_project_may_be_in_a_subfolder(clone: Path, capsys: Capture) -> None:
    (clone / "infra").mkdir()
    git(clone, "mv", "Pulumi.dev.yaml", "Pulumi.prod.yaml", "Pulumi.yaml", "inventory", "infra")
    git(clone, "commit", "-q", "-m", "moved")
    git(clone, "tag", "-f", "target")
    assert named(capsys, "--base", "target", "--project", "infra") == []
    stack_file(clone / "infra", "dev", "prod")
    assert named(capsys, "--base", "target", "--project", "infra") == ["dev"]


@pytest.mark.parametrize("path", ["/etc", "../elsewhere", "inventory/../../x", "link"])
@pytest.mark.parametrize("key", ["inventory", "guardrails"])
def test_a_stack_file_cannot_lead_out_of_the_project(clone: Path, path: str, key: str, capsys: Capture) -> None:
    (clone / "link").symlink_to("/etc")
    stack_file(clone, "dev", "dev", **{key: path})
    assert run(["ci", "stacks", "--base", "target"]) == 2
    assert "leads out of the project" in capsys.readouterr().err


def test_a_stack_file_that_is_a_link_is_refused(clone: Path, capsys: Capture) -> None:
    (clone / "Pulumi.x.yaml").symlink_to("/etc/passwd")
    assert run(["ci", "stacks"]) == 2
    assert "is not a regular file" in capsys.readouterr().err


def test_an_unknown_account_is_reported_with_the_stack_file(clone: Path, capsys: Capture) -> None:
    stack_file(clone, "dev", "dve")
    assert run(["ci", "stacks"]) == 2
    expected = "error: Pulumi.dev.yaml: accounts: `dve` is not an account of the inventory; did you mean `dev`?\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("name", ["a b", "$(touch x)", "a;b", "-", "-x", "..", "a\nb", "ü", "a" * 101, "`x`", "'"])
def test_stack_names_that_a_shell_would_interpret_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        parse_stack_file(f"Pulumi.{name}.yaml", b"", "x")


@pytest.mark.parametrize(
    "text",
    [
        b"[",
        b"\xff\xfe\x00",
        b"[]",
        b"config: []",
        b"config: 0",
        b"config: {1: 2}",
        b"config: {'bitbucket-aws-oidc:inventory': {secure: AAA}}",
        b"config: {'bitbucket-aws-oidc:protectOidcProviders': [[]]}",
        b"a: &a [x]\nb: &b [*a, *a]\nconfig: {'bitbucket-aws-oidc:accounts': [*b, *b]}",
        b"x" * 1_000_001,
        b"[" * 100_000,
    ],
)
def test_an_invalid_stack_file_is_one_line_of_error(text: bytes) -> None:
    with pytest.raises(UsageError) as raised:
        parse_stack_file("Pulumi.dev.yaml", text, "Pulumi.dev.yaml")
    assert "\n" not in str(raised.value)


def test_the_written_keys_are_those_of_the_project(project_folder: Path) -> None:
    declared = set(yaml.safe_load((project_folder / "Pulumi.yaml").read_text())["config"])
    config = {f"{PROJECT}:{key}": "x" for key in declared}
    kept = parse_stack_file("Pulumi.x.yaml", yaml.safe_dump({"config": config}).encode(), "x").settings
    assert declared - kept.keys() == {"awsEndpoint", "issuerConnect"}


@pytest.mark.parametrize(
    ("settings", "options", "code"),
    [
        ({}, [], 0),
        ({"inventory": "./inventory/"}, [], 0),
        ({"inventory": "hidden"}, [], 2),
        ({"guardrails": "rules.yaml"}, [], 2),
        ({"guardrails": "rules.yaml"}, ["--guardrails", "rules.yaml"], 0),
        ({}, ["--guardrails", "rules.yaml"], 2),
    ],
)
def test_a_stack_with_an_unreviewed_inventory_or_guardrails_is_refused(
    clone: Path, settings: dict[str, str], options: list[str], code: int, capsys: Capture
) -> None:
    shutil.copytree(clone / "inventory", clone / "hidden")
    (clone / "rules.yaml").write_text("guardrails: {rules: {short: {max_session_duration: 12h}}}\n")
    stack_file(clone, "dev", "dev", **settings)
    stack_file(clone, "prod", "prod", **(settings if "guardrails" in settings else {}))
    assert run(["ci", "stacks", "--inventory", "inventory", *options, "--config-files", "files"]) == code
    captured = capsys.readouterr()
    assert (clone / "files").exists() is (code == 0)
    assert ("the stack uses" in captured.err) is (code == 2), captured.err


def test_an_inventory_is_judged_with_the_guardrails_that_its_stack_files_name(
    clone: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    write_inventory(ROLES, rules_yaml="guardrails: {rules: {short: {max_session_duration: 12h}}}\n")
    for stack in ("dev", "prod"):
        stack_file(clone, stack, stack, guardrails="inventory/rules.yaml")
    assert named(capsys) == ["dev", "prod"]
    stack_file(clone, "dev", "dev")
    assert run(["ci", "stacks"]) == 1
    assert "error[guardrails-elsewhere]" in capsys.readouterr().err


def test_links_of_a_branch_are_not_followed_when_writing(clone: Path) -> None:
    (clone / "files").mkdir()
    (clone / "theirs").write_text("theirs")
    (clone / "files" / "Pulumi.dev.yaml").symlink_to(clone / "theirs")
    assert run(["ci", "stacks", "--config-files", "files"]) == 0
    assert (clone / "theirs").read_text() == "theirs"
    assert not (clone / "files" / "Pulumi.dev.yaml").is_symlink()
    (clone / "linked").symlink_to(clone / "files")
    assert run(["ci", "stacks", "--config-files", "linked"]) == 2


def test_a_folder_with_the_file_of_another_stack_is_refused(clone: Path, capsys: Capture) -> None:
    (clone / "files").mkdir()
    stack_file(clone / "files", "gone", "dev")
    assert run(["ci", "stacks", "--config-files", "files"]) == 2
    assert "already has Pulumi.gone.yaml" in capsys.readouterr().err


def test_a_project_without_stack_files_is_reported(clone: Path, capsys: Capture) -> None:
    (clone / "empty").mkdir()
    assert run(["ci", "stacks", "--project", "empty"]) == 0
    assert capsys.readouterr() == ("", "note: there is no file Pulumi.STACK.yaml in empty\n")
