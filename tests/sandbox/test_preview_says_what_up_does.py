"""A preview reports the very steps and changes of the `up` after it and writes nothing; `up` leaves what is planned."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fleet.pulumi_cli.steps import Operation, Summary
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
ALLOW_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
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
        (
            step.urn,
            step.operation,
            sorted(step.changes.items()),
            sorted(step.properties.items()),
            sorted(step.outside.items()),
            step.gone_outside,
        )
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


def together(*changes: Callable[[OneSandbox], None]) -> Callable[[OneSandbox], None]:
    def apply(sandbox: OneSandbox) -> None:
        for change in changes:
            change(sandbox)

    return apply


ROLE, POLICY = "Role prod/deploy", "RolePolicy prod/deploy/publish"
MANAGED, PROVIDER = "RolePolicyAttachmentsExclusive prod/deploy", "OpenIdConnectProvider prod/acme"
PARTS = [ROLE, POLICY, MANAGED]
BOTH_PROVIDERS = [PROVIDER, "OpenIdConnectProvider dev/acme"]
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
EDITS: dict[str, tuple[Callable[[OneSandbox], None], dict[str, str]]] = {
    "nothing": (together(), {}),
    "a new name": (edits("  deploy:\n", "  deploy:\n    name: ship\n"), dict.fromkeys(PARTS, "replace")),
    "a path and a trust": (
        together(
            edits("  deploy:\n", "  deploy:\n    path: /ci/\n"),
            edits("environments: [production]", "environments: [staging]"),
        ),
        dict.fromkeys(PARTS, "replace"),
    ),
    "one account in the place of another": (
        together(edits('prod: {id: "222222222222"}', 'third: {id: "333333333333"}'), edits("[prod]", "[third]")),
        dict.fromkeys([*PARTS, PROVIDER], "delete")
        | {part.replace("prod", "third"): "create" for part in [*PARTS, PROVIDER]},
    ),
    "tags, thumbprints and an audience": (
        together(
            edits("Team: core", "Team: edge"),
            edits("thumbprints: fetch", f"thumbprints: [{'ab' * 20}]"),
            edits("audiences: [deploy.example]", "audiences: [other.example]"),
        ),
        dict.fromkeys([ROLE, "Role dev/build", *BOTH_PROVIDERS], "update"),
    ),
    "thumbprints left out": (edits("thumbprints: fetch", "thumbprints: omit"), {}),
    "everything but the name": (
        together(
            edits("environments: [production]", "environments: [staging]"),
            edits("  deploy:\n", "  deploy:\n    max_session_duration: 2h\n    permissions_boundary: account:edge\n"),
            edits("s3:PutObject", "s3:GetObject"),
            edits("aws:ReadOnlyAccess", "aws:job-function/ViewOnlyAccess"),
        ),
        dict.fromkeys(PARTS, "update"),
    ),
    "no inline policy": (edits("    inline_policies: [publish]\n", ""), {POLICY: "delete"}),
    "edited by hand": (
        together(
            by_hand("update_assume_role_policy", RoleName="deploy", PolicyDocument=TRUST_OF_ANYBODY),
            by_hand("tag_role", RoleName="deploy", Tags=[{"Key": "Team", "Value": "x"}]),
            by_hand("update_role", RoleName="deploy", MaxSessionDuration=43200),
            by_hand("attach_role_policy", RoleName="deploy", PolicyArn=ADMIN),
            by_hand("put_role_policy", RoleName="deploy", PolicyName="publish", PolicyDocument=ALLOW_ALL),
            by_hand("add_client_id_to_open_id_connect_provider", OpenIDConnectProviderArn=ISSUER, ClientID="x.example"),
        ),
        dict.fromkeys([*PARTS, PROVIDER], "update"),
    ),
    "inline policy and OIDC provider deleted by hand": (
        together(
            by_hand("delete_role_policy", RoleName="deploy", PolicyName="publish"),
            by_hand("delete_open_id_connect_provider", OpenIDConnectProviderArn=ISSUER),
        ),
        dict.fromkeys([POLICY, PROVIDER], "create"),
    ),
    "role deleted by hand": (role_deleted, dict.fromkeys(PARTS, "create")),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_preview_says_what_up_does_and_writes_nothing(settled: OneSandbox, name: str) -> None:
    edit, expected = EDITS[name]
    edit(settled)
    settled.program()
    before = written(settled), settled.held()
    preview = settled.engine().preview()
    assert changed(preview) == expected
    assert (written(settled), settled.held()) == before
    up = settled.engine().up()
    assert told(preview) == told(up)
    assert settled.held() == settled.planned()


def test_what_was_changed_by_hand_is_told_as_such(settled: OneSandbox) -> None:
    EDITS["edited by hand"][0](settled)
    steps = {step.type.rpartition(":")[2]: step for step in settled.engine().preview().steps if "prod/" in step.name}
    assert sorted(steps["Role"].outside.keys() - {"tagsAll"}) == ["assumeRolePolicy", "maxSessionDuration", "tags"]
    assert steps["Role"].outside["maxSessionDuration"].new == 43200
    assert set(steps["RolePolicyAttachmentsExclusive"].outside) == {"policyArns"}
    assert set(steps["RolePolicy"].outside) == {"policy"}
    assert set(steps["OpenIdConnectProvider"].outside) == {"clientIdLists"}


def test_an_edit_of_the_inventory_is_not_told_as_drift(settled: OneSandbox) -> None:
    settled.edit("environments: [production]", "environments: [staging]")
    assert not any(step.outside or step.gone_outside for step in settled.engine().preview().steps)


def test_what_was_deleted_by_hand_is_told_as_such(settled: OneSandbox) -> None:
    role_deleted(settled)
    gone = {step.name for step in settled.engine().preview().steps if step.gone_outside}
    assert gone == {"prod/deploy", "prod/deploy/publish"}
    settled.engine().up()
    assert not any(step.gone_outside for step in settled.engine().up().steps)
