"""Snippets: the right step for each line of trust, one value whatever a name holds, and nothing secret in the log."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from access.compile import compile_plan
from access.plan import AccessPlan
from access.snippets.script import PIPES
from access.snippets.snippet import pair_snippet, snippet
from access.snippets.style import Style
from access.snippets.yaml_text import scalar
from config.load import load_inventory

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
{ env | grep -E '^AWS_' | sort; echo "args: $*"; ls -l "$AWS_WEB_IDENTITY_TOKEN_FILE"; } >> "$RECORD"
for word in "$@"; do
  case "$word" in file://*) cp "${word#file://}" "$RECORD.token"; ls -l "${word#file://}" >> "$RECORD";; esac
done
[ -n "$AWS_WEB_IDENTITY_TOKEN_FILE" ] && cp "$AWS_WEB_IDENTITY_TOKEN_FILE" "$RECORD.token"
case "$*" in *assume-role-with-web-identity*) printf 'AKIAMARKED\\tsecret/marked+\\tsession==marked\\n';; esac
exit 0
"""


@pytest.mark.parametrize("style", [Style.WEB_IDENTITY, Style.EXPLICIT])
def test_the_script_hands_the_token_over_and_shows_none(
    write_inventory: Inventory, style: Style, tmp_path: Path
) -> None:
    (step,) = steps(write_inventory(BOUND), style)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "aws").write_text(STUB)
    (tmp_path / "bin" / "aws").chmod(0o755)
    clone = tmp_path / "clone"
    clone.mkdir()
    script = "\n".join(["set -e", *step["script"]])
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    environ = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "RECORD": str(tmp_path / "record"),
        "BITBUCKET_STEP_OIDC_TOKEN": TOKEN,
        "BITBUCKET_REPO_SLUG": "a shop: $(id) é " + "x" * 80,
        "BITBUCKET_BUILD_NUMBER": "1234",
        "AWS_ACCESS_KEY_ID": "AKIASTATIC",
        "TMPDIR": str(tmp_path),
    }
    for shell in ("sh", "bash"):
        (tmp_path / "record").write_text("")
        done = subprocess.run(
            [shell, "-c", script], env=environ, cwd=clone, text=True, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, "")
        assert "marked" not in done.stderr
        assert (tmp_path / "record.token").read_text() == TOKEN
        record = (tmp_path / "record").read_text()
        assert "-rw-------" in record
        assert TOKEN not in record
        assert "AKIASTATIC" not in record
        name = next(line for line in record.splitlines() if line.startswith("AWS_ROLE_SESSION_NAME=")).partition("=")[2]
        assert (len(name), name[-5:]) == (64, "-1234")
        assert ("AWS_SESSION_TOKEN=session==marked" in record) is (style is Style.EXPLICIT)
        assert list(clone.iterdir()) == []


def test_no_style_shows_what_it_got(write_inventory: Inventory) -> None:
    for style in Style:
        script = str(steps(write_inventory(BOUND), style)[0]["script"])
        assert not any(shown in script for shown in ("set -x", "cat ", "echo $", 'echo "$', "env\n"))
