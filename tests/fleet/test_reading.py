"""All accounts are read at once; one that is denied, throttled, slow or without a readable state stops no other."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from access.plan import AccessPlan, AccountPlan
from facts.aws.callers import CallSettings
from fleet.backend import StackLock, StackRecord
from fleet.reading import FleetReader, read_fleet
from fleet.status import AccountStatus, Standing
from oidc.errors import StateError
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.emulated_aws.weather import WeatherChoice, denies
from tests.fleet.deployed import FETCHED, PROJECT, SETTINGS, plan_in, state_of, tags_of

HUB = "000000000000"
WEATHER = WeatherChoice("denied-and-throttled", 7)
NUMBERS = [str(number) for number in range(710_000_000_001, 710_000_000_031)]
DENIED = [number for number in NUMBERS if denies(WEATHER, number)][:2]
OTHERS = [number for number in NUMBERS if not denies(WEATHER, number)][:6]
INVENTORY = """
workspaces:
  acme:
    uuid: "{{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}}"
    repositories:
      shop: "{{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}}"
accounts:
  a{0}: {{id: "{0}", deploy_role: "arn:aws:iam::{0}:role/PulumiDeploy"}}
roles:
  deploy:
    accounts: ["*"]
    trust: [{{repository: acme/shop, steps: outside_environments}}]
    managed_policies: ["aws:ReadOnlyAccess"]
"""


@dataclass
class InMemory:
    """A backend; ``seconds`` is how long the first read of a stack takes."""

    records: dict[str, StackRecord] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    seconds: dict[str, float] = field(default_factory=dict)

    def stacks(self) -> frozenset[str]:
        return frozenset(self.records)

    def read(self, stack: str) -> StackRecord:
        if stack in self.broken:
            raise StateError("the bucket does not answer")
        time.sleep(self.seconds.pop(stack, 0))
        return self.records.get(stack, StackRecord(stack, None))

    def break_lock(self, lock: StackLock) -> None:
        raise AssertionError("reading writes nothing")

    def mend_attributes(self, stack: str) -> None:
        raise AssertionError("reading writes nothing")


def deploy(iam: Any, plan: AccountPlan) -> None:
    """Make in AWS what `up` makes, and the deploying role."""
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{HUB}:root"}, "Action": "sts:AssumeRole"}
    reads = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="PulumiDeploy", AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName="PulumiDeploy", PolicyName="reads", PolicyDocument=json.dumps(reads))
    tags = [{"Key": key, "Value": value} for key, value in tags_of(plan, {}).items()]
    for provider in plan.oidc_providers:
        iam.create_open_id_connect_provider(
            Url=provider.url, ClientIDList=list(provider.audiences), ThumbprintList=[FETCHED], Tags=tags
        )
    for role in plan.roles:
        iam.create_role(
            RoleName=role.name, Path=role.path, AssumeRolePolicyDocument=role.trust_policy.text,
            MaxSessionDuration=role.max_session_duration, Tags=tags,
        )  # fmt: skip
        for arn in role.managed_policy_arns:
            iam.attach_role_policy(RoleName=role.name, PolicyArn=arn)


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    with EmulatedAws(tmp_path_factory.mktemp("emulated"), issuers=None, weather=WEATHER) as running:
        yield running


@pytest.fixture(scope="module")
def plan(emulated: EmulatedAws, tmp_path_factory: pytest.TempPathFactory) -> AccessPlan:
    """The plan of all accounts, which are deployed."""
    folder = tmp_path_factory.mktemp("inventory")
    accounts = tuple(plan_in(folder, INVENTORY.format(number)) for number in sorted([*DENIED, *OTHERS]))
    with closing(RootUsers(emulated.endpoint)) as roots:
        for account in accounts:
            deploy(roots.client(account.id), account)
    return AccessPlan(accounts)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", HUB)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def reading(emulated: EmulatedAws, plan: AccessPlan) -> FleetReader:
    backend = InMemory({account.key: StackRecord(account.key, state_of(account)) for account in plan.accounts})
    urls = {provider.url: FETCHED for account in plan.accounts for provider in account.oidc_providers}
    return FleetReader(backend, CallSettings(emulated.endpoint), SETTINGS, PROJECT, urls, at_once=4)


def standings(plan: AccessPlan, reading: FleetReader, **options: Any) -> dict[str, AccountStatus]:
    return {status.key: status for status in read_fleet(plan, reading, **options)}


def backend_of(reading: FleetReader) -> InMemory:
    assert isinstance(reading.backend, InMemory)
    return reading.backend


def test_denied_and_throttled_accounts_stop_no_other(plan: AccessPlan, reading: FleetReader) -> None:
    seen: list[tuple[int, int]] = []
    statuses = standings(plan, reading, on_progress=lambda _status, done, total: seen.append((done, total)))
    assert len(DENIED) > 0
    for number in DENIED:
        assert statuses[f"a{number}"].standing is Standing.UNREACHABLE
        assert "AccessDenied" in statuses[f"a{number}"].reason
        assert statuses[f"a{number}"].do
    assert {statuses[f"a{number}"].standing for number in OTHERS} == {Standing.IN_LINE}
    assert seen == [(done, len(plan.accounts)) for done in range(1, len(plan.accounts) + 1)]


def test_a_change_by_hand_in_aws_is_drift_of_that_account(
    plan: AccessPlan, reading: FleetReader, emulated: EmulatedAws
) -> None:
    number = OTHERS[0]
    account = next(account for account in plan.accounts if account.id == number)
    tags = [{"Key": key, "Value": value} for key, value in tags_of(account, {}).items()]
    with closing(RootUsers(emulated.endpoint)) as roots:
        iam = roots.client(number)
        iam.update_role(RoleName="deploy", Description="by hand", MaxSessionDuration=7200)
        iam.create_role(RoleName="stray", AssumeRolePolicyDocument=account.roles[0].trust_policy.text, Tags=tags)
        try:
            statuses = standings(plan, reading, keys={f"a{number}", f"a{OTHERS[1]}"})
        finally:
            iam.delete_role(RoleName="stray")
            iam.update_role(RoleName="deploy", Description="", MaxSessionDuration=3600)
    assert {key: status.standing for key, status in statuses.items()} == {
        f"a{number}": Standing.DRIFTED, f"a{OTHERS[1]}": Standing.IN_LINE,
    }  # fmt: skip
    kinds = {change.kind for change in statuses[f"a{number}"].drift}
    assert kinds == {"description-changed", "session-longer", "unmanaged-role"}


def test_an_account_that_takes_too_long_is_unreachable(plan: AccessPlan, reading: FleetReader) -> None:
    slow, other = f"a{OTHERS[0]}", f"a{OTHERS[1]}"
    backend_of(reading).seconds[slow] = 4
    statuses = standings(plan, replace(reading, seconds=3.0), keys={slow, other})
    assert statuses[slow].standing is Standing.UNREACHABLE
    assert "3 seconds" in statuses[slow].reason
    assert statuses[other].standing is Standing.IN_LINE


def broken_stack(backend: InMemory, key: str) -> None:
    backend.broken.add(key)


def unreadable_state(backend: InMemory, key: str) -> None:
    backend.records[key] = StackRecord(key, None, fault="the state is not JSON")


@pytest.mark.parametrize("damage", [broken_stack, unreadable_state])
def test_a_state_that_cannot_be_read_stops_no_other(
    plan: AccessPlan, reading: FleetReader, damage: Callable[[InMemory, str], None]
) -> None:
    key, other = f"a{OTHERS[0]}", f"a{OTHERS[1]}"
    damage(backend_of(reading), key)
    statuses = standings(plan, reading, keys={key, other})
    assert (statuses[key].standing, statuses[other].standing) == (Standing.BLOCKED, Standing.IN_LINE)


def test_stacks_without_an_account_and_accounts_without_anything_are_told_without_a_call(
    plan: AccessPlan, reading: FleetReader
) -> None:
    backend = backend_of(reading)
    empty = replace(plan.accounts[0], key="empty", roles=(), oidc_providers=())
    backend.records = {"gone": StackRecord("gone", state_of(plan.accounts[0]))}
    unreachable = replace(reading, calls=CallSettings("http://127.0.0.1:9", 1))
    statuses = standings(AccessPlan((empty,)), unreachable)
    assert {key: status.standing for key, status in statuses.items()} == {
        "empty": Standing.IN_LINE, "gone": Standing.NOT_IN_INVENTORY,
    }  # fmt: skip


def test_the_stack_of_a_previous_key_is_read_for_a_renamed_account(plan: AccessPlan, reading: FleetReader) -> None:
    account = next(account for account in plan.accounts if account.id == OTHERS[0])
    renamed = replace(account, key="new", previous_keys=(account.key,))
    status = standings(AccessPlan((renamed,)), reading, keys={"new"})["new"]
    assert (status.standing, status.rename_from) == (Standing.CHANGED, account.key)
