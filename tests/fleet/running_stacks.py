"""Accounts of a fleet on emulated AWS, and a runner with the real Pulumi CLI."""

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from access.digests import AppliedSettings
from access.plan import AccessPlan
from cli.fleet.running import job_of
from config.project_file import PROJECT
from facts.aws.callers import CallSettings
from fleet.backend import open_backend
from fleet.decide import FleetAccount
from fleet.healing import break_dead_locks, mend_attributes
from fleet.machine import Machine
from fleet.pulumi_cli.installed_cli import InstalledCli, find_cli
from fleet.pulumi_cli.stack_cli import RunLimits
from fleet.pulumi_cli.steps import Step
from fleet.reading import FleetReader, read_fleet
from fleet.stack_job import Operation, StackJob, StackResult
from fleet.stack_run import StackRunner
from fleet.state import StackState
from fleet.status import AccountStatus
from oidc.thumbprint import Thumbprint
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.emulated_aws.settings import IssuerEndpoint
from sandbox.emulated_aws.weather import WeatherChoice
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace
from sandbox.pulumi_cli.environment import ambient_folders, cli_environment
from sandbox.session import PROJECT_FOLDER, read_subject, session_with
from tests.sandbox.life_cycle.one_stack import WORKSPACES

LIMITS = RunLimits(seconds=120, attempts=3, pause=0.1)
_numbers = itertools.count(500_000_000_001)
Document = dict[str, Any]


def ignore(_step: Step) -> None:
    """Nobody listens."""


@dataclass
class Fleet:
    """Accounts, each with its stack.

    Attributes:
        folder: Of everything.
        aws: The emulated accounts.
        bitbucket: The issuer.
        inventory: Written before each look at its plan.
    """

    folder: Path
    aws: EmulatedAws
    bitbucket: EmulatedBitbucket
    inventory: Document = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.inventory = {
            "workspaces": WORKSPACES,
            "rollout": {},
            "accounts": {key: account(str(next(_numbers))) for key in ("one", "two")},
            "permission_policies": {"deploy": {"document": {"Version": "2012-10-17", "Statement": [STATEMENT]}}},
            "roles": {"shop-deploy": self.role()},
        }

    @staticmethod
    def role() -> Document:
        return {
            "accounts": ["*"],
            "trust": [{"repository": "acme/shop", "environments": ["production"]}],
            "managed_policies": ["aws:ReadOnlyAccess"],
            "inline_policies": ["deploy"],
        }

    @property
    def backend(self) -> str:
        return f"file://{self.folder / 'cli'}"

    def plan(self, key: str) -> AccessPlan:
        file = self.folder / "inventory.yaml"
        file.write_text(yaml.safe_dump(self.inventory))
        return read_subject(file).plan.only(frozenset({key}))

    @contextmanager
    def runner(self, cli: Path | None = None, **settings: Any) -> Iterator[StackRunner]:
        """Give a runner; its CLI sees the credentials of the emulated accounts."""
        self.plan("")
        subject = replace(read_subject(self.folder / "inventory.yaml"), folder=self.folder)
        with session_with(subject, self.bitbucket, self.aws):
            installed = InstalledCli(cli, has_language_host=True) if cli else find_cli()
            folder = self.folder / "cli"
            plugins = ambient_folders(installed, folder, PROJECT_FOLDER)
            endpoints = dict.fromkeys(("iam", "sts"), self.aws.endpoint)
            (folder / "home").mkdir(exist_ok=True)
            yield StackRunner(
                Machine(
                    installed.path,
                    cli_environment(folder, plugins, endpoints, os.environ),
                    self.backend,
                    {"awsEndpoint": self.aws.endpoint},
                    self.aws.endpoint,
                ),
                AppliedSettings(is_sandbox=True),
                dict.fromkeys(subject.plan.issuers_to_fetch(), Thumbprint("a" * 40)),
                limits=LIMITS,
                **settings,
            )

    def has_stack(self, key: str) -> bool:
        return key in open_backend(Machine(None, {}, self.backend, {})).stacks()

    def job(self, key: str, **changes: Any) -> StackJob:
        """Return a job: of a new stack, or with the secrets provider of the state."""
        state = self.state(changes.get("rename_from", key)) if "rename_from" in changes or self.has_stack(key) else None
        secrets = state.secrets_provider if state else None
        return StackJob(key, self.plan(key), secrets, is_new=state is None, **changes)

    def run(self, runner: StackRunner, key: str, operation: Operation = Operation.UP, **changes: Any) -> StackResult:
        return runner.run(self.job(key, **changes), operation, ignore)

    def status(self, runner: StackRunner, key: str) -> AccountStatus:
        """Read AWS and the state, as ``fleet status`` does."""
        backend = open_backend(Machine(None, {}, self.backend, {}))
        calls = CallSettings(self.aws.endpoint)
        reading = FleetReader(backend, calls, runner.settings, PROJECT, runner.thumbprints)
        (status,) = read_fleet(self.plan(key), reading, keys={key})
        return status

    def up_as_status_says(self, runner: StackRunner, key: str) -> StackResult:
        """Break the lock of a dead run, and run what ``status`` says."""
        status = self.status(runner, key)
        backend = open_backend(Machine(None, {}, self.backend, {}))
        mend_attributes(backend, status)
        break_dead_locks(backend, status)
        job = job_of(FleetAccount(key, self.id(key), None, status), self.plan(key))
        return runner.run(job, Operation.UP, ignore)

    def state(self, key: str) -> StackState:
        state = open_backend(Machine(None, {}, self.backend, {})).read(key).state
        assert state is not None
        return state

    def checkpoint(self, key: str) -> Mapping[str, Any]:
        text = (self.folder / "cli" / ".pulumi" / "stacks" / PROJECT / f"{key}.json").read_text()
        latest: Mapping[str, Any] = json.loads(text)["checkpoint"]["latest"]
        return latest

    def id(self, key: str) -> str:
        found: str = self.inventory["accounts"][key]["id"]
        return found

    @contextmanager
    def iam(self, key: str) -> Iterator[Any]:
        """Give an IAM client of the account's root."""
        users = RootUsers(self.aws.endpoint)
        try:
            yield users.client(self.id(key))
        finally:
            users.close()

    def roles(self, key: str) -> dict[str, str]:
        """Return the roles of the stack by name, with their ids: another id is another role of the same name."""
        with self.iam(key) as iam:
            pages = iam.get_paginator("list_roles").paginate()
            return {
                role["RoleName"]: role["RoleId"]
                for page in pages
                for role in page["Roles"]
                if role["Path"] == "/bitbucket/"
            }


STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*"}


def account(identity: str) -> Document:
    return {"id": identity, "deploy_role": f"arn:aws:iam::{identity}:role/deployer"}


@contextmanager
def running_fleet(folder: Path, weather: WeatherChoice | None = None) -> Iterator[Fleet]:
    workspaces = [EmulatedWorkspace(slug, str(found["uuid"])) for slug, found in WORKSPACES.items()]
    with (
        EmulatedBitbucket(folder / "bitbucket", workspaces) as bitbucket,
        EmulatedAws(
            folder / "aws", issuers=IssuerEndpoint(bitbucket.address, bitbucket.ca_file), weather=weather
        ) as aws,
    ):
        yield Fleet(folder, aws, bitbucket)
