"""Files of a folder are one inventory, whatever their number, names and order."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from access.compile import compile_plan
from access.plan_json import plan_json
from config.load import load_inventory

ROLE = """
roles:
  deploy:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
"""


def plan_text(folder: Path) -> str:
    compiled = compile_plan(load_inventory(folder))
    assert compiled.findings == ()
    assert compiled.plan is not None
    return json.dumps(plan_json(compiled.plan))


def test_a_team_adds_a_repository_to_a_workspace_from_its_own_file(write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory(
        ROLE,
        teams__web_yaml="""
workspaces:
  acme:
    repositories:
      blog:
        uuid: "{e1a9c6b4-30d2-4f6e-b7a8-9c0d1e2f3a05}"
        environments: {live: "{1f2e3d4c-5b6a-4978-8869-5a4b3c2d1e07}"}
roles: {blog: {accounts: [dev], trust: [{repository: acme/blog, environments: [live]}]}}
""",
    )
    assert '"repository": "blog"' in plan_text(folder)


def test_a_team_adds_an_environment_to_a_repository_of_another_file(write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory(
        ROLE,
        web_yaml="""
workspaces: {acme: {repositories: {shop: {environments: {test: "{e1a9c6b4-30d2-4f6e-b7a8-9c0d1e2f3a05}"}}}}}
roles: {test: {accounts: [dev], trust: [{repository: acme/shop, environments: [test]}]}}
""",
    )
    assert "{e1a9c6b4-30d2-4f6e-b7a8-9c0d1e2f3a05}:*" in plan_text(folder)


def test_one_file_and_many_files_give_the_same_plan(write_inventory: Callable[..., Path], tmp_path: Path) -> None:
    whole = plan_text(write_inventory(ROLE))
    split = tmp_path / "split"
    split.mkdir()
    text = (tmp_path / "inventory" / "base.yaml").read_text()
    top, _, rest = text.partition("accounts:")
    accounts, _, roles = rest.partition("roles:")
    (split / "z.yaml").write_text(top)
    (split / "m.yml").write_text("accounts:" + accounts)
    (split / "a.yaml").write_text("roles:" + roles)
    assert plan_text(split) == whole


def test_a_single_file_is_accepted_in_place_of_a_folder(write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory(ROLE)
    assert plan_text(folder / "base.yaml") == plan_text(folder)


def test_every_file_may_give_the_version(write_inventory: Callable[..., Path]) -> None:
    assert plan_text(write_inventory("version: 1\n", ROLE, more_yaml="version: 1\n"))


def test_hidden_files_and_the_lock_are_left_out(write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory(ROLE, inventory_lock_yaml="")
    (folder / "inventory.lock.yaml").write_text("version: 1\n")
    (folder / ".drafts").mkdir()
    (folder / ".drafts" / "x.yaml").write_text("nonsense: true\n")
    (folder / ".y.yaml").write_text("nonsense: true\n")
    assert plan_text(folder)


def test_a_link_out_of_the_folder_is_refused(write_inventory: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_inventory(ROLE)
    outside = tmp_path / "outside.yaml"
    outside.write_text("accounts: {}\n")
    (folder / "link.yaml").symlink_to(outside)
    findings = compile_plan(load_inventory(folder)).findings
    assert [(finding.rule, Path(finding.place.file).name) for finding in findings] == [
        ("outside-inventory", "link.yaml")
    ]


def test_a_linked_folder_is_refused_rather_than_left_out(write_inventory: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_inventory(ROLE)
    (tmp_path / "elsewhere").mkdir()
    (folder / "team").symlink_to(tmp_path / "elsewhere")
    assert [finding.rule for finding in load_inventory(folder).findings] == ["outside-inventory"]


@pytest.mark.parametrize("kind", ["loop", "fifo", "folder"])
def test_a_pipe_in_place_of_a_file_is_a_finding_and_never_waited_for(
    write_inventory: Callable[..., Path], kind: str
) -> None:
    path = write_inventory(ROLE) / "x.yaml"
    if kind == "loop":
        path.symlink_to(path)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    expected = [] if kind == "folder" else ["unreadable-file"]
    assert [finding.rule for finding in load_inventory(path.parent).findings] == expected


def test_the_ending_of_a_file_may_be_in_capitals(write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory(ROLE)
    (folder / "MORE.YAML").write_text("nonsense: true\n")
    assert [finding.rule for finding in load_inventory(folder).findings] == ["unknown-key"]


def test_anchors_and_merge_keys_work(write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory(
        """
roles:
  one: &role
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
  two:
    <<: *role
    accounts: [dev]
"""
    )
    plan = json.loads(plan_text(folder))
    assert {role["key"]: account["key"] for account in plan["accounts"] for role in account["roles"]} == {
        "one": "prod",
        "two": "dev",
    }
