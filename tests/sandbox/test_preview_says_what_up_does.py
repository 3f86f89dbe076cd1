"""A preview reports the very steps and changes of the `up` after it, writes nothing, and `up` leaves what is planned."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine.steps import Operation, Step, Summary
from sandbox.engine.values import UNKNOWN
from tests.sandbox.one_sandbox import OneSandbox, one_sandbox

INVENTORY = """
defaults: {tags: {Team: core}, thumbprints: fetch}
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    audiences: [deploy.example]
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments:
          staging: "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"
          production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
accounts:
  dev: {id: "111111111111"}
  prod: {id: "222222222222"}
permission_policies:
  publish:
    document:
      Version: "2012-10-17"
      Statement: [{Sid: Put, Effect: Allow, Action: "s3:PutObject", Resource: "arn:aws:s3:::shop/*"}]
roles:
  deploy:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
    managed_policies: ["aws:ReadOnlyAccess"]
    inline_policies: [publish]
  build:
    accounts: [dev]
    trust: [{repository: acme/shop, steps: outside_environments}]
"""
PROD = "222222222222"
TRUST_OF_ANYBODY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
)
ISSUER = "arn:aws:iam::222222222222:oidc-provider/api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneSandbox]:
    folder = tmp_path_factory.mktemp("one")
    inventory = folder / "inventory.yaml"
    inventory.write_text(INVENTORY)
    with one_sandbox(folder, inventory) as one:
        yield one


@pytest.fixture
def settled(sandbox: OneSandbox) -> OneSandbox:
    """The sandbox with the inventory above brought up."""
    sandbox.inventory.write_text(INVENTORY)
    sandbox.engine().up()
    return sandbox


def told(summary: Summary) -> list[tuple[Any, ...]]:
    """Return all that a summary says of each step but what nobody can know before; registrations come in any order."""
    return sorted(
        (step.urn, step.operation, sorted(step.changes.items()), sorted(step.properties.items()))
        + (sorted(step.outside.items()), step.gone_outside)
        for step in summary.steps
    )


def changed(summary: Summary) -> dict[str, str]:
    return {
        f"{step.type.rpartition(':')[2]} {step.name}": step.operation.value
        for step in summary.steps
        if step.type.startswith("aws:") and step.operation not in {Operation.SAME, Operation.DELETE_REPLACED}
    }


def written(sandbox: OneSandbox) -> dict[str, bytes]:
    """Return every byte that the engine keeps."""
    return {path.name: path.read_bytes() for path in sandbox.state_file.parent.glob("state.json*")}


def edits(old: str, new: str) -> Callable[[OneSandbox], None]:
    return lambda sandbox: sandbox.edit(old, new)


def by_hand(call: str, **parameters: Any) -> Callable[[OneSandbox], None]:
    return lambda sandbox: sandbox.by_hand(PROD, lambda iam: getattr(iam, call)(**parameters))


def role_deleted(sandbox: OneSandbox) -> None:
    def delete(iam: Any) -> None:
        iam.detach_role_policy(RoleName="deploy", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
        iam.delete_role_policy(RoleName="deploy", PolicyName="publish")
        iam.delete_role(RoleName="deploy")

    sandbox.by_hand(PROD, delete)


ROLE, POLICY = "Role prod/deploy", "RolePolicy prod/deploy/publish"
MANAGED, PROVIDER = "RolePolicyAttachmentsExclusive prod/deploy", "OpenIdConnectProvider prod/acme"
EVERY_PART = [ROLE, POLICY, MANAGED]
EDITS: dict[str, tuple[Callable[[OneSandbox], None], dict[str, str]]] = {
    "nothing": (edits("Team: core", "Team: core"), {}),
    "rename": (edits("  deploy:\n", "  deploy:\n    name: ship\n"), dict.fromkeys(EVERY_PART, "replace")),
    "path": (edits("  deploy:\n", "  deploy:\n    path: /ci/\n"), dict.fromkeys(EVERY_PART, "replace")),
    "trust": (edits("environments: [production]", "environments: [staging]"), {ROLE: "update"}),
    "moved": (
        edits("accounts: [prod]", "accounts: [dev]"),
        {**dict.fromkeys([*EVERY_PART, PROVIDER], "delete")}
        | {part.replace("prod/", "dev/"): "create" for part in EVERY_PART},
    ),
    "tags": (
        edits("Team: core", "Team: edge"),
        dict.fromkeys(
            [ROLE, PROVIDER, ROLE.replace("prod/deploy", "dev/build"), PROVIDER.replace("prod", "dev")], "update"
        ),
    ),
    "thumbprints left out": (edits("thumbprints: fetch", "thumbprints: omit"), {}),
    "thumbprints given": (
        edits("thumbprints: fetch", f"thumbprints: [{'ab' * 20}]"),
        dict.fromkeys([PROVIDER, PROVIDER.replace("prod", "dev")], "update"),
    ),
    "removed account": (
        edits('  prod: {id: "222222222222"}\n', "  third: {id: '333333333333'}\n"),
        {},
    ),
    "inline policy": (edits("s3:PutObject", "s3:GetObject"), {POLICY: "update"}),
    "no inline policy": (edits("    inline_policies: [publish]\n", ""), {POLICY: "delete"}),
    "managed policies": (edits("aws:ReadOnlyAccess", "aws:job-function/ViewOnlyAccess"), {MANAGED: "update"}),
    "boundary and duration": (
        edits("  deploy:\n", "  deploy:\n    max_session_duration: 2h\n    permissions_boundary: account:edge\n"),
        {ROLE: "update"},
    ),
    "audience": (
        edits("audiences: [deploy.example]", "audiences: [other.example]"),
        dict.fromkeys([PROVIDER, PROVIDER.replace("prod", "dev")], "update"),
    ),
    "by hand: trust": (
        by_hand("update_assume_role_policy", RoleName="deploy", PolicyDocument=TRUST_OF_ANYBODY),
        {ROLE: "update"},
    ),
    "by hand: attached": (
        by_hand("attach_role_policy", RoleName="deploy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
        {MANAGED: "update"},
    ),
    "by hand: inline edited": (
        by_hand("put_role_policy", RoleName="deploy", PolicyName="publish", PolicyDocument=TRUST_OF_ANYBODY),
        {POLICY: "update"},
    ),
    "by hand: inline deleted": (
        by_hand("delete_role_policy", RoleName="deploy", PolicyName="publish"),
        {POLICY: "create"},
    ),
    "by hand: tag": (by_hand("tag_role", RoleName="deploy", Tags=[{"Key": "Team", "Value": "x"}]), {ROLE: "update"}),
    "by hand: duration": (by_hand("update_role", RoleName="deploy", MaxSessionDuration=43200), {ROLE: "update"}),
    "by hand: role deleted": (role_deleted, dict.fromkeys(EVERY_PART, "create")),
    "by hand: OIDC provider deleted": (
        by_hand("delete_open_id_connect_provider", OpenIDConnectProviderArn=ISSUER),
        {PROVIDER: "create"},
    ),
    "by hand: audience": (
        by_hand("add_client_id_to_open_id_connect_provider", OpenIDConnectProviderArn=ISSUER, ClientID="x.example"),
        {PROVIDER: "update"},
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_preview_says_what_up_does_and_writes_nothing(settled: OneSandbox, name: str) -> None:
    edit, expected = EDITS[name]
    edit(settled)
    settled.program()
    before = written(settled), settled.held()
    steps: list[Step] = []
    preview = settled.engine(steps.append).preview()
    assert changed(preview) == expected
    assert (written(settled), settled.held()) == before
    up = settled.engine().up()
    assert told(preview) == told(up)
    assert settled.held() == settled.planned()
    assert not settled.engine().up().changes
