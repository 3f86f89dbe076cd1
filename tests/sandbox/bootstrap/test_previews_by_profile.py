"""Profiles lead a preview or a lock to the reading role and an up to the deploying one, with the same inventory."""

import contextlib
import io
import json
from pathlib import Path

import pytest

from cli.main import run
from fleet.pulumi_cli.steps import Operation
from oidc.errors import AwsError
from sandbox.run import Action
from tests.sandbox.bootstrap.bootstrapped import HUB_ROLE, INVENTORY, PROD, Bootstrapped, bootstrapped

DEPLOY_ROLE = INVENTORY[INVENTORY.index("  deploy_role") : INVENTORY.index("  permissions_boundary")]
BY_PROFILE = (
    INVENTORY.replace(DEPLOY_ROLE, "")
    .replace('{id: "222222222222"}', '{id: "222222222222", profile: prod}')
    .replace('{id: "333333333333"}', '{id: "333333333333", profile: dev}')
)
OPTIONS = ("--deploying-role", "PulumiDeploy", "--reading-role", "PulumiRead")


def test_a_preview_reads_with_the_reading_role_what_an_up_then_does_with_the_other(tmp_path: Path) -> None:
    with bootstrapped(tmp_path, BY_PROFILE, *OPTIONS) as accounts:
        first = accounts.act(Action.PREVIEW, profiles="PulumiRead")
        assert (
            first.counts[Operation.CREATE] == accounts.act(Action.UP, profiles="PulumiDeploy").counts[Operation.CREATE]
        )
        assert not accounts.act(Action.PREVIEW, profiles="PulumiRead").changes

        # What somebody changed by hand shows, and what the inventory changes, and nothing of how accounts are entered.
        accounts.root(PROD).update_role(RoleName="site", Description="by hand", MaxSessionDuration=7200)
        accounts.inventory.write_text(BY_PROFILE.replace("outside_environments", "all_including_environments"))
        preview = accounts.act(Action.PREVIEW, profiles="PulumiRead")
        assert {step.operation for step in preview.steps} == {Operation.UPDATE, Operation.SAME}
        assert preview.counts[Operation.UPDATE] == 2
        with pytest.raises(AwsError, match="AccessDenied"):
            accounts.act(Action.UP, profiles="PulumiRead")
        assert accounts.act(Action.UP, profiles="PulumiDeploy").counts[Operation.UPDATE] == 2
        assert accounts.root(PROD).get_role(RoleName="site")["Role"]["Description"] == "Publishes"


def locked(accounts: Bootstrapped, folder: Path, role: str, *options: str) -> str:
    """Run `lock --aws` where the profile of each account leads to a role; return what it says."""
    folder.mkdir(exist_ok=True)
    (folder / "inventory.yaml").write_text(accounts.inventory.read_text())
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(out),
    ):
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("AWS_CONFIG_FILE", str(accounts.aws_config(role, accounts.session(HUB_ROLE))))
        patch.setenv("AWS_ENDPOINT_URL", accounts.aws.endpoint)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        command = ["lock", str(folder), "--only", "accounts", "--aws-endpoint", accounts.aws.endpoint]
        assert run([*command, *options]) == 0, out.getvalue()
    return out.getvalue()


def outdated(folder: Path) -> list[tuple[str, str]]:
    """Return message and advice of each `template-outdated`."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
        run(["validate", str(folder), "--format", "json"])
    findings = json.loads(out.getvalue())
    return [(each["message"], each["hint"]) for each in findings if each["rule"] == "template-outdated"]


def test_the_lock_records_the_template_of_accounts_that_only_a_profile_enters(tmp_path: Path) -> None:
    with bootstrapped(tmp_path, BY_PROFILE, *OPTIONS) as accounts:
        folder = tmp_path / "locked"
        assert "add --deploying-role NAME" in locked(accounts, folder, "PulumiRead", "--reading-role", "PulumiRead")
        lock = folder / "inventory.lock.yaml"
        assert "template_digest" not in lock.read_text()
        output = locked(accounts, folder, "PulumiRead", "--deploying-role", "Pulumi")
        assert "account prod: it has no role Pulumi, so no template is recorded" in output
        assert "deploying_role" not in lock.read_text()

        output = locked(accounts, folder, "PulumiRead", *OPTIONS)
        assert "+ account prod, deploying role: now PulumiDeploy" in output
        assert lock.read_text().count("template_digest: ") == lock.read_text().count("deploying_role: ") == 2
        assert outdated(folder) == []

        more = BY_PROFILE.replace('["aws:AmazonECS_FullAccess"]', '["aws:AmazonECS_FullAccess", "aws:SecurityAudit"]')
        accounts.inventory.write_text(more)
        kept = locked(accounts, folder, "PulumiDeploy", *OPTIONS)
        assert "account prod: its template was not read, because the deploying role may not read itself" in kept
        ((message, hint),) = outdated(folder)
        policy = "arn:aws:iam::aws:policy/SecurityAudit"
        assert message == f"account prod needs a newer template: the deploying role may not attach {policy}"
        assert hint.endswith("then `bitbucket-oidc lock --aws --deploying-role PulumiDeploy`")

        accounts.deploy(PROD, update=True)
        locked(accounts, folder, "PulumiRead")  # the lock knows the name
        assert outdated(folder) == []
        # With a deploy_role in the inventory, the lock needs no name.
        for key in ("dev", "prod"):
            more = more.replace(f"profile: {key}", f"profile: hub, {BY_ARN}")
        accounts.inventory.write_text(more)
        output = locked(accounts, folder, "PulumiRead", "--reading-role", "PulumiRead")
        assert "- account prod, deploying role: no longer PulumiDeploy" in output
        assert lock.read_text().count("template_digest: ") == 2
        assert outdated(folder) == []


BY_ARN = 'deploy_role: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy"'
