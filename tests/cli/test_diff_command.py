"""diff as a shell sees it: what may be compared, the three forms of its answer, and exit codes."""

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.comparison.changes import Change, Comparison, Effect
from access.update_preview import too_many_roles
from cli.main import run
from review.diff import TITLES, markdown, show_comparison
from tests.cli.many_changes import HOSTILE, comparisons
from tests.git_repository import git

Inventory = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

ROLE = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}}\n"
WIDER = ROLE.replace("environments: [production]", "steps: all_including_environments")
TAGGED = ROLE.replace("accounts", "tags: {A: b}, accounts")
FAULTY = ROLE.replace("production", "prodution")


@pytest.fixture
def committed(write_inventory: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository: commit `empty` without inventory, commit `first` with ROLE, and WIDER in the working tree."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "nothing")
    git(tmp_path, "tag", "empty")
    write_inventory(ROLE)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "tag", "first")
    write_inventory(WIDER)
    return tmp_path


def of_roles(out: str) -> list[tuple[str, str]]:
    changes = json.loads(out)["changes"]
    return sorted((change["kind"], change["effect"]) for change in changes if change["role"] is not None)


NEW = [("role-added", "gain"), ("trust-gained", "gain")]


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        (["first"], [("trust-gained", "widening")]),
        (["git:first", "./inventory"], [("trust-gained", "widening")]),
        (["inventory", "first"], [("trust-lost", "loss")]),
        (["first", "HEAD"], []),
        (["first...HEAD"], []),
        (["empty..first"], NEW),
        (["empty.."], NEW),
        (["first", "empty"], [("role-removed", "loss"), ("trust-lost", "loss")]),
    ],
)
def test_revisions_are_compared_with_each_other_and_with_the_working_tree(
    committed: Path, sides: list[str], expected: list[tuple[str, str]], capsys: Capture
) -> None:
    assert committed.is_dir()
    assert run(["diff", *sides, "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert of_roles(captured.out) == expected
    assert ("note: empty has no inventory" in captured.err) is ("empty" in "".join(sides))


def test_what_exists_as_a_path_is_a_path_and_git_says_otherwise(committed: Path, capsys: Capture) -> None:
    git(committed, "branch", "plan")
    (committed / "plan").mkdir()
    assert run(["diff", "plan"]) == 1
    assert "error[inventory-missing]" in capsys.readouterr().err
    assert run(["diff", "git:plan", "--format", "json"]) == 0
    assert of_roles(capsys.readouterr().out) == [("trust-gained", "widening")]


def test_a_plan_in_a_file_is_as_good_as_its_inventory(
    write_inventory: Inventory, tmp_path: Path, capsys: Capture
) -> None:
    folder = write_inventory(ROLE)
    assert run(["plan", str(folder), "--format", "json"]) == 0
    (tmp_path / "before.json").write_text(capsys.readouterr().out)
    assert run(["diff", str(tmp_path / "before.json"), str(folder), "--exit-code"]) == 0
    assert capsys.readouterr().out.startswith("no change; 1 role")
    write_inventory(WIDER)
    assert run(["diff", str(tmp_path / "before.json"), "--inventory", str(folder), "--exit-code"]) == 1
    assert "WIDER ACCESS (1)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 2, "`nowhere` is neither a path nor a git revision"),
        (["git:--upload-pack=x"], 2, "cannot be a git revision"),
        (["git:"], 2, "cannot be a git revision"),
        ([""], 2, "an empty name"),
        (["inventory"], 2, "would be compared with itself"),
        (["inventory", "./inventory", "--inventory", "x"], 2, "both sides are paths"),
        (["first", "broken.json"], 2, "broken.json is not a plan: it is not JSON"),
        (["first", "inventory", "third"], 2, ""),
        (["first", "--max-loss", "x"], 2, ""),
        (["./nowhere"], 1, "error[inventory-missing]"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(
    committed: Path, arguments: list[str], code: int, said: str, capsys: Capture
) -> None:
    (committed / "broken.json").write_text("{")
    assert run(["diff", *arguments]) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_findings_name_the_side_and_the_file_of_the_revision(
    committed: Path, write_inventory: Inventory, capsys: Capture
) -> None:
    write_inventory(FAULTY)
    git(committed, "commit", "-q", "-a", "-m", "faulty")
    write_inventory(ROLE)
    assert run(["diff", "HEAD"]) == 1
    captured = capsys.readouterr()
    assert "error: HEAD cannot be compared" in captured.err
    assert "HEAD:inventory/base.yaml:" in captured.err
    assert captured.err.count("error[") == 1
    assert captured.out == ""


@pytest.mark.parametrize("inventory", ["base", "inventory"], ids=["a revision", "a path"])
def test_an_upgrade_is_compared_and_a_new_side_for_another_version_is_refused(
    committed: Path, write_inventory: Inventory, capsys: Capture, inventory: str
) -> None:
    other = f'requires: ">=99"\n{ROLE}'
    write_inventory(other)
    git(committed, "commit", "-q", "-a", "-m", "other")
    git(committed, "tag", "base")
    before = inventory if inventory == "base" else str((committed / "inventory").rename(committed / "before"))
    write_inventory(WIDER)
    assert run(["diff", before, "--format", "json"]) == 0
    assert of_roles(capsys.readouterr().out) == [("trust-gained", "widening")]
    write_inventory(other)
    assert run(["diff", before]) == 1
    assert "error[other-version]" in capsys.readouterr().err
    assert run(["diff", "first..base"]) == 1
    assert "base:inventory/base.yaml:" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["rules.yaml", "inventory/rules.yaml"])
def test_guardrails_are_those_of_each_revision(
    committed: Path, write_inventory: Inventory, where: str, capsys: Capture
) -> None:
    write_inventory(ROLE)
    rules = committed / where
    rules.write_text("guardrails: {rules: {longest: {accounts: ['*'], max_session_duration: 2h}}}\n")
    git(committed, "add", ".")
    git(committed, "commit", "-q", "-m", "two hours are allowed")
    git(committed, "tag", "two-hours")
    rules.write_text("guardrails: {rules: {owned: {accounts: ['*'], required: [owner]}}}\n")
    git(committed, "commit", "-q", "-a", "-m", "an owner is needed")
    assert run(["diff", "two-hours", "two-hours", "--guardrails", where]) == 0
    capsys.readouterr()
    assert run(["diff", "two-hours", "HEAD", "--guardrails", where]) == 1
    error = capsys.readouterr().err
    assert "error[guardrail-required]" in error
    assert "two-hours cannot be compared" not in error
    assert f"HEAD:{where}" in error
    assert run(["diff", "first", "two-hours", "--guardrails", where]) == 0  # the first revision had none yet
    rules.unlink()
    assert run(["diff", "two-hours", "--guardrails", where]) == 1
    assert "error[guardrails-missing]" in capsys.readouterr().err


def test_guardrails_outside_of_the_repository_hold_for_both_sides(
    committed: Path, tmp_path_factory: pytest.TempPathFactory, capsys: Capture
) -> None:
    rules = tmp_path_factory.mktemp("platform") / "rules.yaml"
    rules.write_text("guardrails: {rules: {owned: {accounts: ['*'], required: [owner]}}}\n")
    assert committed.is_dir()
    assert run(["diff", "first", "--guardrails", str(rules)]) == 1
    error = capsys.readouterr().err
    assert error.count("error[guardrail-required]") == 2
    assert str(rules) in error


@pytest.mark.parametrize(("roles", "code"), [(ROLE, 0), (TAGGED, 0), (WIDER, 1)])
def test_the_exit_code_says_on_request_whether_access_changes(
    committed: Path, write_inventory: Inventory, roles: str, code: int
) -> None:
    assert committed.is_dir()
    write_inventory(roles)
    assert run(["diff", "first", "--exit-code"]) == code
    assert run(["diff", "first"]) == 0


def test_many_roles_deleted_at_once_are_refused(write_inventory: Inventory, tmp_path: Path, capsys: Capture) -> None:
    def roles(number: int) -> str:
        trust = "trust: [{repository: acme/shop, environments: [production]}]"
        return "roles:\n" + "".join(f"  r{at}: {{accounts: [dev], {trust}}}\n" for at in range(number))

    folder = write_inventory(roles(10))
    assert run(["plan", str(folder), "--format", "json"]) == 0
    (tmp_path / "before.json").write_text(capsys.readouterr().out)
    write_inventory(roles(6))
    arguments = ["diff", str(tmp_path / "before.json"), str(folder)]
    assert run(arguments) == 1
    assert "4 of 10 roles (40 %) are deleted or replaced" in (error := capsys.readouterr().err)
    assert error.rstrip().endswith("--max-loss 40")
    assert run([*arguments, "--max-loss", "40"]) == 0


def test_a_refusal_writes_numbers_as_the_comparison_above_it() -> None:
    assert too_many_roles(1600, 12062, 10).startswith("1,600 of 12,062 roles (13 %)")


def hostile(number: int, text: str = HOSTILE) -> Comparison:
    changes = [Change("trust-gained", Effect.GAIN, text, text, None, f"{text}{at}") for at in range(number)]
    return Comparison(tuple(changes), 1, 1, ())


def test_hostile_names_are_text_in_markdown() -> None:
    found = markdown(hostile(1), HOSTILE, HOSTILE, max_chars=30_000)
    (item,) = [line for line in found.splitlines() if line.startswith("* ")]
    for written in ("<script>", "@everyone", "https://evil", "www.evil", "\x1b", "[l](x)", "~~s~~"):
        assert written not in found
    assert "a\\|b\\`c\\`&lt;script&gt;" in item
    assert not any(line.startswith("#") for line in found.splitlines())


@pytest.mark.parametrize("most", [1000, 3000, 30_000])
def test_markdown_is_never_longer_than_asked_and_says_what_is_left_out(most: int) -> None:
    found = markdown(hostile(5000), "x" * 10_000, HOSTILE * 100, max_chars=most)
    assert len(found) <= most
    shown = found.count("\n* a")
    assert f"* left out for length: {5000 - shown:,} trust-gained\n" in found
    assert "**access gained** (5,000)" in found
    assert "**Shortened for length**" in found


def test_a_role_that_trusts_a_repository_of_another_name_is_named_first() -> None:
    repositories = {f"deploy-svc-{at:03}": f"acme/svc-{at:03}" for at in range(300)} | {"deploy-svc-299": "acme/evil"}
    changes = [
        Change(
            "trust-gained", Effect.WIDENING, "prod", role, None, f"{repository} may", own=(("repository", repository),)
        )
        for role, repository in repositories.items()
    ]
    found = markdown(Comparison(tuple(changes), 300, 300, ()), "a", "b", max_chars=30_000)
    assert (
        "* **300 roles in prod**: {{repository}} may\n    * deploy-svc-299 for acme/evil, deploy-svc-000 for" in found
    )


def gains(repositories: dict[str, str]) -> str:
    """Return the comment about roles that gain a repository each, by their keys."""
    changes = [
        Change("trust-gained", Effect.WIDENING, "prod", role, None, f"{name} may", own=(("repository", name),))
        for role, name in repositories.items()
    ]
    return markdown(Comparison(tuple(changes), len(changes), len(changes), ()), "a", "b", max_chars=1_500)


@pytest.mark.parametrize(
    ("role", "repository"),
    [("svc-299-deploy", "evil/svc-299"), ("svc-299-deploy", "acme/svc-29"), ("svc-299-deploy", "acme/s")],
)
def test_a_role_for_another_workspace_or_a_part_of_its_name_is_named_first(role: str, repository: str) -> None:
    usual = {f"svc-{at:03}-deploy": f"acme/svc-{at:03}" for at in range(299)}
    for comment in (gains(usual | {role: repository}), gains({role: repository} | usual)):
        assert f"\n    * {role} for {repository}, svc-000-deploy for acme/svc-000" in comment


def test_a_role_of_a_family_for_a_repository_that_its_key_only_begins_with_names_it() -> None:
    keys = {f"deploy[acme/shop-{at}]": f"acme/shop-{at}" for at in range(30)}
    assert "(family deploy)" in gains(keys)
    assert "(family deploy for acme/shop)" in gains(keys | {"deploy[acme/shop-9]": "acme/shop"})


def test_the_same_change_of_several_stack_files_names_them(committed: Path, capsys: Capture) -> None:
    for stack in ("dev", "prod"):
        (committed / f"Pulumi.{stack}.yaml").write_text("config: {aws:region: eu-west-1}\n")
    assert run(["diff", "first"]) == 0
    out = capsys.readouterr().out
    assert "  2 files (Pulumi.dev.yaml, Pulumi.prod.yaml): {{file}} is new, with config aws:region\n" in out
    assert "WIDER ACCESS (1)\n  dev / r: acme/shop, every step, deployment environments included may now" in out


SHOWN = """\
access gained (8)
  deploy in 3 accounts: managed policy
    arn:aws:iam::aws:policy/ReadOnlyAccess is attached
  5 roles in 3 accounts: sessions last up to 120
    minutes (was 60)
    a, b; not b in test

no change of access (2)
  2 accounts (not prod): region eu-west-1 (was absent)

8 gained, 2 without effect on access; 1,035 roles
"""


def test_a_narrow_terminal_breaks_no_word_and_names_exceptions(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    accounts = ("dev", "prod", "test")
    cells = [(account, role) for account in accounts for role in ("deploy", "a", "b")]
    attached, longer = (
        "managed policy arn:aws:iam::aws:policy/ReadOnlyAccess is attached",
        "sessions last up to 120 minutes (was 60)",
    )
    changes = [Change("k", Effect.GAIN, account, "deploy", None, attached) for account in accounts]
    changes += [
        Change("l", Effect.GAIN, *cell, None, longer) for cell in cells if cell[1] != "deploy" and cell != ("test", "b")
    ]
    changes += [Change("m", Effect.NONE, key, None, None, "region eu-west-1 (was absent)") for key in ("dev", "test")]
    known = frozenset({*cells, *((account, None) for account in accounts)})
    monkeypatch.setattr("review.terminal._PLAIN_WIDTH", 54)
    monkeypatch.setenv("COLUMNS", "54")
    show_comparison(Comparison(tuple(changes), 1035, 1035, (), known, known))
    assert capsys.readouterr().out == SHOWN


@settings(max_examples=12, deadline=None)
@given(comparisons(), st.sampled_from([1000, 3000, 20_000, 30_000]))
def test_markdown_keeps_every_limit_and_the_heading_and_count_of_each_effect(comparison: Comparison, most: int) -> None:
    started = time.monotonic()
    found = markdown(comparison, HOSTILE * 9, "x" * 900, max_chars=most)
    assert time.monotonic() - started < 15
    assert len(found) <= most
    for effect in Effect:
        changes = comparison.of(effect)
        assert (f"\n**{TITLES[effect]}** ({len(changes):,})\n" in found) is bool(changes)


@settings(max_examples=8, deadline=None)
@given(comparisons())
def test_each_kind_keeps_its_first_case_or_its_count(comparison: Comparison) -> None:
    sections = markdown(comparison, "a", "b", max_chars=30_000).split("\n**")[1:]
    for effect in Effect:
        (section,) = [text for text in sections if text.startswith(f"{TITLES[effect]}**")] or [""]
        named = set(re.findall(r"kind-[0-9]+", section))
        assert named == {change.kind for change in comparison.of(effect)}


def test_hostile_names_reach_a_terminal_as_text(write_inventory: Inventory, tmp_path: Path, capsys: Capture) -> None:
    folder = write_inventory(ROLE)
    assert run(["plan", str(folder), "--format", "json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    for account in plan["accounts"]:
        for role in account["roles"]:
            role["description"] = "\x1b[31m[bold]\n"
    (tmp_path / "after.json").write_text(json.dumps(plan))
    assert run(["diff", str(folder), str(tmp_path / "after.json")]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[bold]" in out
