"""What the small AWS provider repeats, and what it leaves behind: as the official one does it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.awsrequest import AWSResponse

from oidc.errors import AwsError
from sandbox.aws_provider import SmallAwsProvider
from sandbox.aws_provider.account import connect
from sandbox.aws_provider.retries import SPREADING_SECONDS, AwsRetries
from sandbox.engine.plugin import PartlyCreatedError, Plugin
from tests.sandbox.managed_resources import (
    EXCLUSIVE,
    ISSUER,
    OIDC,
    POLICY,
    READ,
    ROLE,
    TRUST,
    Managed,
    configure,
    role_inputs,
)
from tests.sandbox.stopped_clock import StoppedClock

NO_SUCH_ENTITY = ("NoSuchEntity", "not found", 404)
THROTTLING = ("Throttling", "Rate exceeded", 400)
CONCURRENT = ("ConcurrentModification", "changed at the same time", 409)
PRINCIPAL = ("MalformedPolicyDocument", 'Invalid principal in policy: "AWS":"x"', 400)

Refusal = tuple[str, str, int]


class Refusing:
    """Answers the first calls of one operation by an error, instead of the emulated IAM."""

    def __init__(self) -> None:
        self.operation = ""
        self.answers: list[Refusal] = []
        self.calls: list[str] = []
        self.clock = StoppedClock()

    def refuse(self, operation: str, *answers: Refusal) -> None:
        self.operation, self.answers = operation, list(answers)
        self.calls.clear()
        self.clock.pauses.clear()

    def connect(self, configuration: Any, retries: AwsRetries) -> Any:
        client = connect(configuration, retries)
        client.meta.events.register("before-send.iam", self._answer)
        return client

    def _answer(self, request: Any, **_: object) -> AWSResponse | None:
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        [operation] = parse_qs(body)["Action"]
        self.calls.append(operation)
        if operation != self.operation or not self.answers:
            return None
        code, message, status = self.answers.pop(0)
        error = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        return AWSResponse(request.url, status, {}, _Raw(error.encode()))


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> list[bytes]:
        return [self._body]


@pytest.fixture
def refusing(endpoint: str, loop: asyncio.AbstractEventLoop) -> tuple[Plugin, Refusing]:
    refusing = Refusing()
    provider = SmallAwsProvider(connect=refusing.connect, retries=refusing.clock.retries())
    return configure(Plugin(provider, loop), endpoint), refusing


def role(plugin: Plugin, name: str) -> Managed:
    return Managed(plugin, ROLE.format(name), **role_inputs(name))


def attachments(plugin: Plugin, name: str, *arns: str) -> Managed:
    return Managed(plugin, EXCLUSIVE.format(name), roleName=name, policyArns=list(arns))


READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def create(plugin: Plugin, name: str) -> Callable[[], object]:
    return lambda: role(plugin, name)


def delete(plugin: Plugin, name: str) -> Callable[[], object]:
    return role(plugin, name).delete


def new_trust(plugin: Plugin, name: str) -> Callable[[], object]:
    made, other = role(plugin, name), {**TRUST, "Version": "2008-10-17"}
    return lambda: made.update(**role_inputs(name, assumeRolePolicy=json.dumps(other)))


def attach(plugin: Plugin, name: str) -> Callable[[], object]:
    role(plugin, name)
    return lambda: attachments(plugin, name, READ_ONLY)


def detach(plugin: Plugin, name: str) -> Callable[[], object]:
    role(plugin, name)
    made = attachments(plugin, name, READ_ONLY)
    return lambda: made.update(roleName=name, policyArns=[])


def new_policy(plugin: Plugin, name: str) -> Callable[[], object]:
    role(plugin, name)
    return lambda: Managed(plugin, POLICY.format(name), role=name, name="p", policy=json.dumps(READ))


SPREADING = [
    (create, "CreateRole", PRINCIPAL),
    (create, "CreateRole", CONCURRENT),
    (create, "GetRole", NO_SUCH_ENTITY),
    (new_trust, "UpdateAssumeRolePolicy", PRINCIPAL),
    (delete, "DeleteRole", ("DeleteConflict", "must detach all policies first", 409)),
    (attach, "AttachRolePolicy", CONCURRENT),
    (detach, "DetachRolePolicy", CONCURRENT),
    (new_policy, "GetRolePolicy", NO_SUCH_ENTITY),
]


@pytest.mark.parametrize(("prepare", "operation", "answer"), SPREADING)
def test_a_call_is_repeated_until_a_change_has_spread(
    refusing: tuple[Plugin, Refusing],
    prepare: Callable[[Plugin, str], Callable[[], object]],
    operation: str,
    answer: Refusal,
) -> None:
    plugin, refusals = refusing
    act = prepare(plugin, f"spreads-{operation}-{answer[0]}")
    refusals.refuse(operation, answer, answer, answer)
    act()
    assert refusals.calls.count(operation) == 4
    assert refusals.clock.pauses == [0.5, 1, 2]


@pytest.mark.parametrize(("prepare", "operation", "answer"), SPREADING)
def test_it_is_repeated_for_two_minutes_at_most(
    refusing: tuple[Plugin, Refusing],
    prepare: Callable[[Plugin, str], Callable[[], object]],
    operation: str,
    answer: Refusal,
) -> None:
    plugin, refusals = refusing
    act = prepare(plugin, f"never-{operation}-{answer[0]}")
    refusals.refuse(operation, *[answer] * 100)
    with pytest.raises((AwsError, PartlyCreatedError)):
        act()
    assert SPREADING_SECONDS - 10 < refusals.clock.now() <= SPREADING_SECONDS


@pytest.mark.parametrize(
    ("prepare", "operation", "answer"),
    [
        (create, "CreateRole", ("MalformedPolicyDocument", "Syntax errors in policy.", 400)),
        (create, "CreateRole", ("AccessDenied", "not authorized", 403)),
        (attach, "AttachRolePolicy", NO_SUCH_ENTITY),
        (new_policy, "PutRolePolicy", NO_SUCH_ENTITY),
        (create, "CreateRole", ("ExpiredToken", "The security token included in the request is expired", 403)),
    ],
)
def test_another_refusal_is_final(
    refusing: tuple[Plugin, Refusing],
    prepare: Callable[[Plugin, str], Callable[[], object]],
    operation: str,
    answer: Refusal,
) -> None:
    plugin, refusals = refusing
    act = prepare(plugin, f"final-{operation}-{answer[0]}")
    refusals.refuse(operation, answer)
    with pytest.raises(AwsError, match=answer[0]):
        act()
    assert refusals.clock.pauses == []


def test_a_throttled_call_is_repeated_with_longer_and_longer_pauses(refusing: tuple[Plugin, Refusing]) -> None:
    plugin, refusals = refusing
    refusals.refuse("CreateRole", *[THROTTLING] * 6)
    role(plugin, "throttled")
    assert refusals.clock.pauses == [1, 2, 4, 8, 16, 20]


def test_a_throttled_call_is_repeated_25_times_at_most(endpoint: str, loop: asyncio.AbstractEventLoop) -> None:
    refusals = Refusing()
    provider = SmallAwsProvider(connect=refusals.connect, retries=refusals.clock.retries(chance=0.1))
    plugin = configure(Plugin(provider, loop), endpoint)
    refusals.refuse("CreateRole", *[THROTTLING] * 100)
    with pytest.raises(AwsError, match="Throttling: Rate exceeded"):
        role(plugin, "always-throttled")
    assert refusals.calls.count("CreateRole") == 26


@pytest.mark.parametrize("operation", ["ListRolePolicies", "ListAttachedRolePolicies"])
def test_a_role_whose_policies_are_not_shown_yet_is_no_deleted_role(
    refusing: tuple[Plugin, Refusing], operation: str
) -> None:
    plugin, refusals = refusing
    made = role(plugin, f"not-deleted-{operation}")
    refusals.refuse(operation, NO_SUCH_ENTITY)
    with pytest.raises(AwsError, match=f"AWS refused {operation}: NoSuchEntity"):
        made.refresh()
    assert made.refresh()


@pytest.mark.parametrize("operation", ["GetRole", "ListRolePolicies", "ListAttachedRolePolicies"])
def test_a_created_role_that_cannot_be_read_is_told_with_its_id(
    refusing: tuple[Plugin, Refusing], operation: str
) -> None:
    plugin, refusals = refusing
    name = f"unread-{operation}"
    refusals.refuse(operation, ("AccessDenied", "not authorized", 403))
    with pytest.raises(PartlyCreatedError, match=f"{operation}: AccessDenied.*AWS has created it") as caught:
        role(plugin, name)
    assert (caught.value.identity, caught.value.outputs["name"]) == (name, name)


def test_a_new_oidc_provider_that_aws_does_not_show_is_not_awaited_but_kept(refusing: tuple[Plugin, Refusing]) -> None:
    plugin, refusals = refusing
    host = ISSUER.format("unseen")
    refusals.refuse("GetOpenIDConnectProvider", NO_SUCH_ENTITY)
    with pytest.raises(PartlyCreatedError, match="AWS does not show it yet") as caught:
        Managed(plugin, OIDC.format("u"), url=f"https://{host}", clientIdLists=["a"], thumbprintLists=["a" * 40])
    assert caught.value.identity.endswith(f":oidc-provider/{host}")
    assert refusals.clock.pauses == []


def test_each_role_of_a_configuration_is_assumed_twice(
    endpoint: str, loop: asyncio.AbstractEventLoop, iam: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    repeat = AwsRetries.repeat_calls_of

    def recording(retries: AwsRetries, client: Any, most: int) -> None:
        repeat(retries, client, most)
        client.meta.events.register("before-call.sts", lambda model, **_: calls.append(model.name))

    monkeypatch.setattr(AwsRetries, "repeat_calls_of", recording)
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    arn = iam.create_role(RoleName="twice", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="twice", PolicyName="p", PolicyDocument=json.dumps(everything))
    plugin = configure(Plugin(SmallAwsProvider(), loop), endpoint, assumeRoles=json.dumps([{"roleArn": arn}]))
    role(plugin, "made-by-twice")
    assert calls == ["AssumeRole", "AssumeRole"]
