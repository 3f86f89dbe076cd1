"""What permission policies say, read in a simple way; and what the emulated AWS says to the same."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from cli.sandbox.proof_table import show_proof
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.proof.permission_cases import (
    NotTried,
    PermissionStatement,
    Trial,
    TrialMethod,
    TriedPermissions,
    statements_of,
)
from sandbox.proof.prove import prove
from sandbox.running_sandbox import in_this_process
from sandbox.session import read_subject, running

ACCOUNT = "222222222222"
OBJECTS = "arn:aws:s3:::site/*"


def statements(*contents: dict[str, Any]) -> list[PermissionStatement]:
    return statements_of("policy", {"Statement": [{"Effect": "Allow", **content} for content in contents]})


def trials(
    *contents: dict[str, Any], boundary: list[dict[str, Any]] | None = None
) -> tuple[Trial | NotTried, Trial | NotTried]:
    within = None if boundary is None else statements(*boundary)
    found = TriedPermissions(ACCOUNT, statements(*contents), within)
    return found.allowed_trial(), found.refused_trial()


PUT = {"Action": "s3:PutObject", "Resource": OBJECTS}


def test_an_exact_action_is_tried_on_a_resource_that_its_pattern_matches() -> None:
    may, may_not = trials(PUT)
    assert may == Trial(
        "s3:PutObject", "arn:aws:s3:::site/any", TrialMethod.SIMULATED, expected=True, reason="policy allows it"
    )
    assert isinstance(may_not, Trial)
    assert (may_not.action, may_not.method, may_not.expected) == ("iam:ListUsers", TrialMethod.CALLED, False)


def test_a_read_that_the_policies_allow_is_called_and_the_next_is_the_one_to_be_refused() -> None:
    may, may_not = trials({"Action": ["iam:listusers", "iam:ListG*"], "Resource": "*"})
    assert isinstance(may, Trial)
    assert isinstance(may_not, Trial)
    assert (may.action, may.method) == ("iam:ListUsers", TrialMethod.CALLED)
    assert may_not.action == "iam:ListAccountAliases"


def test_who_may_read_everything_may_not_delete_a_group_that_does_not_exist() -> None:
    may_not = trials({"Action": ["iam:List*", "iam:Get*"], "Resource": "*"})[1]
    assert isinstance(may_not, Trial)
    assert may_not.action == "iam:DeleteGroup"
    assert may_not.resource.startswith(f"arn:aws:iam::{ACCOUNT}:group/")


def test_a_boundary_that_forbids_what_the_policy_allows_is_what_is_tried() -> None:
    may, may_not = trials(
        PUT, {"Action": "s3:GetObject", "Resource": "*"}, boundary=[{"Action": "s3:Get*", "Resource": "*"}]
    )
    assert isinstance(may, Trial)
    assert isinstance(may_not, Trial)
    assert (may.action, may.expected) == ("s3:GetObject", True)
    assert (may_not.action, may_not.expected) == ("s3:PutObject", False)
    assert "permissions boundary does not" in may_not.reason


@pytest.mark.parametrize(
    "content",
    [
        {"Action": "s3:Put*", "Resource": "*"},
        {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::site/${aws:userid}/*"},
        {"Action": "s3:PutObject", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"NotAction": "iam:*", "Resource": "*"},
        {"Action": "s3:PutObject", "NotResource": "arn:aws:s3:::secret/*"},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"},
    ],
)
def test_what_a_simple_reading_cannot_answer_is_not_tried(content: dict[str, Any]) -> None:
    may = trials(content)[0]
    assert isinstance(may, NotTried)
    assert "exact name" in may.reason


@pytest.mark.parametrize(
    "deny",
    [
        {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::${aws:PrincipalTag/site}/*"},
    ],
)
def test_what_a_deny_may_reach_is_not_expected_to_be_allowed(deny: dict[str, Any]) -> None:
    assert isinstance(trials(PUT, deny)[0], NotTried)
    assert isinstance(trials(PUT, boundary=[{"Action": "*", "Resource": "*"}, deny])[0], NotTried)


@pytest.mark.parametrize("may", [{"Action": "*"}, {"NotAction": "s3:*"}, {"Action": "iam:*", "Condition": {"x": {}}}])
def test_what_may_be_allowed_is_not_expected_to_be_refused(may: dict[str, Any]) -> None:
    may_not = trials({"Resource": "*", **may})[1]
    assert isinstance(may_not, NotTried)
    assert "every call that is harmless" in may_not.reason


def test_a_role_without_policies_is_tried_for_what_nothing_allows() -> None:
    may, may_not = trials()
    assert may == NotTried("it has no permission policy")
    assert isinstance(may_not, Trial)


INVENTORY = """
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories: {site: "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"}
accounts:
  prod: {id: "222222222222"}
permission_policies:
  publish:
    document:
      Version: "2012-10-17"
      Statement: {Effect: Allow, Action: ["s3:PutObject", "s3:GetObject"], Resource: "arn:aws:s3:::site/*"}
roles:
"""

PUBLISHES = {
    "accounts": ["prod"],
    "trust": [{"repository": "acme/site", "steps": "outside_environments"}],
    "inline_policies": ["publish"],
}
ROLES: dict[str, dict[str, Any]] = {
    "publishes": {},
    "reads": {"inline_policies": [], "managed_policies": ["aws:ReadOnlyAccess"]},
    "may-do-nothing": {"inline_policies": []},
    "within-an-aws-boundary": {"permissions_boundary": "aws:AmazonS3ReadOnlyAccess"},
    "within-a-boundary-of-its-account": {"permissions_boundary": "account:ci"},
    "within-an-unknown-boundary": {"permissions_boundary": "aws:job-function/Billing"},
    "unknown": {"managed_policies": ["aws:AmazonECS_FullAccess"]},
    "of-its-account": {"managed_policies": ["account:extra"]},
    "gone": {"expires": "2020-12-31"},
    "bound": {
        "source_ips": ["203.0.113.0/24"], "source_vpces": ["vpce-0123456789abcdef0"], "bind_session": True,
    },
    "bound-to-an-endpoint": {
        "source_vpces": ["vpce-0123456789abcdef0"], "bind_session": True, "inline_policies": [],
        "managed_policies": ["aws:ReadOnlyAccess"],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a sandbox that is up."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("permissions")
        monkeypatch.chdir(folder)
        lines = [f"  {key}: {json.dumps(PUBLISHES | changes)}\n" for key, changes in ROLES.items()]
        # A date of YAML is not quoted.
        (folder / "inventory.yaml").write_text((INVENTORY + "".join(lines)).replace('"2020-12-31"', "2020-12-31"))
        assert run(["sandbox", "up", "inventory.yaml", "--engine", "builtin"]) == 0
        yield folder


def proof(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run(["sandbox", "prove", "inventory.yaml", "--format", "json"])
    parsed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, parsed


def test_the_emulated_aws_decides_as_the_policies_say(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = proof(capsys)
    assert (code, found["agrees"]) == (0, True)
    tried = {
        (one["role"], one["tried"], one["action"], one["expected"], one["allowed"])
        for one in found["permissions"]
        if one["tried"]
    }
    assert tried == {
        ("publishes", "simulated", "s3:GetObject", True, True),
        ("publishes", "called", "iam:ListUsers", False, False),
        ("reads", "called", "iam:ListUsers", True, True),
        ("reads", "called", "iam:DeleteGroup", False, False),
        ("may-do-nothing", "called", "iam:ListUsers", False, False),
        ("within-an-aws-boundary", "simulated", "s3:GetObject", True, True),
        ("within-an-aws-boundary", "simulated", "s3:PutObject", False, False),
        ("within-a-boundary-of-its-account", "simulated", "s3:GetObject", True, True),
        ("within-a-boundary-of-its-account", "called", "iam:ListUsers", False, False),
        ("bound", "simulated", "s3:GetObject", True, True),
        ("bound", "called", "iam:ListUsers", False, False),
        ("bound", "simulated", "s3:GetObject", False, False),
        ("bound-to-an-endpoint", "called", "iam:ListUsers", True, True),
        ("bound-to-an-endpoint", "called", "iam:DeleteGroup", False, False),
        ("bound-to-an-endpoint", "called", "iam:ListUsers", False, False),
    }
    elsewhere = [one["reason"] for one in found["permissions"] if "its session is bound" in one["reason"]]
    assert len(elsewhere) == 4
    reasons = {one["role"]: one["reason"] for one in found["permissions"] if not one["tried"]}
    assert reasons == {
        "may-do-nothing": "it has no permission policy",
        "within-an-unknown-boundary": "the emulator does not know the document of aws:job-function/Billing",
        "unknown": "the emulator does not know the document of aws:AmazonECS_FullAccess",
        "of-its-account": "the document of account:extra is the account's own; the sandbox has a stand-in",
        "gone": "no step of the inventory got in",
    }
    stand_in = [one["reason"] for one in found["permissions"] if "stand-in that allows everything" in one["reason"]]
    assert len(stand_in) == 1
    assert "account:ci" in stand_in[0]


def test_a_policy_that_is_not_there_or_too_much_is_a_disagreement(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read_only = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    with running(read_subject(Path("inventory.yaml"))) as session, closing(RootUsers(session.endpoint)) as roots:
        iam = roots.client(ACCOUNT)
        document = iam.get_role_policy(RoleName="publishes", PolicyName="publish")["PolicyDocument"]
        iam.delete_role_policy(RoleName="publishes", PolicyName="publish")
        iam.attach_role_policy(RoleName="may-do-nothing", PolicyArn=read_only)
        found = prove(in_this_process(session))
        iam.detach_role_policy(RoleName="may-do-nothing", PolicyArn=read_only)
        iam.put_role_policy(RoleName="publishes", PolicyName="publish", PolicyDocument=json.dumps(document))
    assert not found.agrees
    assert all(decision.agrees for decision in found.decisions)
    wrong = {(one.role, one.answer) for one in found.permissions if not one.agrees}
    assert wrong == {("publishes", "implicitDeny"), ("may-do-nothing", "allowed")}
    capsys.readouterr()
    show_proof(found)
    out = capsys.readouterr().out
    assert "role/bitbucket/publishes: s3:GetObject on arn:aws:s3:::site/any, simulated: inline policy publish" in out
    assert "role/bitbucket/may-do-nothing: iam:ListUsers on *, called: nothing allows it" in out
    assert "2 NOT as the policies say" in out
