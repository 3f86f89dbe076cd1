"""Snippets: the right step for each line of trust, one value whatever a name holds, and nothing secret in the log."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from access.compile import compile_plan
from access.plan import AccessPlan
from config.load import load_inventory
from config.yaml.text import scalar
from review.snippets import PIPES, Style, pair_snippet, snippet
from tests.pipelines_schema import PIPELINES_SCHEMA

Inventory = Callable[..., Path]
TOKEN = "eyJmarked.eyJtoken.signature-of-it"
STEP_KEYS = {"name", "deployment", "oidc", "size", "runtime", "runs-on", "image", "script"}


def plan_of(folder: Path) -> AccessPlan:
    plan = compile_plan(load_inventory(folder)).plan
    assert plan is not None
    return plan


def steps(folder: Path, style: Style = Style.WEB_IDENTITY, repository: str = "acme/shop") -> list[dict[str, Any]]:
    account = next(account for account in plan_of(folder).accounts if account.key == "prod")
    document = yaml.safe_load(snippet(account.roles[0], account, repository, style))
    return [item["step"] for item in document["pipelines"]["branches"]["main"]]


def role(trust: str, more: str = "") -> str:
    return f"roles: {{r: {{accounts: [prod], trust: [{trust}]{more}}}}}\n"


BOUND = role("{repository: acme/shop, environments: [production]}")


@pytest.mark.parametrize("style", Style)
def test_a_step_names_the_environment_and_asks_for_a_token(write_inventory: Inventory, style: Style) -> None:
    (step,) = steps(write_inventory(BOUND), style)
    assert (step["deployment"], step["oidc"]) == ("production", True)
    assert set(step) <= STEP_KEYS
    assert all(isinstance(item, str) or set(item) == {"pipe", "variables"} for item in step["script"])
    assert "arn:aws:iam::222222222222:role/bitbucket/r" in str(step)
    assert "eu-west-1" in str(step)


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize(
    "more",
    ["", ", source_vpces: [vpce-0a1b2c3d4e5f60718]", ", source_ips: [203.0.113.7], max_session_duration: 12h"],
)
def test_every_style_is_valid_by_the_published_schema(write_inventory: Inventory, style: Style, more: str) -> None:
    trust = "{repository: acme/shop, environments: [production, staging]}"
    checks = '{repository: acme/shop, steps: outside_environments, allow: {repository-wide-trust: "checks"}}'
    account = next(account for account in plan_of(write_inventory(role(f"{trust}, {checks}", more))).accounts)
    for found in account.roles:
        document = yaml.safe_load(snippet(found, account, "acme/shop", style))
        jsonschema.Draft7Validator(PIPELINES_SCHEMA).validate(document)


def test_the_published_schema_refuses_an_invalid_step() -> None:
    invalid_steps: list[dict[str, Any]] = [
        {"oidc": "true"},
        {"script": []},
        {"script": ["x"], "size": "3x"},
        {"script": ["x"], "runs-on": 1},
    ]
    for step in invalid_steps:
        document = {"pipelines": {"branches": {"main": [{"step": step}]}}}
        assert list(jsonschema.Draft7Validator(PIPELINES_SCHEMA).iter_errors(document)), step


def test_a_path_of_any_characters_is_no_code(write_inventory: Inventory, tmp_path: Path) -> None:
    path = "/$(touch${IFS}owned)/`touch${IFS}owned`/'\";touch${IFS}owned;#/"
    more = f", path: {json.dumps(path)}"
    folder = write_inventory(role("{repository: acme/shop, environments: [production]}", more))
    arn = f"arn:aws:iam::222222222222:role{path}r"
    for style, line in ((Style.WEB_IDENTITY, "export AWS_ROLE_ARN="), (Style.EXPLICIT, "aws sts assume-role-with")):
        script = steps(folder, style)[0]["script"]
        (command,) = (item for item in script if item.startswith(line))
        ends = 'printf %s "$AWS_ROLE_ARN"' if style is Style.WEB_IDENTITY else "true"
        aws = 'aws() { printf %s "$4"; }; keys_file=/dev/stdout'
        done = subprocess.run(
            ["sh", "-ec", f"{aws}\n{command}\n{ends}"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.stdout, done.stderr) == (arn, "")
        assert list(tmp_path.glob("owned")) == []
    assert steps(folder, Style.PIPE)[0]["script"][0]["variables"]["AWS_OIDC_ROLE_ARN"] == arn
    assert steps(folder, Style.ECR_IMAGE)[0]["image"]["aws"]["oidc-role"] == arn


def test_each_environment_has_a_step_and_production_comes_last(write_inventory: Inventory) -> None:
    found = steps(write_inventory(role("{repository: acme/shop, environments: [production, staging]}")))
    assert [step["deployment"] for step in found] == ["staging", "production"]


def test_outside_environments_there_is_no_deployment(write_inventory: Inventory) -> None:
    trust = '{repository: acme/shop, steps: outside_environments, allow: {repository-wide-trust: "checks"}}'
    (step,) = steps(write_inventory(role(trust)))
    assert "deployment" not in step


def test_a_custom_audience_is_asked_for(write_inventory: Inventory) -> None:
    trust = "{repository: other/tool, steps: outside_environments, audiences: [sts.amazonaws.com]}"
    (step,) = steps(write_inventory(role(trust)), repository="other/tool")
    assert step["oidc"] == {"audiences": ["sts.amazonaws.com"]}


def test_a_role_behind_a_vpc_endpoint_needs_a_self_hosted_runner(write_inventory: Inventory) -> None:
    more = ", source_vpces: [vpce-0a1b2c3d4e5f60718]"
    (step,) = steps(write_inventory(role("{repository: acme/shop, environments: [production]}", more)))
    assert step["runs-on"] == ["self.hosted"]


def test_atlassian_addresses_need_the_size_that_may_use_them(write_inventory: Inventory) -> None:
    lock = "version: 1\naddress_ranges: {atlassian: {sync_token: 1, networks: [104.192.136.0/21]}}\n"
    more = ", source_ips: atlassian, allow: {shared-addresses: second factor}"
    folder = write_inventory(role("{repository: acme/shop, environments: [production]}", more))
    (folder / "inventory.lock.yaml").write_text(lock)
    (step,) = steps(folder)
    assert (step["size"], step["runtime"]) == ("4x", {"cloud": {"atlassian-ip-ranges": True}})


def test_a_pair_plans_on_pull_requests(write_inventory: Inventory) -> None:
    plan_role = "{trust: [{repository: acme/shop, steps: outside_environments}], managed_policies: []}"
    folder = write_inventory(role("{repository: acme/shop, environments: [production]}", f", plan_role: {plan_role}"))
    account = next(account for account in plan_of(folder).accounts if account.roles)
    deploy, plan = account.roles
    document = yaml.safe_load(pair_snippet(plan, deploy, account, "acme/shop", Style.TERRAFORM))["pipelines"]
    assert f"export AWS_ROLE_ARN={plan.arn}" in document["pull-requests"]["**"][0]["step"]["script"]
    assert f"export AWS_ROLE_ARN={deploy.arn}" in document["branches"]["main"][0]["step"]["script"]


@pytest.mark.parametrize("name", ["it's: # $(id) `id`", "yes", "*x", "{a}", "- x", "123", "é", "a:", '"q"', "~", "!x"])
def test_an_environment_of_any_name_stays_one_value(name: str, write_inventory: Inventory) -> None:
    folder = write_inventory(BOUND)
    text = (folder / "base.yaml").read_text()
    quoted = "'" + name.replace("'", "''") + "'"
    text = text.replace("production:", f"{quoted}:").replace("[production]", f"[{quoted}]")
    (folder / "base.yaml").write_text(text)
    (step,) = steps(folder)
    assert step["deployment"] == name
    assert name not in str(step["script"])


@given(st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1).map(str.strip).filter(bool))
def test_a_scalar_is_read_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"- {scalar(text)}\n") == [text]


def test_every_pipe_is_pinned() -> None:
    assert all(version.count(".") == 2 for version in PIPES.values())


STUB = """#!/bin/sh
{ env | grep -E '^AWS_' | sort; echo "args: $*"; } >> "$RECORD"
for word in "$@"; do
  case "$word" in file://*) cp "${word#file://}" "$RECORD.token"; ls -l "${word#file://}" >> "$RECORD";; esac
done
if [ -n "$AWS_WEB_IDENTITY_TOKEN_FILE" ]; then
  cp "$AWS_WEB_IDENTITY_TOKEN_FILE" "$RECORD.token"; ls -l "$AWS_WEB_IDENTITY_TOKEN_FILE" >> "$RECORD"
fi
case "$*" in *assume-role-with-web-identity*) printf 'AKIAMARKED\\tsecret/marked+\\tsession==marked\\n';; esac
exit 0
"""


@pytest.fixture
def fake_aws(tmp_path: Path) -> dict[str, str]:
    """An `aws` that records how it is called; the variables of a step in which it is found."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "aws").write_text(STUB)
    (tmp_path / "bin" / "aws").chmod(0o755)
    (tmp_path / "clone").mkdir()
    return {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "RECORD": str(tmp_path / "record"),
        "BITBUCKET_STEP_OIDC_TOKEN": TOKEN,
        "BITBUCKET_REPO_SLUG": "shop",
        "BITBUCKET_BRANCH": "x'; $(touch owned) `touch owned` --help\n#",
        "BITBUCKET_BUILD_NUMBER": "1234",
        "AWS_ACCESS_KEY_ID": "AKIASTATIC",
        "AWS_DEFAULT_PROFILE": "somebody",
        "TMPDIR": str(tmp_path),
    }


def ran(script: str, shell: str, environ: dict[str, str], tmp_path: Path) -> str:
    """Run a step's script and return what the log would show; the clone directory stays empty."""
    (tmp_path / "record").write_text("")
    done = subprocess.run(
        [shell, "-c", script], env=environ, cwd=tmp_path / "clone", text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "clone").iterdir()) == []
    return done.stdout + done.stderr


SCRIPTS = pytest.mark.parametrize("style", [Style.WEB_IDENTITY, Style.EXPLICIT])
SHELLS = pytest.mark.parametrize("shell", ["sh", "bash"])


@SCRIPTS
@SHELLS
def test_the_script_hands_the_token_over_and_shows_none(
    write_inventory: Inventory, style: Style, shell: str, tmp_path: Path, fake_aws: dict[str, str]
) -> None:
    (step,) = steps(write_inventory(BOUND), style)
    script = "\n".join(["set -e", *step["script"]])
    assert ran(script, shell, fake_aws, tmp_path) == ""
    assert (tmp_path / "record.token").read_text() == TOKEN
    record = (tmp_path / "record").read_text()
    assert "-rw-------" in record
    assert TOKEN not in record
    assert "AKIASTATIC" not in record
    assert "somebody" not in record
    assert "AWS_REGION=eu-west-1\n" in record
    assert "AWS_DEFAULT_REGION=eu-west-1\n" in record
    assert ("AWS_SESSION_TOKEN=session==marked" in record) is (style is Style.EXPLICIT)


@SCRIPTS
@SHELLS
def test_a_traced_script_shows_neither_token_nor_keys(
    write_inventory: Inventory, style: Style, shell: str, tmp_path: Path, fake_aws: dict[str, str]
) -> None:
    (step,) = steps(write_inventory(BOUND), style)
    log = ran("\n".join(["set -evx", *step["script"]]), shell, fake_aws, tmp_path)
    assert "+ aws sts get-caller-identity" in log
    assert "marked" not in log


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        ("shop", "shop-1234"),
        ("a.b_c-D", "a.b_c-D-1234"),
        ("a shop: $(id) é", "a-shop----id-----1234"),
        ("x" * 80, "x" * 59 + "-1234"),
        ("-n", "-n-1234"),
        ("", "-1234"),
    ],
)
def test_sts_accepts_the_session_name(
    write_inventory: Inventory, slug: str, name: str, tmp_path: Path, fake_aws: dict[str, str]
) -> None:
    (step,) = steps(write_inventory(BOUND))
    for shell in ("sh", "bash"):
        ran("\n".join(["set -e", *step["script"]]), shell, fake_aws | {"BITBUCKET_REPO_SLUG": slug}, tmp_path)
        assert f"AWS_ROLE_SESSION_NAME={name}\n" in (tmp_path / "record").read_text()
    assert 2 <= len(name) <= 64


@SHELLS
def test_keys_that_did_not_come_end_the_step(
    write_inventory: Inventory, shell: str, tmp_path: Path, fake_aws: dict[str, str]
) -> None:
    (tmp_path / "bin" / "aws").write_text("#!/bin/sh\nexit 0\n")
    (step,) = steps(write_inventory(BOUND), Style.EXPLICIT)
    script = "\n".join(["set -e", *step["script"], "echo reached"])
    done = subprocess.run([shell, "-c", script], env=fake_aws, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


def test_no_style_shows_what_it_got_or_keeps_it_as_an_artifact(write_inventory: Inventory) -> None:
    for style in Style:
        (step,) = steps(write_inventory(BOUND), style)
        shown = ("set -x", "cat ", "echo $", 'echo "$', "env\n", "$BITBUCKET_STEP_OIDC_TOKEN", "credentials.json")
        assert not any(one in str(step["script"]) for one in shown)
        assert not {"artifacts", "caches", "after-script"} & set(step)
