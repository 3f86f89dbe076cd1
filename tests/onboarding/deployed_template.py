"""Templates and what an account has after their deployment, for tests of comparisons."""

from typing import Any

from hypothesis import strategies as st

from access.adoption.found import FoundRole, FoundTemplate
from access.deploy_policy import DeployedRole, DeployScope
from access.foundation import Foundation, Hub
from oidc.arn import Partition
from oidc.identifiers import AccountId
from onboarding.bootstrap.template import template
from tests.onboarding.cloudformation import in_account

ACCOUNT = AccountId("222222222222")
POLICY = f"arn:aws:iam::{ACCOUNT}:policy"
HUB = Hub(("arn:aws:iam::999999999999:role/runner",), "o-a1b2c3d4e5")

words = st.text("abcxyz", min_size=1, max_size=6)
managed = st.lists(words.map("arn:aws:iam::aws:policy/{}".format), max_size=3, unique=True).map(tuple)
roles = st.builds(
    lambda name, path, bounded, arns: DeployedRole(
        f"arn:aws:iam::{ACCOUNT}:role{path}{name}", path, f"{POLICY}/ci/boundary" if bounded else "", arns
    ),
    words, words.map("/{}/".format), st.booleans(), managed,
)  # fmt: skip
foundations = st.builds(
    lambda some, external: Foundation(
        "prod",
        DeployScope(
            Partition.AWS, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/ops/Deploy", frozenset(some), frozenset(),
            f"arn:aws:iam::{ACCOUNT}:role/ops/Deploy-reading",
        ),
        "/ops/", "Deploy", "Deploy-reading", external,
    ),
    st.lists(roles, max_size=4), st.none() | words,
)  # fmt: skip


def deployed(foundation: Foundation) -> FoundTemplate:
    """Return what an account has after the deployment of its template."""
    made = in_account(template([foundation], HUB), ACCOUNT)
    policies = {
        f"{POLICY}{properties['Path']}{properties['ManagedPolicyName']}": properties["PolicyDocument"]
        for properties in made.values()
        if "ManagedPolicyName" in properties
    }
    attached = tuple(arn for arn in policies if "/Deploy-deploys-" in arn)
    found = {"DeployingRole": attached, "ReadingRole": ()}
    return FoundTemplate({made[name]["RoleName"]: _role(made[name], arns) for name, arns in found.items()}, policies)


def _role(made: dict[str, Any], attached: tuple[str, ...]) -> FoundRole:
    inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in made.get("Policies", [])}
    trust = made["AssumeRolePolicyDocument"]
    return FoundRole(made["RoleName"], made["Path"], trust, made["Description"], 3600, None, attached, inline, {})
