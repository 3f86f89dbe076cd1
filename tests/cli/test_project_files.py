"""Comparisons read project and stack files as Pulumi reads them, or refuse."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cli.main import run
from config.project_file import PROJECT, full_key, full_keys, parse_project_file, settings_parts
from config.stack_file import parse_stack_file
from oidc.errors import UsageError
from tests.git_repository import git

Inventory = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

ROLE = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}}\n"
PREVIEW = {"config": {f"{PROJECT}:accounts": '["dev"]'}, "steps": [], "changeSummary": {}}
OF_STACKS = (
    ["ci", "stacks", "--base", "target"],
    ["ci", "stacks"],
    ["plan", "inventory"],
    ["ci", "guard", "preview.txt", "--reviewed", f"sha256:{'0' * 64}"],
)
OF_SIDES = (["diff", "target"], ["ci", "comment", "--base", "target", "--print"])


@pytest.fixture
def clone(write_inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project_folder: Path) -> Path:
    """A clone of one stack, with the project file of this program."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    for name in [name for name in os.environ if name.startswith("BITBUCKET_")]:
        monkeypatch.delenv(name)
    for name, value in {"WORKSPACE": "acme", "REPO_SLUG": "access", "COMMIT": "0123456789ab"}.items():
        monkeypatch.setenv(f"BITBUCKET_{name}", value)
    write_inventory(ROLE).parent.joinpath("preview.txt").write_text(json.dumps(PREVIEW))
    (tmp_path / "Pulumi.yaml").write_bytes((project_folder / "Pulumi.yaml").read_bytes())
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config: {{'{PROJECT}:accounts': [dev]}}\n")
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    git(tmp_path, "tag", "target")
    return tmp_path


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a commit")


def refused(commands: tuple[list[str], ...], capsys: Capture) -> list[str]:
    messages = []
    for command in commands:
        assert run(command) == 2, command
        messages.append(capsys.readouterr().err)
    return messages


def edit_project(folder: Path, **keys: object) -> None:
    """Change keys of the project file; a mapping is merged into the existing one."""
    file = folder / "Pulumi.yaml"
    data = yaml.safe_load(file.read_text())
    for key, value in keys.items():
        data[key] = {**data[key], **value} if isinstance(value, dict) and isinstance(data.get(key), dict) else value
    file.write_text(yaml.safe_dump(data))


ENDINGS = ("Pulumi.json", "Pulumi.dev.json", "Pulumi.yml", "Pulumi.dev.yml", "Pulumi.other.yml", "Pulumi.a.b.json")


@pytest.mark.parametrize("name", ENDINGS)
def test_files_that_pulumi_reads_instead_of_ours_are_refused(clone: Path, name: str, capsys: Capture) -> None:
    (clone / name).write_text("{}")
    for message in refused(OF_STACKS + OF_SIDES, capsys):
        assert name in message
        assert "Pulumi takes Pulumi.json, else Pulumi.yaml, else Pulumi.yml" in message
        assert "the ending .yaml" in message


@pytest.mark.parametrize("name", ENDINGS)
def test_files_that_pulumi_reads_in_a_revision_are_refused(clone: Path, name: str, capsys: Capture) -> None:
    (clone / name).write_text("{}")
    commit(clone)
    git(clone, "tag", "-f", "target")
    (clone / name).unlink()
    commit(clone)
    commands = (
        OF_STACKS[0],
        *OF_SIDES,
        ["diff", "target..HEAD"],
        ["diff", "target...HEAD~1"],
        ["diff", "HEAD", "target"],
    )
    assert all(f"target:{name}" in message or name in message for message in refused(commands, capsys))


def test_files_that_pulumi_reads_in_a_folder_above_are_refused(clone: Path, capsys: Capture) -> None:
    (clone / "infra").mkdir()
    git(clone, "mv", "inventory", "infra/inventory")
    commit(clone)
    (clone / "Pulumi.json").write_text("{}")
    refused((["diff", "HEAD", "--inventory", "infra/inventory"], ["diff", "infra/inventory", "inventory"]), capsys)


SPELLINGS = ("inventory", f"{PROJECT}:inventory", f"{PROJECT}:config:inventory")


@pytest.mark.parametrize("key", SPELLINGS)
def test_each_spelling_of_a_key_is_read(clone: Path, key: str, capsys: Capture) -> None:
    (clone / "other").mkdir()
    (clone / "other" / "base.yaml").write_bytes(
        (clone / "inventory" / "base.yaml")
        .read_bytes()
        .replace(b"environments: [production]", b"steps: all_including_environments")
    )
    (clone / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": {key: "other", f"{PROJECT}:accounts": ["dev"]}}))
    assert run(["ci", "stacks", "--base", "target", "--inventory", "inventory"]) == 2
    assert "the stack uses other" in capsys.readouterr().err
    assert run(["diff", "target", "--exit-code"]) == 1
    assert f"config {PROJECT}:inventory" in " ".join(capsys.readouterr().out.replace("│", "").split())


@pytest.mark.parametrize("pair", [(a, b) for a in SPELLINGS for b in SPELLINGS if a < b])
@pytest.mark.parametrize("file", ["Pulumi.dev.yaml", "Pulumi.yaml"])
def test_two_spellings_of_a_key_are_an_error(clone: Path, file: str, pair: tuple[str, str], capsys: Capture) -> None:
    text = {"name": PROJECT, "config": {pair[0]: "inventory", pair[1]: "other"}}
    (clone / file).write_text(yaml.safe_dump(text))
    for message in refused((*OF_STACKS[:3], *OF_SIDES), capsys):
        assert "are the same key" in message
    commit(clone)
    assert all(
        "are the same key" in message for message in refused((["diff", "target..HEAD"], ["diff", "HEAD"]), capsys)
    )


@pytest.mark.parametrize("key", ["inventory", "accounts", "guardrails"])
@pytest.mark.parametrize("text", ["0o14", "0O14", "+0o1_4", "1e3", "1.5e3", "12e03", "1E+3", ".5e1"])
@pytest.mark.parametrize("file", ["Pulumi.dev.yaml", "Pulumi.yaml"])
def test_text_that_pulumi_reads_as_a_number_is_refused(
    clone: Path, file: str, text: str, key: str, capsys: Capture
) -> None:
    assert yaml.safe_load(text) == text
    value = f"[{text}]" if key == "accounts" else text
    (clone / file).write_text(f"name: {PROJECT}\nconfig: {{{key}: {value}}}\n")
    (clone / "Pulumi.x.yaml").write_text("")
    assert run(["ci", "stacks"]) == 2
    assert f"{text}, which is text here" in capsys.readouterr().err


KEY = st.text("abAB.-_", min_size=1, max_size=8)


@given(KEY, KEY)
def test_spellings_of_a_key_are_equal_as_for_pulumi(namespace: str, name: str) -> None:
    assert full_key(f"{namespace}:config:{name}") == full_key(f"{namespace}:{name}") == f"{namespace}:{name}"
    assert full_key(name) == f"{PROJECT}:{name}"
    for key in (name, f"{namespace}:config:{name}"):
        with pytest.raises(UsageError, match="are the same key"):
            full_keys({key: 1, full_key(key): 2}, "Pulumi.x.yaml")
    assert full_keys({f"{namespace}:config:{name}:x": 1}, "x") == {f"{namespace}:config:{name}:x": 1}


def test_a_new_key_in_the_short_form_is_a_difference() -> None:
    short, full = (
        settings_parts(f"config: {{{key}: [dev]}}".encode()) for key in ("accounts", f"'{PROJECT}:accounts'")
    )
    assert short == full != settings_parts(b"config: {}")


@pytest.mark.parametrize(
    ("key", "declared"),
    [
        ("inventory", {"type": "string", "default": "other"}),
        ("inventory", {"value": "other"}),
        ("inventory", "other"),
        (f"{PROJECT}:inventory", {"default": "other"}),
        (f"{PROJECT}:config:inventory", "other"),
    ],
)
def test_a_default_of_the_project_file_applies_to_the_stack(
    clone: Path, key: str, declared: object, capsys: Capture
) -> None:
    edit_project(clone, config=None)
    edit_project(clone, config={key: declared})
    (clone / "other").mkdir()
    (clone / "other" / "base.yaml").write_bytes((clone / "inventory" / "base.yaml").read_bytes())
    assert run(["ci", "stacks", "--base", "target", "--inventory", "inventory"]) == 2
    assert "the stack uses other" in capsys.readouterr().err
    assert run(["ci", "stacks", "--base", "target"]) == 0
    assert capsys.readouterr().out == "dev\n"
    assert run(["plan", "inventory", "--format", "digests"]) == 0
    assert json.loads(capsys.readouterr().out)["stacks"] == []
    assert run(["plan", "other", "--format", "digests"]) == 0
    assert [stack["stack"] for stack in json.loads(capsys.readouterr().out)["stacks"]] == ["dev"]


@pytest.mark.parametrize(
    ("default", "changes"),
    [({"protectOidcProviders": {"default": True}}, True), ({"issuerTimeoutSeconds": {"default": 20}}, True)],
)
def test_a_default_is_part_of_the_digest_unless_the_stack_overrides_it(
    clone: Path, default: dict[str, object], changes: bool, capsys: Capture
) -> None:
    def digest() -> str:
        assert run(["plan", "inventory", "--format", "digests"]) == 0
        return str(json.loads(capsys.readouterr().out)["stacks"][0]["digest"])

    before = digest()
    edit_project(clone, config=default)
    assert (digest() != before) is changes
    (key,) = default
    own = {f"{PROJECT}:accounts": ["dev"], key: {"protectOidcProviders": False}.get(key, 10)}
    (clone / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": own}))
    assert digest() == before


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"stackConfigDir": "settings"}, "with `stackConfigDir` Pulumi reads stack files in another folder"),
        ({"config": "settings"}, "with `config` Pulumi reads stack files in another folder"),
        ({"config": ["a"]}, "`config` is not a mapping"),
        ({"config": {"inventory": {"value": "other", "default": "inventory"}}}, "both `value` and `default`"),
        ({"config": {"inventory": {"default": {"secure": "AAA"}}}}, "has an unexpected value"),
    ],
)
def test_a_project_file_with_another_folder_of_stack_files_is_refused_on_either_side(
    clone: Path, keys: dict[str, object], word: str, capsys: Capture
) -> None:
    edit_project(clone, **keys)
    is_value = word == "has an unexpected value"
    for message in refused(OF_STACKS[: 3 if is_value else 4] + (() if is_value else OF_SIDES), capsys):
        assert word in message
    commit(clone)
    git(clone, "tag", "-f", "target")
    git(clone, "checkout", "-q", "target~1", "--", ".")
    if not is_value:
        commands = (OF_STACKS[0], *OF_SIDES, ["diff", "target~1..target"])
        assert all("target:Pulumi.yaml" in message and word in message for message in refused(commands, capsys))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("main", "theirs"),
        ("runtime", {"name": "nodejs"}),
        ("backend", {"url": "s3://theirs"}),
        ("options", {"refresh": "never"}),
        ("plugins", {"providers": [{"name": "aws", "path": "theirs"}]}),
        ("packages", {"theirs": "https://example.com/theirs"}),
        ("config", {"aws:region": {"value": "us-east-1"}}),
        ("a-key-that-comes-one-day", 1),
    ],
)
def test_every_other_key_of_the_project_file_changes_each_stack(
    clone: Path, key: str, value: object, capsys: Capture
) -> None:
    edit_project(clone, **{key: value})
    assert run(["ci", "stacks", "--base", "target"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "dev\n"
    assert f"Pulumi.yaml: {key}" in captured.err
    assert run(["diff", "target", "--exit-code"]) == 1
    capsys.readouterr()
    (clone / "Pulumi.yaml").unlink()
    assert run(["ci", "stacks", "--base", "target"]) == 0
    assert capsys.readouterr().out == "dev\n"


def test_the_file_of_another_project_is_refused_beside_stack_files_and_compared_above_an_inventory(
    clone: Path, capsys: Capture
) -> None:
    edit_project(clone, name="another", stackConfigDir="theirs")
    assert all("the project is called another" in message for message in refused(OF_STACKS, capsys))
    assert run(["diff", "target", "--exit-code"]) == 1
    assert "name, stackConfigDir" in " ".join(capsys.readouterr().out.replace("│", "").split())


def test_an_invalid_project_file_is_an_error() -> None:
    for text in (b"\xff", b"[a]", b"- a", b"a: [", b"x" * 1_000_001, b"config: {1: a}"):
        with pytest.raises(UsageError):
            parse_project_file(text, "Pulumi.yaml")


def test_the_defaults_of_our_own_project_file_are_those_of_the_program(project_folder: Path) -> None:
    project = parse_project_file((project_folder / "Pulumi.yaml").read_bytes(), "Pulumi.yaml")
    with_file = parse_stack_file("Pulumi.x.yaml", b"", "x", project)
    without = parse_stack_file("Pulumi.x.yaml", b"", "x")
    for name in ("inventory", "guardrails", "accounts", "protect_oidc_providers", "issuer_timeout", "is_sandbox"):
        assert getattr(with_file, name) == getattr(without, name)


LINKS = ("Pulumi.yaml", "Pulumi.dev.yaml", "rules.yaml", "folder/rules.yaml", "folder")


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("is_base", [True, False])
def test_a_link_in_a_revision_is_refused_for_every_checkout(
    clone: Path, name: str, is_base: bool, capsys: Capture
) -> None:
    (clone / "folder").mkdir()
    for path in ("rules.yaml", "folder/rules.yaml"):
        (clone / path).write_text("guardrails: {rules: {all: {}}}\n")
    commit(clone)
    git(clone, "tag", "-f", "plain")
    (clone / name).rename(clone / "elsewhere")
    (clone / name).symlink_to(os.path.relpath(clone / "elsewhere", (clone / name).parent))
    commit(clone)
    git(clone, "tag", "-f", "linked")
    git(clone, "checkout", "-q", "plain")
    rules = "folder/rules.yaml" if name.startswith("folder") else "rules.yaml"
    sides = "linked..plain" if is_base else "plain..linked"
    commands = (["diff", sides, "--guardrails", rules], ["diff", *sides.split(".."), "--guardrails", rules])
    for message in refused(commands, capsys):
        assert f"{name} is a symbolic link" in message
    if name.startswith("Pulumi"):
        refused((["ci", "stacks", "--base", "linked"], ["ci", "comment", "--base", "linked", "--print"]), capsys)


def test_a_project_folder_that_was_a_link_is_refused(clone: Path, capsys: Capture) -> None:
    (clone / "stacks").mkdir()
    (clone / "stacks" / "Pulumi.dev.yaml").write_text("config: {inventory: ../inventory}\n")
    (clone / "stacks").rename(clone / "elsewhere")
    (clone / "stacks").symlink_to("elsewhere")
    commit(clone)
    git(clone, "tag", "-f", "target")
    (clone / "stacks").unlink()
    (clone / "elsewhere").rename(clone / "stacks")
    assert run(["ci", "stacks", "--base", "target", "--project", "stacks"]) == 2
    assert "stacks is a symbolic link" in capsys.readouterr().err


def test_a_lock_beside_an_inventory_of_one_file_that_was_a_link_is_refused(clone: Path, capsys: Capture) -> None:
    (clone / "elsewhere.yaml").write_text("version: 1\n")
    (clone / "inventory" / "inventory.lock.yaml").symlink_to("../elsewhere.yaml")
    commit(clone)
    assert run(["diff", "target..HEAD", "--inventory", "inventory/base.yaml"]) == 2
    assert "inventory.lock.yaml is a symbolic link" in capsys.readouterr().err


def test_two_checkouts_are_compared_over_their_links(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (clone / "Pulumi.dev.yaml").rename(clone / "elsewhere.yaml")
    (clone / "Pulumi.dev.yaml").symlink_to("elsewhere.yaml")
    commit(clone)
    other = tmp_path_factory.mktemp("other") / "clone"
    git(clone, "clone", "-q", ".", str(other))
    assert run(["diff", str(other / "inventory"), "inventory", "--exit-code"]) == 0
    (clone / "elsewhere.yaml").write_text(f"config: {{'{PROJECT}:accounts': ['*']}}\n")
    assert run(["diff", str(other / "inventory"), "inventory", "--exit-code"]) == 1


def test_a_stack_file_that_is_removed_counts_as_access_gained(clone: Path, capsys: Capture) -> None:
    (clone / "Pulumi.dev.yaml").unlink()
    assert run(["diff", "target", "--exit-code"]) == 1
    shown = " ".join(capsys.readouterr().out.replace("│", "").split())
    assert "Pulumi.dev.yaml is removed" in shown
    assert "`up` then uses the defaults" in shown
    assert run(["ci", "comment", "--base", "target", "--print"]) == 0
    assert "access gained" in capsys.readouterr().out


def test_a_removed_stack_whose_defaults_cannot_be_used_is_named(clone: Path, capsys: Capture) -> None:
    git(clone, "mv", "inventory", "access")
    (clone / "Pulumi.dev.yaml").write_text("config: {inventory: access, accounts: [dev]}\n")
    commit(clone)
    git(clone, "tag", "-f", "target")
    (clone / "Pulumi.dev.yaml").unlink()
    assert run(["ci", "stacks", "--base", "target", "--inventory", "access"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "dev\n"
    assert "these defaults fail" in captured.err


@pytest.mark.parametrize("text", ["config: {inventory: a, 'bitbucket-aws-oidc:inventory': b}", "[", "config: [a]"])
def test_a_stack_file_that_was_invalid_before_is_not_a_new_stack(clone: Path, text: str, capsys: Capture) -> None:
    file = clone / "Pulumi.dev.yaml"
    sound = file.read_text()
    file.write_text(text)
    commit(clone)
    git(clone, "tag", "-f", "target")
    file.write_text(sound)
    assert run(["ci", "stacks", "--base", "target"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "dev\n"
    assert "stack dev cannot be compared with target" in captured.err


def test_certificates_in_the_lock_are_compared(clone: Path, capsys: Capture) -> None:
    lock = clone / "inventory" / "inventory.lock.yaml"
    text = """version: 1
issuers:
  acme:
    seen: "2026-11-01"
    chain:
      - {subject: CN=a, thumbprint: "%s", not_after: "2037-11-01"}
"""
    lock.write_text(text % ("1" * 40))
    commit(clone)
    git(clone, "tag", "-f", "target")
    lock.write_text(text.replace("2026", "2025") % ("1" * 40))
    assert run(["diff", "target", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []
    lock.write_text(text % ("2" * 40))
    assert run(["diff", "target", "--exit-code", "--format", "json"]) == 0
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert (change["kind"], change["effect"], change["file"]) == (
        "locked-certificates-changed", "none", "inventory.lock.yaml",
    )  # fmt: skip
    assert f"{'2' * 40} (was {'1' * 40})" in change["message"]
    assert run(["ci", "comment", "--base", "target", "--print"]) == 0
    assert "2" * 40 in capsys.readouterr().out
    lock.unlink()
    assert run(["diff", "target", "--format", "json"]) == 0
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert "the certificates none (was" in change["message"]


@pytest.mark.parametrize("how", ["replace", "grafts"])
def test_replaced_and_grafted_commits_do_not_change_a_comparison(clone: Path, how: str, capsys: Capture) -> None:
    base = clone / "inventory" / "base.yaml"
    base.write_text(base.read_text().replace("environments: [production]", "steps: all_including_environments"))
    commit(clone)
    wide = git(clone, "rev-parse", "HEAD").strip()
    target = git(clone, "rev-parse", "target").strip()
    assert run(["diff", "target...HEAD", "--format", "json"]) == 0
    expected = capsys.readouterr().out
    if how == "replace":
        git(clone, "replace", target, wide)
    else:
        commit(clone)
        later = git(clone, "rev-parse", "HEAD").strip()
        git(clone, "tag", "-f", "target", wide)
        git(clone, "checkout", "-q", "-B", "other", target)
        commit(clone)
        head = git(clone, "rev-parse", "HEAD").strip()
        (clone / ".git" / "info" / "grafts").write_text(f"{head} {later}\n")
        git(clone, "checkout", "-q", "-B", "main", "target")
        assert run(["diff", "other...target", "--format", "json"]) == 0
        assert capsys.readouterr().out == expected
        return
    assert run(["diff", "target...HEAD", "--format", "json"]) == 0
    assert capsys.readouterr().out == expected
