"""Profiles lead a preview to the reading role and an up to the deploying one, with the same inventory and state."""

from pathlib import Path

import pytest

from oidc.errors import AwsError
from sandbox.engine.steps import Operation
from sandbox.run import Action
from tests.sandbox.bootstrap.bootstrapped import INVENTORY, PROD, bootstrapped

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
