"""A preview needs a reading role alone, to which a profile of the machine leads; an `up` with it changes nothing."""

import json
from dataclasses import replace

import pytest

from access.compile import compile_plan
from access.deploy_policy import reading_policy
from access.digests import AppliedSettings, plan_digests
from config.load import load_inventory
from fleet.pulumi_cli.steps import LogMessage, Summary
from oidc.arn import Partition
from oidc.errors import BitbucketOidcError, IssuerError
from oidc.identifiers import AccountId
from sandbox.engine_choice import EngineName
from sandbox.run import Action, EngineSettings, Listener, act
from sandbox.session import PROJECT
from tests.sandbox.life_cycle.one_stack import OneStack, did
from tests.sandbox.running_engine import ignore

READER = "BitbucketOidcReader"


@pytest.fixture
def changed(stack: OneStack) -> OneStack:
    """A stack that is up, entered by a profile, and whose inventory asks for a change of everything."""
    stack.inventory["accounts"]["prod"]["profile"] = "prod"
    stack.up()
    stack.role.update({"max_session_duration": "2h", "managed_policies": []})
    stack.inventory["defaults"] = {"tags": {"Team": "core"}}
    stack.inventory["roles"]["new"] = {**stack.role, "name": "new"}
    policy = reading_policy(Partition.AWS, AccountId(stack.account_id))
    principal = {"AWS": f"arn:aws:iam::{stack.account_id}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    with stack.iam() as iam:
        iam.create_role(
            RoleName=READER,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
        iam.put_role_policy(RoleName=READER, PolicyName="read", PolicyDocument=policy.text)
    return stack


def as_reader(stack: OneStack, action: Action) -> Summary:
    """Do something where the machine's configuration leads the account's profile to the reading role."""
    with stack.running.session(stack.write()) as session:
        configuration = session.subject.folder.resolve() / "aws-config"
        configuration.write_text(
            f"[profile root]\naws_access_key_id = {stack.account_id}\naws_secret_access_key = test\n"
            "region = us-east-1\n"
            f"[profile prod]\nrole_arn = arn:aws:iam::{stack.account_id}:role/{READER}\nsource_profile = root\n"
            f"region = us-east-1\nendpoint_url = {session.endpoint}\n"
        )
        return act(session, action, Listener(ignore, ignore), EngineSettings(stack.running.engine))


def test_a_preview_shows_with_a_reading_role_what_an_up_will_do_with_another(
    changed: OneStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", changed.running.aws.endpoint)
    before = changed.oidc_provider(), changed.roles()
    previewed = as_reader(changed, Action.PREVIEW)
    assert ("create", "Role", "prod/new") in did(previewed)
    with pytest.raises(BitbucketOidcError, match="AccessDenied"):
        as_reader(changed, Action.UP)
    assert (changed.oidc_provider(), changed.roles()) == before
    assert did(changed.up()) == did(previewed)


def test_another_role_in_the_inventory_would_be_a_change_of_the_aws_provider(stack: OneStack) -> None:
    stack.inventory["accounts"]["prod"]["profile"] = "prod"
    stack.up()
    stack.inventory["accounts"]["prod"]["profile"] = "prod-reading"
    assert {(step.type, str(step.operation)) for step in stack.preview().steps if step.operation != "same"} == {
        ("pulumi:providers:aws", "update")
    }


@pytest.mark.parametrize("engine", [EngineName.BUILTIN], indirect=True)
def test_a_preview_works_while_the_issuer_is_down_by_what_the_lock_has(
    stack: OneStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.up()
    found = stack.oidc_provider()
    assert found is not None
    certificate = {"subject": "CN=CA", "thumbprint": found["ThumbprintList"][0], "not_after": "2099-01-01"}
    stack.lock = {"issuers": {"acme": {"seen": "2026-11-27", "chain": [certificate]}}}
    monkeypatch.setattr("facts.issuer.certificates.fetch_thumbprints", nobody_answers)
    said: list[LogMessage] = []
    with stack.running.session(stack.write()) as session:
        # Not as the sandbox's own: the lock is of the real issuer, which is asked without a detour.
        config = {key: text for key, text in session.program.config.items() if not key.endswith(":issuerConnect")}
        real = replace(session, program=replace(session.program, config=config))
        summary = act(real, Action.PREVIEW, Listener(ignore, said.append), EngineSettings(stack.running.engine))
    assert not summary.changes
    warning = "the thumbprints of inventory.lock.yaml are used, since they could not be fetched"
    assert any(warning in message.text for message in said)


def nobody_answers(*_arguments: object, **_options: object) -> object:
    raise IssuerError("api.bitbucket.org cannot be reached")


def test_another_plan_than_the_reviewed_one_is_neither_previewed_nor_brought_up(stack: OneStack) -> None:
    plan = compile_plan(load_inventory(stack.write())).plan
    assert plan is not None
    stack.config = {f"{PROJECT}:reviewedPlan": plan_digests(plan, AppliedSettings(is_sandbox=True)).digest}
    stack.up()
    stack.inventory["roles"]["other"] = {**stack.role}
    for run in (stack.preview, stack.up):
        with pytest.raises(BitbucketOidcError, match="the plan of this stack is not the reviewed one"):
            run()
    assert stack.roles() == {"shop-deploy"}
    del stack.inventory["roles"]["other"]
    assert not stack.up().changes
