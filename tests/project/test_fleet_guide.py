"""docs/guides/fleet.md from top to bottom: the commands of its fleet run on emulated accounts, with the Pulumi CLI."""

import json
import re
import shlex
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli
from fleet.machine import Machine
from fleet.status import Standing
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.fleet import in_session
from sandbox.session import read_subject, running
from tests.project.pages import PROJECT, blocks_of
from tests.sandbox.bootstrap.bootstrapped import ALLOW_ALL
from tests.sandbox.running_engine import NEEDS_CLI

PAGE = PROJECT / "docs" / "guides" / "fleet.md"
FIRST, LATER = 1, 0
"""Exit codes: the first command, `status`, finds that nothing is deployed."""


def test_the_guide_names_each_standing() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(named) == sorted(Standing)


@NEEDS_CLI
def test_the_guide_works_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = []
    for block in blocks_of(PAGE):
        if block.file:
            Path(block.file).parent.mkdir()
            Path(block.file).write_text(block.text)
        else:
            assert block.language == "bash"
            lines += [line for line in block.text.splitlines() if " fleet split " not in line]  # test_split_of_a_real_…
    with running(read_subject(Path("inventory"))) as session, in_session(session) as machine:
        make_reading_roles(session.endpoint)
        for number, line in enumerate(lines):
            succeeds(line, machine, FIRST if number == 0 else LATER)
    results = {
        account["account"]: account["result"] for account in json.loads(Path("run.json").read_text())["accounts"]
    }
    assert results == {"sandbox-1": "succeeded", "shop-dev": "succeeded", "shop-live": "succeeded"}
    assert json.loads(Path("joined.json").read_text())["totals"] == {"in-line": 1}
    assert json.loads(Path("drift.json").read_text())["totals"] == {"in-line": 3}


def make_reading_roles(endpoint: str) -> None:
    """Make the reading roles as `bootstrap` does; whoever enters the deploying role enters them."""
    with closing(RootUsers(endpoint)) as roots:
        for number in "123":
            iam = roots.client(number * 12)
            trust = iam.get_role(RoleName="PulumiDeploy")["Role"]["AssumeRolePolicyDocument"]
            iam.create_role(RoleName="PulumiDeploy-reading", AssumeRolePolicyDocument=json.dumps(trust))
            iam.put_role_policy(RoleName="PulumiDeploy-reading", PolicyName="read", PolicyDocument=ALLOW_ALL)


def succeeds(line: str, machine: Machine, code: int) -> None:
    """Run a line of the guide on emulated accounts."""
    shown, _, file = line.partition(" > ")
    program, *arguments = shlex.split(shown)
    assert program == "bitbucket-oidc"
    result = CliRunner().invoke(cli, arguments, obj=machine, standalone_mode=False)
    assert result.return_value == code, (line, result.output, result.exception)
    if file:
        Path(file).write_text(result.stdout)
