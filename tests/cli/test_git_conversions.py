"""diff, ci comment and ci stacks refuse a file whose text in git differs from the text that `up` reads."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.diff_sides import sides
from cli.main import run
from oidc.errors import ConversionError
from tests.git_repository import git

Inventory = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

ROLE = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}}\n"
WIDER = ROLE.replace("environments: [production]", "steps: all_including_environments")
COMMANDS = (
    ["diff", "target"],
    ["ci", "comment", "--base", "target", "--print"],
    ["ci", "stacks", "--base", "target"],
)
NARROW = "trust: [{repository: acme/shop, environments: [production]}]"
WIDE = "trust: [{repository: acme/shop, steps: all_including_environments}]"
HIDING = f"""roles:
  s: {{accounts: [dev], description: "¥", owner: " , {WIDE}, owner: ", {NARROW}}} # "}}
"""
"""A narrow trust to a reader, and a wide trust if the yen sign is a backslash, as in SHIFT_JIS."""


@pytest.fixture
def clone(write_inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config-of-git"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("BITBUCKET_")]:
        monkeypatch.delenv(name)
    for name, value in {"WORKSPACE": "acme", "REPO_SLUG": "access", "COMMIT": "0123456789ab"}.items():
        monkeypatch.setenv(f"BITBUCKET_{name}", value)
    (tmp_path / "config-of-git").write_text("[user]\n name = A\n email = a@example.com\n")
    folder = write_inventory(ROLE).parent
    (folder / "Pulumi.dev.yaml").write_text("config: {'bitbucket-aws-oidc:accounts': [dev]}\n")
    (folder / ".gitignore").write_text("config-of-git\nattributes-of-git\n")
    monkeypatch.chdir(folder)
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    git(folder, "tag", "target")
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a commit")


def refusals(capsys: Capture) -> list[str]:
    """Run the three commands; return the message of each that refuses, and an empty text for each that compares."""
    messages = []
    for command in COMMANDS:
        code = run(command)
        captured = capsys.readouterr()
        assert code in (0, 2), captured.err
        assert (captured.out == "") or code == 0
        messages.append(captured.err if code == 2 else "")
    return messages


def add_blob(folder: Path, name: str, content: bytes) -> None:
    (folder / ".git" / "blob").write_bytes(content)
    blob = git(folder, "hash-object", "-w", "--no-filters", ".git/blob")
    git(folder, "update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")


def test_a_quoted_text_that_a_checkout_turns_into_another_trust_is_refused(clone: Path, capsys: Capture) -> None:
    name = "inventory/shop.yaml"
    (clone / ".gitattributes").write_text(f"{name} text working-tree-encoding=SHIFT_JIS\n")
    git(clone, "add", ".gitattributes")
    add_blob(clone, name, HIDING.encode())
    git(clone, "commit", "-q", "-m", "a text that hides another")
    git(clone, "checkout", "-q", "--", name)
    assert run(["plan", "inventory", "--format", "json"]) == 0
    assert '"all_including_environments"' in capsys.readouterr().out, "what `up` would read is wide"
    for message in refusals(capsys):
        assert (
            f"{name}: git converts this file at checkout, because of its attribute `working-tree-encoding=SHIFT_JIS`"
            in message
        )
        assert ".gitattributes" in message
    # The pull request that takes the attribute away: its own files are what git shows, and those of the base are not.
    git(clone, "tag", "-f", "target")
    (clone / ".gitattributes").write_text("")
    (clone / name).write_text(HIDING)
    commit(clone)
    for message in refusals(capsys):
        assert f"{name} in commit " in message


PLACES = {
    "at the top": (".gitattributes", "inventory/base.yaml"),
    "beside the file": ("inventory/.gitattributes", "base.yaml"),
    "as a macro": (".gitattributes", "inventory/base.yaml"),
    "in the clone": (".git/info/attributes", "inventory/base.yaml"),
    "of the user": ("attributes-of-git", "base.yaml"),
}
CONVERTING = [
    *("working-tree-encoding=UTF-16LE", "working-tree-encoding=latin-1", "ident", "filter=lfs"),
    *("filter", "text filter=none-of-these", "filter=unset"),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("attribute", ["working-tree-encoding=latin-1", "ident", "filter=lfs"])
def test_an_attribute_that_converts_is_refused_in_every_attributes_file(
    clone: Path, place: str, attribute: str, capsys: Capture
) -> None:
    file, pattern = PLACES[place]
    if place == "of the user":
        git(clone, "config", "core.attributesFile", str(clone / file))
    macro = f"[attr]own {attribute}\n{pattern} own\n"
    (clone / file).write_text(macro if place == "as a macro" else f"{pattern} {attribute}\n")
    for message in refusals(capsys):
        assert "inventory/base.yaml" in message
        assert f"because of its attribute `{attribute}`" in message


@pytest.mark.parametrize("attribute", CONVERTING)
def test_an_attribute_only_in_the_base_is_refused(clone: Path, attribute: str, capsys: Capture) -> None:
    git(clone, "config", "filter.unset.smudge", "tr a-z A-Z")
    add_blob(clone, ".gitattributes", f"*.yaml {attribute}\n".encode())
    git(clone, "commit", "-q", "-m", "attributes")
    git(clone, "tag", "-f", "target")
    git(clone, "rm", "-q", "--cached", ".gitattributes")
    git(clone, "commit", "-q", "-m", "none")
    for message in refusals(capsys):
        assert "remove the attribute" in message or "git prints the same for a file" in message


def test_an_attribute_removed_only_in_the_working_tree_is_refused(clone: Path, capsys: Capture) -> None:
    (clone / ".gitattributes").write_text("*.yaml ident\n")
    git(clone, "add", ".gitattributes")
    (clone / ".gitattributes").write_text("")
    assert all("in the index: git converts this file" in message for message in refusals(capsys))


@pytest.mark.parametrize("file", ["inventory/policies/p.json", "inventory/inventory.lock.yaml", "inventory/more.YAML"])
def test_every_file_that_up_reads_is_checked(clone: Path, file: str, capsys: Capture) -> None:
    (clone / "inventory" / "policies").mkdir()
    (clone / "inventory" / "policies" / "p.json").write_text(
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}}'
    )
    (clone / "inventory" / "more.YAML").write_text("permission_policies: {p: {file: policies/p.json}}\n")
    (clone / "inventory" / "inventory.lock.yaml").write_text("version: 1\n")
    (clone / ".gitattributes").write_text(f"{file.rpartition('/')[2]} ident\n")
    commit(clone)
    assert all(file in message for message in refusals(capsys))
    git(clone, "tag", "-f", "target")
    (clone / ".gitattributes").unlink()
    assert all(file in message for message in refusals(capsys))


def test_guardrails_elsewhere_and_stack_files_are_checked(clone: Path, capsys: Capture) -> None:
    (clone / "rules.yaml").write_text("guardrails: {rules: {short: {max_session_duration: 12h}}}\n")
    (clone / ".gitattributes").write_text("rules.yaml ident\n")
    assert run(["diff", "target", "--guardrails", "rules.yaml"]) == 2
    assert "rules.yaml: git converts" in capsys.readouterr().err
    (clone / ".gitattributes").write_text("Pulumi.dev.yaml ident\n")
    assert run(["ci", "stacks", "--base", "target"]) == 2
    assert "Pulumi.dev.yaml: git converts" in capsys.readouterr().err


@pytest.mark.parametrize(
    "attributes",
    [
        "* text=auto\n",
        "* text eol=crlf\n",
        "*.yaml -text -ident -filter\n",
        "*.yaml working-tree-encoding=UTF-8\n",
        "*.yaml ident\n* !ident !filter !working-tree-encoding\n",
        "*.png filter=lfs diff=lfs merge=lfs -text\n",
        "# *.yaml ident\n",
    ],
)
def test_line_ends_and_attributes_of_other_files_are_compared(clone: Path, attributes: str, capsys: Capture) -> None:
    (clone / ".gitattributes").write_text(attributes)
    (clone / "inventory" / "base.yaml").write_bytes(
        (clone / "inventory" / "base.yaml").read_bytes().replace(b"\n", b"\r\n")
    )
    commit(clone)
    git(clone, "rm", "-q", "-r", "--cached", ".")
    git(clone, "reset", "-q", "--hard")
    assert refusals(capsys) == ["", "", ""]
    assert run(["diff", "target"]) == 0
    assert capsys.readouterr().out.startswith("no change")


@pytest.mark.parametrize(
    ("bit", "reason"), [("--skip-worktree", "to skip this file"), ("--assume-unchanged", "that this file is unchanged")]
)
def test_files_that_git_was_told_to_ignore_are_refused(clone: Path, bit: str, reason: str, capsys: Capture) -> None:
    git(clone, "update-index", bit, "inventory/base.yaml")
    for message in refusals(capsys):
        assert f"inventory/base.yaml: git was told {reason}" in message


def test_a_sparse_checkout_that_leaves_files_out_is_refused(clone: Path, capsys: Capture) -> None:
    (clone / "inventory" / "teams").mkdir()
    (clone / "inventory" / "teams" / "more.yaml").write_text(WIDER.replace("r:", "s:", 1))
    commit(clone)
    git(clone, "sparse-checkout", "set", "--no-cone", "/*", "!/inventory/teams")
    assert not (clone / "inventory" / "teams").exists()
    assert all("inventory/teams/more.yaml: git was told to skip" in message for message in refusals(capsys))


@pytest.mark.parametrize("side", ["head", "base"])
def test_a_pointer_of_git_lfs_is_refused(clone: Path, side: str, capsys: Capture) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
    (clone / "inventory" / "inventory.lock.yaml").write_text(pointer)
    commit(clone)
    if side == "base":
        git(clone, "tag", "-f", "target")
        git(clone, "rm", "-q", "inventory/inventory.lock.yaml")
    assert all("inventory.lock.yaml" in message and "pointer of Git LFS" in message for message in refusals(capsys))


def test_an_inventory_behind_a_link_is_refused(clone: Path, capsys: Capture) -> None:
    (clone / "inventory").rename(clone / "wide")
    (clone / "inventory").symlink_to("wide")
    assert all("inventory is a symbolic link" in message for message in refusals(capsys))


def test_a_folder_above_that_was_a_link_is_refused(clone: Path, capsys: Capture) -> None:
    (clone / "infra").symlink_to(".")
    commit(clone)
    git(clone, "tag", "-f", "target")
    (clone / "infra").unlink()
    (clone / "infra").mkdir()
    (clone / "inventory").rename(clone / "infra" / "inventory")
    assert run(["diff", "target", "--inventory", "infra/inventory"]) == 2
    assert "infra is a symbolic link" in capsys.readouterr().err


def test_a_submodule_is_refused(clone: Path, tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path.parent / f"{tmp_path.name}-other"
    other.mkdir()
    (other / "wide.yaml").write_text(WIDER.replace("r:", "s:", 1))
    git(other, "init", "-q", "-b", "target")
    commit(other)
    git(clone, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "inventory/team")
    assert all("inventory/team is a submodule" in message for message in refusals(capsys))
    commit(clone)
    git(clone, "tag", "-f", "target")
    git(clone, "rm", "-q", "-f", "inventory/team")
    assert run(["diff", "target"]) == 2
    assert "inventory/team is a submodule" in capsys.readouterr().err


def test_a_submodule_as_the_current_repository_is_refused(clone: Path, tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path.parent / f"{tmp_path.name}-inventory"
    other.mkdir()
    (clone / "inventory" / "base.yaml").rename(other / "base.yaml")
    git(other, "init", "-q", "-b", "target")
    commit(other)
    git(clone, "rm", "-q", "-r", "inventory")
    git(clone, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "inventory")
    assert all(message != "" for message in refusals(capsys))


@pytest.mark.parametrize("name", ["new.yaml", "ignored.yaml", "inventory.lock.yaml"])
def test_files_that_git_does_not_track_are_compared_and_named(clone: Path, name: str, capsys: Capture) -> None:
    (clone / ".gitignore").write_text("ignored.yaml\nconfig-of-git\n")
    (clone / "inventory" / name).write_text("version: 1\n")
    for command in COMMANDS:
        assert run(command) == 0
        assert f"inventory/{name} is compared, but git does not track it" in "".join(capsys.readouterr())


def test_a_local_edit_is_compared(clone: Path, write_inventory: Inventory, capsys: Capture) -> None:
    write_inventory(WIDER)
    assert refusals(capsys) == ["", "", ""]
    assert run(["diff", "target", "--exit-code"]) == 1
    git(clone, "add", ".")
    assert refusals(capsys) == ["", "", ""]


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("secretsprovider: awskms://ours", "secretsprovider: awskms://theirs", "secretsprovider"),
        ("", "encryptedkey: c2VjcmV0", "encryptedkey"),
        ("encryptionsalt: 'v1:c2VjcmV0'", "", "encryptionsalt"),
        ("", "environment: [theirs]", "environment"),
        ("config: {'aws:region': a}", "config: {'aws:region': c2VjcmV0}", "config aws:region"),
        ("", "config: {'bitbucket-aws-oidc:protectOidcProviders': true}", "bitbucket-aws-oidc:protectOidcProviders"),
    ],
)
def test_stack_files_are_compared_by_all_three_commands(
    clone: Path, before: str, after: str, key: str, capsys: Capture
) -> None:
    file = clone / "Pulumi.dev.yaml"
    file.write_text(before)
    commit(clone)
    git(clone, "tag", "-f", "target")
    file.write_text(after)
    for command in COMMANDS:
        assert run(command) == 0
        captured = capsys.readouterr()
        assert key in " ".join((captured.out + captured.err).replace("│", "").split())
        assert "c2VjcmV0" not in captured.out + captured.err
        assert "no change" not in captured.out
    assert run(["ci", "stacks", "--base", "target"]) == 0
    assert capsys.readouterr().out == "dev\n"
    commit(clone)
    for sides_of_git in (["target..HEAD"], ["target...HEAD"], ["target"]):
        assert run(["diff", *sides_of_git, "--exit-code"]) == 1
    capsys.readouterr()


def test_stack_files_in_folders_above_and_the_project_file_are_compared(clone: Path, capsys: Capture) -> None:
    (clone / "infra").mkdir()
    git(clone, "mv", "inventory", "infra/inventory")
    commit(clone)
    git(clone, "tag", "-f", "target")
    (clone / "Pulumi.prod.yaml").write_text("config: {}\n")
    (clone / "infra" / "Pulumi.yaml").write_text("name: another\n")
    (clone / "Pulumi.dev.yaml").unlink()
    assert run(["diff", "target", "--inventory", "infra/inventory", "--format", "json"]) == 0
    captured = capsys.readouterr()
    changes = json.loads(captured.out)["changes"]
    assert [(change["kind"], change["effect"], change["file"], change["account"]) for change in changes] == [
        ("stack-file-added", "gain", "../Pulumi.prod.yaml", None),
        ("stack-file-added", "gain", "Pulumi.yaml", None),
        ("stack-file-removed", "gain", "../Pulumi.dev.yaml", None),
    ]
    assert "Pulumi.prod.yaml is compared, but git does not track it" in captured.err


def test_a_stack_whose_credentials_for_an_account_change_is_printed(clone: Path, capsys: Capture) -> None:
    file = clone / "inventory" / "base.yaml"
    file.write_text(file.read_text().replace("dev: {id:", "dev: {profile: theirs, id:"))
    assert run(["ci", "stacks", "--base", "target"]) == 0
    assert capsys.readouterr().out == "dev\n"
    assert run(["diff", "target", "--exit-code"]) == 1
    assert "profile theirs" in " ".join(capsys.readouterr().out.replace("│", "").split())


def test_two_paths_are_compared_without_git(clone: Path, capsys: Capture) -> None:
    (clone / ".gitattributes").write_text("* ident\n")
    assert run(["diff", "inventory", "./inventory"]) == 0
    assert capsys.readouterr().out.startswith("no change")


def test_shallow_clones_and_worktrees_are_compared(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(clone, "worktree", "add", "-q", "../worktree-of-" + clone.name)
    monkeypatch.chdir(clone.parent / f"worktree-of-{clone.name}")
    assert [run(command) for command in COMMANDS] == [0, 0, 0]
    shallow = clone.parent / f"shallow-{clone.name}"
    git(clone, "clone", "-q", "--depth", "1", f"file://{clone}", str(shallow))
    monkeypatch.chdir(shallow)
    git(shallow, "tag", "-f", "target")
    assert [run(command) for command in COMMANDS] == [0, 0, 0]


ATTRIBUTES = st.sampled_from(
    [
        *("text", "-text", "text=auto", "eol=crlf", "eol=lf", "crlf", "ident", "-ident", "!ident", "own"),
        *("filter=upper", "-filter", "filter=unknown", "filter=unset", "merge=union", "export-subst"),
        *(f"working-tree-encoding={name}" for name in ("SHIFT_JIS", "UTF-8", "utf8", "UTF-16", "CP037", "UTF-7", "x")),
    ]
)
PATTERNS = st.sampled_from(["*", "*.yaml", "base.yaml", "inventory/**", "/inventory/base.yaml", "[attr]own", "*.YAML"])
LINES = st.lists(st.tuples(PATTERNS, st.lists(ATTRIBUTES, min_size=1, max_size=3)), max_size=3).map(
    lambda lines: "".join(f"{pattern} {' '.join(attributes)}\n" for pattern, attributes in lines)
)
TEXTS = st.lists(st.sampled_from(["$Id$", "¥", "\\\\", "+AFw-", "é", "\\n", "a", "#"]), max_size=5).map("".join)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(
        st.sampled_from([".gitattributes", "inventory/.gitattributes", ".git/info/attributes"]), LINES
    ),
    text=TEXTS,
    crlf=st.booleans(),
)
def test_a_checkout_has_the_plan_of_its_revision_or_is_refused(
    clone: Path, files: dict[str, str], text: str, *, crlf: bool
) -> None:
    for name in (".gitattributes", "inventory/.gitattributes", ".git/info/attributes"):
        (clone / name).unlink(missing_ok=True)
    git(clone, "config", "filter.upper.smudge", "sed s/shop/site/")
    git(clone, "config", "filter.unset.smudge", "sed s/production/staging/")
    sound = git(clone, "show", "target:inventory/base.yaml") + "\n" + ROLE.replace("r: {", 's: {description: "TEXT", ')
    sound = sound.replace(ROLE, "").replace("TEXT", text)
    content = (sound.replace("\n", "\r\n") if crlf else sound).encode()
    git(clone, "read-tree", "target")
    for name, lines in files.items():
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text(lines)
        if not name.startswith(".git/"):
            add_blob(clone, name, lines.encode())
    add_blob(clone, "inventory/base.yaml", content)
    git(clone, "commit", "-q", "--allow-empty", "-m", "an example")
    (clone / "inventory" / "base.yaml").unlink(missing_ok=True)
    try:
        git(clone, "checkout", "-q", "--", "inventory/base.yaml")
    except subprocess.CalledProcessError:
        return  # git itself makes nothing of these attributes
    try:
        before, after = sides("HEAD", None, Path("inventory"), None)
    except ConversionError:
        return
    assert before.plan == after.plan
    assert bool(before.errors) == bool(after.errors)
