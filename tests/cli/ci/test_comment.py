"""ci comment in a step of a pull request: one comment, and no failed build if Bitbucket fails."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.comparison.changes import Change, Comparison, Effect
from access.update_preview import Loss, UpdatePreview, UpdateStep
from cli.ci.comment_text import MAX_CHARS, StackPreview, comment_text, comparison_text, templates_to_deploy
from cli.diff_sides import Side
from cli.main import run
from config.findings import Finding, Place
from config.pipeline_run import PipelineRun
from review.diff import TITLES, text
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulated_bitbucket.exchange import HttpAnswer
from tests.cli.ci.conftest import ROLE, Step
from tests.cli.many_changes import comparisons
from tests.git_repository import git

Inventory = Callable[..., Path]
Capture = pytest.CaptureFixture[str]

WIDER = ROLE.replace("environments: [production]", "steps: all_including_environments")
REAL = Path(__file__).parent.parent.parent / "fixtures" / "previews" / "replaces-a-role.json"
RUN = PipelineRun("acme", "access", None, "0123456789ab", 12, 7)


def previews(folder: Path) -> Path:
    path = folder / "previews"
    path.mkdir(exist_ok=True)
    shutil.copy(REAL, path / "dev.json")
    (path / "prod.json").write_text("error: no credentials\n")
    return path


def test_access_comes_first_then_previews_then_links(step: Step, write_inventory: Inventory) -> None:
    write_inventory(WIDER)
    folder = previews(step.folder)
    assert step.comment("--previews", str(folder)) == 0
    (comment,) = step.comments()
    lines = [line for line in comment.raw.splitlines() if line]
    assert lines[0] == lines[-1] == "[//]: # (bitbucket-oidc access 12)"
    assert lines[1] == "**Access, from target to inventory**"
    assert any(line.startswith("**WIDER ACCESS**") for line in lines)
    at = lines.index("**Previews**")
    assert lines[at + 1 : at + 5] == [
        "* **dev**: 2 to replace",
        "    * replace Role dev/shop-staging",
        "    * replace RolePolicyAttachmentsExclusive dev/shop-staging",
        f"* **prod**: the preview failed: {text(str(folder / 'prod.json'))} is not a preview: it is not JSON",
    ]
    assert lines[-2] == "commit 0123456789ab, [pipeline 12](https://bitbucket.org/acme/access/pipelines/results/12)"


def test_a_second_run_and_a_later_pipeline_update_the_same_comment(step: Step, write_inventory: Inventory) -> None:
    assert step.comment() == 0
    before = step.comments()[0].raw
    assert step.comment() == 0
    assert [comment.raw for comment in step.comments()] == [before]
    assert [request.method for request in step.bitbucket.requests].count("PUT") == 0
    write_inventory(WIDER)
    step.set(BUILD_NUMBER="13")
    assert step.comment() == 0
    (comment,) = step.comments()
    assert "WIDER ACCESS" in comment.raw


def test_the_comment_shows_the_digest_of_each_stack_or_of_the_whole(step: Step, capsys: Capture) -> None:
    assert step.comment("--print") == 0
    shown = capsys.readouterr().out
    for stack in ("prod", "dev", "all"):
        accounts = "*" if stack == "all" else stack
        (step.folder / f"Pulumi.{stack}.yaml").write_text(
            f"config: {{'bitbucket-aws-oidc:accounts': ['{accounts}']}}\n"
        )
    (step.folder / "Pulumi.else.yaml").write_text("config: {'bitbucket-aws-oidc:inventory': elsewhere}\n")
    assert run(["plan", "--format", "digests"]) == 0
    plan_digests = json.loads(capsys.readouterr().out)
    assert f"\n* the whole inventory: `{plan_digests['whole']}`\n" in shown
    digests = {stack["stack"]: stack["digest"] for stack in plan_digests["stacks"]}
    assert digests.keys() == {"all", "dev", "prod"}
    folder = step.folder / "previews"
    folder.mkdir()
    shutil.copy(REAL, folder / "prod.json")
    assert step.comment("--print", "--previews", str(folder)) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("**Digests of what is reviewed**")
    assert lines[at + 2 : at + 5] == [f"* stack **{stack}**: `{digests[stack]}`" for stack in ("prod", "all", "dev")]


def test_an_account_with_roles_in_no_stack_is_shown_in_the_comment(step: Step, capsys: Capture) -> None:
    for accounts, is_shown in (("'*'", False), ("prod", True)):
        (step.folder / "Pulumi.some.yaml").write_text(f"config: {{'bitbucket-aws-oidc:accounts': [{accounts}]}}\n")
        assert step.comment("--print") == 0
        assert ("* account dev is in no stack, so no" in capsys.readouterr().out) is is_shown


def test_an_invalid_stack_file_is_shown_in_the_comment_and_does_not_fail(step: Step, capsys: Capture) -> None:
    (step.folder / "Pulumi.dev.yaml").write_text("[]")
    assert step.comment("--print") == 0
    assert "* unknown: Pulumi.dev.yaml is not a stack file" in capsys.readouterr().out


def test_errors_of_the_inventory_are_shown_in_the_comment_and_do_not_fail(
    step: Step, write_inventory: Inventory
) -> None:
    write_inventory(ROLE.replace("production", "prodution"))
    assert step.comment() == 0
    (comment,) = step.comments()
    assert "**Access was not compared**: inventory has findings of level error" in comment.raw
    assert "unknown-environment" in comment.raw


def test_accounts_that_need_a_newer_template_are_shown_with_the_command(step: Step) -> None:
    shutil.rmtree(step.folder / "inventory")
    fixture = "template-outdated--another-managed-policy"
    shutil.copytree(REAL.parent.parent / "faulty" / fixture, step.folder / "inventory")
    assert step.comment() == 0
    (comment,) = step.comments()
    at = comment.raw.splitlines().index("**Templates to deploy before the merge**")
    line = comment.raw.splitlines()[at + 2]
    assert "account prod needs a newer template: the deploying role may not attach arn" in line
    assert "bootstrap" in line
    assert "-deploy" in line


def test_reasons_of_the_guard_are_shown_in_the_comment(step: Step) -> None:
    folder = step.folder / "previews"
    folder.mkdir()
    urn = "urn:pulumi:prod::bitbucket-aws-oidc::aws:iam/openIdConnectProvider:OpenIdConnectProvider::prod/acme"
    document = {"steps": [{"op": "delete", "urn": urn, "oldState": {}}], "changeSummary": {"delete": 1}}
    (folder / "prod.json").write_text(json.dumps(document))
    assert step.comment("--previews", "previews") == 0
    (comment,) = step.comments()
    assert "**Too much at once**" in comment.raw
    assert comment.raw.index("Too much at once") < comment.raw.index("**Previews**")


def test_a_mass_deletion_is_refused_in_the_comment_without_previews(
    step: Step, write_inventory: Inventory, capsys: Capture
) -> None:
    names = ["a", "b", "c", "d"]
    of_all = "roles:\n" + "".join(
        f"  {name}: {{accounts: [dev], trust: [{{repository: acme/shop, environments: [production]}}]}}\n"
        for name in names
    )
    write_inventory(of_all)
    git(step.folder, "add", "--all")
    git(step.folder, "commit", "-m", "four roles")
    git(step.folder, "tag", "--force", "target")
    write_inventory("".join(of_all.splitlines(keepends=True)[:2]))
    assert step.comment("--print") == 0
    shown = capsys.readouterr().out
    assert "**Too much at once**\n\n* the inventory: " in shown
    assert step.comment("--print", "--max-loss", "80") == 0
    assert "Too much at once" not in capsys.readouterr().out


def test_credentials_without_an_account_update_only_the_own_comment(step: Step, write_inventory: Inventory) -> None:
    step.bitbucket.behaviour.access_tokens[SANDBOX_TOKEN] = frozenset({"pullrequest"})
    step.somebody_writes("[//]: # (bitbucket-oidc access 999999)\n\nforged\n")
    assert step.comment() == 0
    write_inventory(WIDER)
    step.set(BUILD_NUMBER="13")
    assert step.comment() == 0
    forged, ours = step.comments()
    assert "forged" in forged.raw
    assert "WIDER ACCESS" in ours.raw


def test_several_inventories_have_a_comment_each(step: Step) -> None:
    assert step.comment() == 0
    assert step.comment("--key", "other") == 0
    assert len(step.comments()) == 2


def test_a_renamed_repository_is_found_by_its_uuid(step: Step) -> None:
    step.rename()
    assert step.comment("--strict") == 0
    assert len(step.comments()) == 1


def test_many_comments_of_others_are_read_to_the_last_page(step: Step) -> None:
    for number in range(230):
        step.somebody_writes(f"comment {number}")
    assert step.comment() == 0
    assert step.comment() == 0
    assert len(step.comments()) == 231


HTML = HttpAnswer(HTTPStatus.BAD_GATEWAY, "<html><h1>Bad Gateway</h1>\x1b[31m</html>")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (HTTPStatus.UNAUTHORIZED, "does not accept these credentials"),
        (HTTPStatus.FORBIDDEN, "403"),
        (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "413"),
        (HTTPStatus.TOO_MANY_REQUESTS, "limit of requests is used up"),
        (HTTPStatus.INTERNAL_SERVER_ERROR, "500"),
        (HTTPStatus.BAD_GATEWAY, "502"),
    ],
)
def test_every_error_answer_of_bitbucket_is_one_warning_and_exit_code_0(
    step: Step, capsys: Capture, status: HTTPStatus, reason: str
) -> None:
    answer = HttpAnswer(status, HTML.document)
    step.bitbucket._server.answer = lambda _request: answer  # type: ignore[union-attr]  # it serves
    assert step.comment() == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: the comment was not posted; the build goes on: ")
    assert reason in line
    assert line.isprintable()
    assert step.comment("--strict") == 3


def test_an_unknown_pull_request_is_a_warning(step: Step, capsys: Capture) -> None:
    step.set(PR_ID="8")
    assert step.comment() == 0
    assert "there is no pull request 8 of acme/access, or these credentials cannot see it" in capsys.readouterr().err


def test_a_server_that_is_down_is_a_warning(step: Step, capsys: Capture) -> None:
    step.set(API_URL="http://127.0.0.1:9/2.0")
    assert step.comment() == 0
    assert "it refused the connection" in capsys.readouterr().err


def test_missing_and_broken_credentials_are_a_warning_that_does_not_show_them(
    step: Step, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    step.set(ACCESS_TOKEN="se cret")
    assert step.comment() == 0
    monkeypatch.delenv("BITBUCKET_ACCESS_TOKEN")
    assert step.comment() == 0
    err = capsys.readouterr().err
    assert "se cret" not in err
    assert "there are no credentials for Bitbucket" in err
    assert step.comment("--strict") == 3


@pytest.mark.parametrize(
    "variables",
    [
        {"PR_ID": ""},
        {"PR_ID": "7/../8"},
        {"WORKSPACE": "acme/../other"},
        {"REPO_SLUG": ".."},
        {"REPO_UUID": "{x}"},
        {"COMMIT": "HEAD"},
        {"BUILD_NUMBER": "-1"},
    ],
)
def test_invalid_variables_of_a_step_are_wrong_usage(step: Step, variables: dict[str, str]) -> None:
    step.set(**variables)
    assert step.comment() == 2
    assert step.comments() == []


def test_print_prints_the_comment_and_posts_nothing(
    step: Step, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.delenv("BITBUCKET_ACCESS_TOKEN")
    monkeypatch.delenv("BITBUCKET_PR_ID")
    assert step.comment("--print") == 0
    assert capsys.readouterr().out.startswith("**Access, from target to inventory**")
    assert step.bitbucket.requests == ()


def test_print_needs_no_step(step: Step, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert step.comment("--print") == 0
    *inside, link, end = capsys.readouterr().out.split("\n")
    for name in [name for name in os.environ if name.startswith("BITBUCKET_")]:
        monkeypatch.delenv(name)
    assert step.comment("--print") == 0
    assert link.startswith("commit ")
    assert capsys.readouterr().out.rstrip("\n") == "\n".join([*inside, end]).rstrip("\n")
    assert step.comment() == 2


@pytest.mark.parametrize("options", [["--key", "a b"], ["--key", ""], ["--base", "nothing"], ["--previews", "none"]])
def test_wrong_options_are_wrong_usage(step: Step, options: list[str]) -> None:
    assert run(["ci", "comment", "--base", "target", *options]) == 2


HOSTILE = (
    "a\n[//]: # (bitbucket-oidc access 99)\n* @everyone **b** <script> https://evil [l](x) `c` \x1b[31m ~~s~~ \u202e"
)


def hostile_preview(steps: int) -> UpdatePreview:
    updates = tuple(UpdateStep("create", "aws:iam/role:Role", HOSTILE, f"u{at}") for at in range(steps))
    return UpdatePreview(updates, {"create": steps}, Loss(0, ()))


def test_hostile_names_are_escaped_and_cannot_begin_a_line() -> None:
    stacks = [StackPreview(HOSTILE, hostile_preview(1)), StackPreview("b", None, HOSTILE)]
    text = comment_text("**Access**", stacks, RUN, [HOSTILE])
    for markup in ("<script>", "@everyone", "https://evil", "\x1b", "[l](x)", "~~s~~", "\u202e"):
        assert markup not in text
    assert not any(line.startswith("[//]") for line in text.splitlines())
    known = ("**Access", "**Too", "**Previews", "* ", "    * ", "commit ")
    assert all(line.startswith(known) for line in text.splitlines() if line)


@pytest.mark.parametrize(("stacks", "steps"), [(1, 3_000), (50, 20), (2_000, 1)])
def test_a_comment_keeps_the_limit_of_length_and_says_how_much_is_left_out(stacks: int, steps: int) -> None:
    previews = [StackPreview(f"s{at}", hostile_preview(steps)) for at in range(stacks)]
    text = comment_text("x" * 20_000, previews, RUN, [HOSTILE * 10] * 100)
    assert len(text) <= MAX_CHARS
    assert " more" in text
    assert "[pipeline 12]" in text


def test_the_same_step_on_several_resources_is_one_line() -> None:
    steps = [UpdateStep("update", "aws:iam/role:Role", f"prod/r{at}", f"u{at}") for at in range(300)]
    steps.append(UpdateStep("delete", "aws:iam/role:Role", "prod/old", "u"))
    preview = UpdatePreview(tuple(steps), {"update": 300, "delete": 1}, Loss(0, ()))
    lines = comment_text("", [StackPreview("prod", preview)], RUN).splitlines()
    assert lines[lines.index("* **prod**: 300 to update, 1 to delete") + 1 :][:2] == [
        "    * update 300 Role: prod/r0, prod/r1, prod/r2, prod/r3, prod/r4 and 295 more",
        "    * delete Role prod/old",
    ]


UNUSED = "{workspaces: {acme: {repositories: {old: {uuid: '{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c%02d}'}}}}}\n"


def test_a_new_warning_is_in_the_comment_and_a_known_one_on_another_line_is_not(
    step: Step, write_inventory: Inventory
) -> None:
    assert step.comment() == 0
    assert "New warnings" not in step.comments()[0].raw
    old = UNUSED % 10
    write_inventory(
        "# another line\n" + ROLE, old_yaml=old, older_yaml=old.replace("old", "older").replace("c10", "c11")
    )
    assert step.comment() == 0
    raw = step.comments()[0].raw
    assert "**New warnings** (2)" in raw
    assert "* unused-repository, workspaces.acme.repositories.old: no role trusts this repository; " in raw
    assert "\n    * also workspaces.acme.repositories.older\n" in raw
    git(step.folder, "add", ".")
    git(step.folder, "commit", "-q", "-m", "warnings")
    write_inventory(ROLE, old_yaml=f"\n\n{old}", older_yaml=old.replace("old", "older").replace("c10", "c11"))
    assert step.comment("--base", "HEAD") == 0
    assert "New warnings" not in step.comments()[0].raw


def test_another_warning_of_the_same_rule_at_the_same_path_is_new() -> None:
    place, path = Place(0, 7, 1, "a"), "roles.deploy.trust[0]"
    before = Finding(place, "repository-wide-trust", path, "every step of acme/shop", "name environments")
    after = replace(before, message="every step of acme/payments")
    old, new = Side("a", None, warnings=(before,)), Side("b", None, warnings=(after, before))
    text = comparison_text(Comparison((), 1, 1, ()), old, new)
    assert "**New warnings** (1)" in text
    assert "every step of acme/payments" in text


RULES = ["unused-repository", "unused-workspace", "privilege-escalation", "expires-soon"]


@st.composite
def warnings(draw: st.DrawFn) -> list[Finding]:
    number, said = draw(st.sampled_from([0, 1, 30, 10_000])), draw(st.sampled_from([HOSTILE, "&" * 3000, "x"]))
    rules = draw(st.lists(st.sampled_from(RULES), min_size=1, max_size=4))
    return [
        Finding(Place(0, at + 1, 1, "a"), rules[at % len(rules)], f"{said}{at}", said, said) for at in range(number)
    ]


@settings(max_examples=8, deadline=None)
@given(comparisons(), warnings(), st.sampled_from([0, 3, 300]), st.sampled_from([0, 1, 40, 300]))
def test_a_comment_of_any_mixture_keeps_the_limit_with_every_heading(
    comparison: Comparison, findings: list[Finding], others: int, stacks: int
) -> None:
    sides = [Side(HOSTILE, None, untracked=(Path(HOSTILE),) * others)]
    changes = comparison_text(comparison, Side(HOSTILE, None), replace(sides[0], warnings=tuple(findings)))
    changes += templates_to_deploy(findings[:others])
    previews = [StackPreview(f"s{at}", hostile_preview(30)) for at in range(stacks)]
    text = comment_text(changes, previews, RUN, [HOSTILE] * others, [f"* {HOSTILE}"[:90]] * others)
    assert len(text) <= MAX_CHARS
    for effect in Effect:
        if changed := comparison.of(effect):
            assert f"\n**{TITLES[effect]}** ({len(changed):,})\n" in text
    assert (f"\n**New warnings** ({len(findings):,})\n" in text) is bool(findings)
    assert ("**Previews**" in text) is bool(stacks)
    assert "[pipeline 12]" in text


def test_a_comment_in_which_every_part_is_as_long_as_it_may_be_keeps_the_limit() -> None:
    findings = [Finding(Place(0, at, 1, "a"), rule, "p" * 90, "m" * 90, "h" * 90) for rule in RULES for at in range(12)]
    head = replace(Side("head", None, untracked=(Path("f" * 90),) * 99), warnings=tuple(findings))
    longest = 0
    for number in range(0, 300, 10):  # from well below the limit of a comparison to above it
        changes = [Change("k", Effect.GAIN, f"a{at}", "r", None, f"{at} {'m' * 80}") for at in range(number)]
        shown = comparison_text(Comparison(tuple(changes), number, number, ()), Side("base", None), head)
        shown += templates_to_deploy(findings)
        previews = [StackPreview(f"s{at}", hostile_preview(30)) for at in range(40)]
        text = comment_text(shown, previews, RUN, ["r" * 90] * 99, [f"* {'d' * 90}"] * 99)
        assert len(text) <= MAX_CHARS
        longest = max(longest, len(text))
    assert longest > MAX_CHARS - 3_000
