"""Pipelines held against a plan: own snippets pass, and each fault gives its finding at its place."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from access.compile import compile_plan
from access.evaluation.decide import decide
from access.evaluation.request import WebIdentityRequest
from access.pipeline_check import CheckedPipelines, check_pipelines
from access.plan import AccessPlan, AccountPlan, RolePlan
from config.load import Loaded, load_inventory
from config.pipelines.reading import read_pipelines
from review.snippets import Style, snippet
from tests.project.pages import PROJECT, TODAY

Inventory = Callable[..., Path]
AT = datetime.combine(TODAY, time(), UTC)
DEPLOY = "arn:aws:iam::222222222222:role/bitbucket/deploy"
ROLES = """
roles:
  deploy:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
  stage:
    accounts: [dev]
    trust: [{repository: acme/shop, environments: [staging]}]
  build:
    accounts: [dev]
    trust: [{repository: acme/shop, steps: outside_environments, allow: {repository-wide-trust: "builds"}}]
  any:
    accounts: [dev]
    trust: [{repository: acme/shop, steps: all_including_environments, allow: {repository-wide-trust: "checks"}}]
  fixed:
    accounts: [dev]
    trust: [{repository: acme/shop, environments: [production]}]
    source_ips: [203.0.113.7]
  site:
    accounts: [dev]
    trust: [{repository: acme/site, steps: outside_environments, allow: {repository-wide-trust: "builds"}}]
  gone:
    accounts: [dev]
    trust: [{repository: acme/shop, environments: [production]}]
    expires: 2026-01-31
    allow: {expired: "kept"}
  custom:
    accounts: [dev]
    trust: [{repository: other/tool, steps: outside_environments, audiences: [sts.amazonaws.com]}]
"""


def arn(role: str, account: str = "111111111111") -> str:
    return f"arn:aws:iam::{account}:role/bitbucket/{role}"


def planned(folder: Path) -> tuple[Loaded, AccessPlan]:
    loaded = load_inventory(folder, today=TODAY)
    plan = compile_plan(loaded).plan
    assert plan is not None
    return loaded, plan


@pytest.fixture
def check(write_inventory: Inventory) -> Callable[..., CheckedPipelines]:
    """Check a file of acme/shop."""
    loaded, plan = planned(write_inventory(ROLES))

    def of(text: str, repository: str = "acme/shop") -> CheckedPipelines:
        return check_pipelines(read_pipelines(text), repository, plan, loaded.inventory, AT)

    return of


Check = Callable[..., CheckedPipelines]


def step(role: str, *lines: str) -> str:
    """Return a pipeline of one step that pulls its image with a role."""
    more = "".join(f"        {line}\n" for line in lines)
    image = f'        image: {{name: tools, aws: {{oidc-role: "{role}"}}}}\n'
    return f"pipelines:\n  default:\n    - step:\n{image}{more}        script: [make]\n"


def rules(checked: CheckedPipelines) -> list[str]:
    return [fault.rule for fault in checked.faults]


def only(checked: CheckedPipelines) -> tuple[str, tuple[int, int], str]:
    """Return rule, line and column, and message of the only fault."""
    (fault,) = checked.faults
    assert fault.place is not None
    return fault.rule, (fault.place.line, fault.place.column), fault.message


FIXTURES = sorted((PROJECT / "tests" / "fixtures" / "inventories").iterdir())
PLANS = [
    planned(path) for path in (*FIXTURES, PROJECT / "examples" / "quickstart",
    PROJECT / "examples" / "inventory-repository" / "inventory") if compile_plan(load_inventory(path, today=TODAY)).plan
]  # fmt: skip


def snippets_of(plan: AccessPlan) -> Iterator[tuple[AccountPlan, RolePlan, str]]:
    for account in plan.accounts:
        for role in account.roles:
            for line in role.trust:
                if line.repository is not None and line.renamed_to is None:
                    yield account, role, f"{line.workspace}/{line.repository}"


SNIPPETS = [(loaded, plan, *shown) for loaded, plan in PLANS for shown in snippets_of(plan)]
STYLES = st.sampled_from([style for style in Style if style is not Style.ECR_IMAGE])


def test_there_are_snippets_of_every_kind() -> None:
    roles = [role for _, _, _, role, _ in SNIPPETS]
    assert any(role.source_ips for role in roles)
    assert any(role.source_vpces for role in roles)
    assert {line.steps for role in roles for line in role.trust} == {
        None, "outside_environments", "all_including_environments"
    }  # fmt: skip
    assert len(SNIPPETS) > 20


def day_of(role: RolePlan) -> datetime:
    """Return a time at which a role has not ended."""
    return AT if role.expires is None or role.expires >= TODAY else datetime.combine(role.expires, time(), UTC)


@given(st.sampled_from(SNIPPETS), st.sampled_from(Style))
def test_every_snippet_of_every_plan_passes(
    shown: tuple[Loaded, AccessPlan, AccountPlan, RolePlan, str], style: Style
) -> None:
    loaded, plan, account, role, repository = shown
    text = snippet(role, account, repository, style)
    checked = check_pipelines(read_pipelines(text), repository, plan, loaded.inventory, day_of(role))
    assert checked.faults == ()
    assert checked.unchecked == 0
    assert checked.checked == text.count("- step:")
    assert all("doctor --exchange" in note.text for note in checked.notes)


FAULTS: dict[str, tuple[str, str, str]] = {
    "step-without-oidc": (r"(?m)^ +oidc: true\n", "", "- step:"),
    "step-not-trusted": (r"(?m)^( +deployment: ).*$", r"\g<1>another environment", "deployment:"),
    "unknown-role-arn": (r"role(/[^\s'\"]*)", r"role\g<1>-2", "arn:"),
    "token-not-written": (r"(?m)^.*(?:printenv|TOKEN_FILE).*\n", "", "AWS_ROLE_ARN"),
}


@settings(max_examples=200)
@given(st.sampled_from(SNIPPETS), STYLES, st.sampled_from([*FAULTS]))
def test_a_snippet_with_one_fault_gives_just_its_finding_for_each_step(
    shown: tuple[Loaded, AccessPlan, AccountPlan, RolePlan, str], style: Style, rule: str
) -> None:
    loaded, plan, account, role, repository = shown
    whole = snippet(role, account, repository, style)
    pattern, replacement, where = FAULTS[rule]
    text, number = re.subn(pattern, replacement, whole)
    is_any = any(line.steps == "all_including_environments" for line in role.trust)
    needs_sdk = rule == "token-not-written" and style not in (Style.WEB_IDENTITY, Style.TERRAFORM)
    if number == 0 or needs_sdk or "audiences:" in text or (is_any and rule == "step-not-trusted"):
        return
    checked = check_pipelines(read_pipelines(text), repository, plan, loaded.inventory, day_of(role))
    assert set(rules(checked)) == {rule}
    lines = text.splitlines()
    for fault in checked.faults:
        assert fault.place is not None
        assert where in lines[fault.place.line - 1]


@pytest.mark.parametrize("role", ["deploy", "stage", "build", "any", "fixed", "site", "gone"])
@pytest.mark.parametrize("environment", [None, "production", "staging", "elsewhere"])
def test_a_step_is_refused_if_and_only_if_sts_would(
    check: Check, write_inventory: Inventory, role: str, environment: str | None
) -> None:
    loaded, plan = planned(write_inventory(ROLES))
    account, found = next((a, r) for a in plan.accounts for r in a.roles if r.key == role)
    shop = loaded.inventory.workspaces["acme"].repositories["shop"]
    known = {"elsewhere": "{00000000-0000-4000-8000-00000000000f}"} | {
        name: str(declared.uuid) for name, declared in shop.environments.items()
    }
    parts = [shop.uuid, *([known[environment]] if environment else []), "{759de0c6-1f4b-4d3a-9c8e-0b1a2c3d4e5f}"]
    claims = {
        "iss": "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
        "aud": "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11",
        "sub": ":".join(map(str, parts)),
    }
    request = WebIdentityRequest(claims, account.id, AT, source_ip="203.0.113.7")
    lines = ["oidc: true", "runs-on: self.hosted", *([f"deployment: {environment}"] if environment else [])]
    checked = check(step(found.arn, *lines))
    assert rules(checked) == ([] if decide(found.trust_policy.to_json(), request).allowed else ["step-not-trusted"])


PROD = "deployment: production"


@pytest.mark.parametrize(
    ("text", "rule", "place", "message"),
    [
        (step(DEPLOY, "deployment: staging", "oidc: true"), "step-not-trusted", (5, 21),
         "role deploy in account prod refuses this step: subject has another deployment environment: expected"),
        (step(DEPLOY, "oidc: true"), "step-not-trusted", (3, 7), "the step lacks `deployment: production`"),
        (step(arn("build"), PROD, "oidc: true"), "step-not-trusted", (5, 21), "takes only steps without `deployment:`"),
        (step(arn("site"), "oidc: true"), "step-not-trusted", (3, 7), "expected acme/site, got acme/shop"),
        (step(arn("gone"), PROD, "oidc: true"), "step-not-trusted", (5, 21), "the last day was 2026-01-31"),
        (step(DEPLOY, PROD, "oidc: {audiences: [x]}"), "step-not-trusted", (5, 21), "audience: expected"),
        (step(DEPLOY, PROD, "oidc: {audiences: [x, y]}"), "step-not-trusted", (5, 21), "more than one audience"),
        (step(arn("fixed"), PROD, "oidc: true"), "step-not-trusted", (3, 7),
         "accepts calls from 203.0.113.7/32, and the step runs on Bitbucket's cloud"),
        (step(DEPLOY, PROD), "step-without-oidc", (3, 7), "the step has image.aws.oidc-role, but no `oidc: true`"),
        (step(DEPLOY, PROD, "oidc: false"), "step-without-oidc", (3, 7), "no `oidc: true`"),
        (step(arn("deploy"), PROD, "oidc: true"), "unknown-role-arn", (4, 47),
         "account dev of the inventory has no such role"),
        (step(arn("deploy", "999999999999"), PROD, "oidc: true"), "unknown-role-arn", (4, 47),
         "no account of the inventory has such a role"),
    ],
)  # fmt: skip
def test_a_fault_is_told_at_its_place(check: Check, text: str, rule: str, place: tuple[int, int], message: str) -> None:
    found = only(check(text))
    assert found[:2] == (rule, place)
    assert message in found[2]


def test_the_hint_names_what_was_meant(check: Check) -> None:
    (fault,) = check(step(arn("deploi", "222222222222"), PROD, "oidc: true")).faults
    assert fault.hint == f"did you mean `{DEPLOY}`?"
    (fault,) = check(step(DEPLOY, "deployment: staging", "oidc: true")).faults
    assert fault.hint == f"change the step, or name a role that trusts it: {arn('any')}, {arn('stage')}"


@pytest.mark.parametrize(
    ("lines", "is_refused"),
    [
        ([], True),
        (["runs-on: [self.hosted, linux]"], False),
        (["size: 4x", "runtime: {cloud: {atlassian-ip-ranges: true}}"], False),  # the networks may be Atlassian's
    ],
)
def test_a_role_for_certain_addresses_needs_a_step_that_can_have_them(
    check: Check, lines: list[str], is_refused: bool
) -> None:
    checked = check(step(arn("fixed"), PROD, "oidc: true", *lines))
    assert rules(checked) == (["step-not-trusted"] if is_refused else [])


@pytest.mark.parametrize(
    ("lines", "hint"),
    [
        ([], "size: 4x"),
        (["size: 2x", "runtime: {cloud: {atlassian-ip-ranges: true}}"], "size: 4x"),
        (["size: 8x"], "size: 4x"),
        (["runs-on: self.hosted"], "size: 4x"),
        (["size: 4x", "runtime: {cloud: {atlassian-ip-ranges: true}}"], None),
    ],
)
def test_a_role_for_atlassian_addresses_needs_a_step_that_has_them(
    write_inventory: Inventory, lines: list[str], hint: str | None
) -> None:
    trust = "{repository: acme/shop, environments: [production]}"
    ips = "source_ips: atlassian, allow: {shared-addresses: second factor}"
    folder = write_inventory(f"roles: {{r: {{accounts: [dev], trust: [{trust}], {ips}}}}}\n")
    lock = "version: 1\naddress_ranges: {atlassian: {sync_token: 1, networks: [104.192.136.0/21]}}\n"
    (folder / "inventory.lock.yaml").write_text(lock)
    loaded, plan = planned(folder)
    text = step(arn("r"), PROD, "oidc: true", *lines)
    checked = check_pipelines(read_pipelines(text), "acme/shop", plan, loaded.inventory, AT)
    assert [fault.rule for fault in checked.faults] == ([] if hint is None else ["step-not-trusted"])
    assert all(hint in fault.hint for fault in checked.faults if hint)
    options = "options:\n" + "".join(f"  {line}\n" for line in lines)
    same = check_pipelines(
        read_pipelines(options + step(arn("r"), PROD, "oidc: true")), "acme/shop", plan, loaded.inventory, AT
    )
    assert rules(same) == rules(checked)


def test_capitals_of_an_environment_do_not_matter_and_are_noted(check: Check) -> None:
    checked = check(step(DEPLOY, "deployment: Production", "oidc: true"))
    assert checked.faults == ()
    assert [note.text for note in checked.notes] == [
        "`Production` is taken as the deployment environment production of the inventory"
    ]


FORMS = f"""
image: {{name: base, aws: {{oidc-role: "{arn("any")}"}}}}
definitions:
  services:
    cache: {{image: {{name: redis, aws: {{oidc-role: "{arn("stage")}"}}}}}}
  scripts:
    - script: &script
        - export AWS_ROLE_ARN={DEPLOY}
        - export AWS_WEB_IDENTITY_TOKEN_FILE=$(mktemp)
        - echo $BITBUCKET_STEP_OIDC_TOKEN > $AWS_WEB_IDENTITY_TOKEN_FILE
  steps:
    - step: &step
        oidc: true
        deployment: staging
        script: *script
pipelines:
  default:
    - parallel:
        - step: *step
        - step: {{<<: *step, deployment: production}}
  branches:
    main:
      - parallel:
          fail-fast: true
          steps:
            - step: {{oidc: true, services: [cache], script: [make]}}
      - stage:
          deployment: production
          steps:
            - step:
                oidc: true
                runs-on: self.hosted
                runtime: {{self-hosted: {{storage: {{aws: {{bucket: b, region: r, oidc-role: "{arn("stage")}"}}}}}}}}
                script:
                  - pipe: atlassian/aws-s3-deploy:2.0.1
                    variables: {{AWS_OIDC_ROLE_ARN: "{arn("stage")}"}}
                after-script: [*script]
  custom:
    c:
      - variables: [{{name: X}}]
      - step: {{script: [make]}}
      - final: {{script: [make]}}
    imported: {{import: "shared:main:build"}}
"""


def test_every_form_of_a_pipeline_is_read(check: Check) -> None:
    checked = check(FORMS)
    found = [(fault.rule, ".".join(map(str, fault.path))) for fault in checked.faults]
    assert found == [
        ("step-not-trusted", "pipelines.default.0.parallel.0.step"),
        ("step-not-trusted", "pipelines.branches.main.0.parallel.steps.0.step"),
        ("step-not-trusted", "pipelines.branches.main.1.stage.steps.0.step"),
        ("step-without-oidc", "pipelines.custom.c.1.step"),
        ("step-without-oidc", "pipelines.custom.c.2.final"),
    ]
    assert [note.text for note in checked.notes] == ["not checked: the pipeline is in another repository"]
    assert (checked.checked, checked.unchecked) == (12, 0)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (step("arn:aws:iam::$ACCOUNT:role/r", PROD, "oidc: true"), "the ARN has a variable"),
        (step(DEPLOY, "deployment: $ENVIRONMENT", "oidc: true"), "the deployment environment has a variable"),
        (step(DEPLOY, "environment: production", "oidc: true"), "a step with `environment`"),
        ("options: {oidc: true}\n" + step(DEPLOY, PROD), "`options` has `oidc`"),
        ("pipelines: {default: [{step: {oidc: true, script: [make]}}]}\n", "names no role in a form that is read"),
        (f"pipelines: {{default: [{{step: {{script: ['echo {DEPLOY}']}}}}]}}\n", "the command is not read"),
        (f"pipelines: {{default: [{{step: {{oidc: true, {PROD}, script: [export AWS_ROLE_ARN={DEPLOY}, make]}}}}]}}\n",
         "a command of the step may do it"),
        (f"pipelines: {{default: [{{step: {{script: [export AWS_ROLE_ARN={arn('theirs')}, ./assume.sh]}}}}]}}\n",
         "the inventory has no such role, and the step has no token"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_a_note_and_no_finding(check: Check, text: str, note: str) -> None:
    checked = check(text)
    assert checked.faults == ()
    assert [note in found.text and found.text.startswith("not checked: ") for found in checked.notes] == [True]


def test_a_further_audience_that_the_role_accepts_is_noted(check: Check) -> None:
    checked = check(step(arn("custom"), "oidc: {audiences: [sts.amazonaws.com]}"), "other/tool")
    assert checked.faults == ()
    assert ["STS refuses a token with two" in note.text for note in checked.notes] == [True]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("pipelines: [\n", "yaml-syntax"),
        ("pipelines:\n  default: []\n  default: []\n", "duplicate"),
        ("roles: {}\n", "wrong-type"),
        ("", "wrong-type"),
        ("- step\n", "wrong-type"),
        ("pipelines: {\u202e: 1}\n", "hidden-characters"),
    ],
)
def test_a_file_that_is_no_pipeline_is_a_finding(check: Check, text: str, rule: str) -> None:
    assert rules(check(text)) == [rule]


@pytest.mark.parametrize("text", ["pipelines:\n  branches:\n    1.0:\n      - step: {script: ['12:30', !!str x]}\n"])
def test_what_only_an_inventory_refuses_is_no_finding(check: Check, text: str) -> None:
    assert check(text).faults == ()


@given(
    st.recursive(
        st.sampled_from(["x", "oidc", DEPLOY, "$X", "true", "", None, 1, "AWS_ROLE_ARN=a", "(", "`"]),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["pipelines", "default", "step", "parallel", "stage", "steps", "oidc", "script", "image",
                             "aws", "oidc-role", "deployment", "pipe", "variables", "AWS_OIDC_ROLE_ARN", "runtime",
                             "services", "definitions", "options", "audiences", "import", "final"]), inner, max_size=4),
        max_leaves=20,
    )
)  # fmt: skip
def test_any_file_is_read_without_an_exception(data: object) -> None:
    loaded, plan = PLANS[0]
    names = [f"{slug}/{name}" for slug, its in loaded.inventory.workspaces.items() for name in its.repositories]
    text = yaml.safe_dump({"pipelines": data})
    check_pipelines(read_pipelines(text), names[0], plan, loaded.inventory, AT)
