"""A fleet of four accounts whose states and AWS are fakes in memory."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import cli.fleet.open_fleet
from access.comparison.changes import Change, Effect
from access.plan import AccessPlan
from access.update_preview import Loss
from cli.main import run
from fleet.backend import StackLock, StackRecord
from fleet.stack_job import Operation, StackJob, StackResult
from fleet.status import AccountStatus, Standing
from oidc.errors import StateError

TEXT = """
rollout: {waves: [{name: canary, accounts: [a1]}]}
defaults:
  region: eu-west-1
  thumbprints: omit
  deploy_role: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy"
accounts:
  a1: {id: "111111111111"}
  a2: {id: "222222222222"}
  a3: {id: "333333333333"}
  a4: {id: "444444444444"}
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop: {uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"}
roles:
  shop-deploy:
    description: Deploys the shop
    owner: core
    accounts: ["*"]
    trust: [{repository: acme/shop, steps: outside_environments}]
    managed_policies: ["aws:ReadOnlyAccess"]
"""


def changed(key: str, message: str = "new role: acme/shop may assume it") -> tuple[Change, ...]:
    return (Change("role-gained", Effect.GAIN, key, "shop-deploy", f"arn:{key}", message),)


@dataclass
class FakeFleet:
    """States and AWS of the accounts, by key, and what the engine was asked for."""

    folder: Path
    statuses: dict[str, AccountStatus]
    strangers: dict[str, AccountStatus] = field(default_factory=dict)
    locks: dict[str, tuple[StackLock, ...]] = field(default_factory=dict)
    fails: dict[str, StackResult] = field(default_factory=dict)
    ran: list[tuple[Operation, str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    asked: list[Collection[str] | None] = field(default_factory=list)
    before: Callable[[str], None] = lambda _key: None
    unreadable: bool = False

    def set(self, key: str, standing: Standing, **values: Any) -> None:
        self.statuses[key] = replace(self.statuses[key], standing=standing, **values)

    # The backend
    def stacks(self) -> frozenset[str]:
        return frozenset({*self.statuses, *self.strangers})

    def read(self, stack: str) -> StackRecord:
        return StackRecord(stack, None, self.locks.get(stack, ()))

    def break_lock(self, lock: StackLock) -> None:
        self.removed.append(f"lock of {lock.stack}")
        del self.locks[lock.stack]
        self.set(lock.stack, Standing.CHANGED, is_locked=False)

    def mend_attributes(self, stack: str) -> None:
        self.removed.append(f"attributes of {stack}")

    # The engine
    def prepare(self) -> None:
        pass

    def interrupt(self) -> None:
        self.removed.append("interrupted")

    def run(self, job: StackJob, operation: Operation, _on_step: object) -> StackResult:
        self.ran.append((operation, job.key))
        self.before(job.key)
        if job.key in self.fails:
            return self.fails[job.key]
        if operation is Operation.UP:
            self.set(job.key, Standing.IN_LINE, changes=(), drift=(), reason="")
        return StackResult(job.key, ok=True, counts={"create": 2, "same": 1})

    def remove(self, stack: str) -> None:
        self.removed.append(stack)

    # The reading
    def read_fleet(
        self,
        _plan: AccessPlan,
        _reading: object,
        *,
        keys: Collection[str] | None = None,
        on_progress: Callable[..., None],
    ) -> tuple[AccountStatus, ...]:
        self.asked.append(keys)
        if self.unreadable:
            raise StateError("the bucket cannot be read", do="log in")
        statuses = {**self.statuses, **self.strangers} if keys is None else {key: self.statuses[key] for key in keys}
        for number, status in enumerate(statuses.values(), 1):
            on_progress(status, number, len(statuses))
        return tuple(statuses[key] for key in sorted(statuses))

    def status(self, _plan: None, stack: str, _record: object, _found: object) -> AccountStatus:
        return self.strangers[stack]

    def record(self, stack: str) -> StackRecord:
        return self.read(stack)

    def command(self, *arguments: str) -> int:
        name, *options = arguments
        return run(["fleet", name, str(self.folder / "inventory"), *options])


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeFleet:
    """Four accounts that need a run."""
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "fleet.yaml").write_text(TEXT)
    (tmp_path / "states").mkdir()
    fake = FakeFleet(
        tmp_path,
        {
            key: AccountStatus(
                key, Standing.CHANGED, changed(key), reason="to be changed", digest="d", loss=Loss(1, ())
            )
            for key in ("a1", "a2", "a3", "a4")
        },
    )
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'states'}")
    monkeypatch.setattr(cli.fleet.open_fleet, "open_backend", lambda _machine: fake)
    monkeypatch.setattr(cli.fleet.open_fleet, "read_fleet", fake.read_fleet)
    monkeypatch.setattr(cli.fleet.open_fleet.OpenFleet, "engine", property(lambda _opened: fake))
    monkeypatch.setattr(cli.fleet.open_fleet.OpenFleet, "reader", property(lambda _opened: fake))
    monkeypatch.setattr("cli.fleet.running.stack_states", lambda _machine: fake)
    return fake
