"""A fleet whose emulated accounts another process serves, and the commands of `sandbox fleet` on it."""

import copy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import chdir, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.seeded_fleet import seed_fleet, subject_in
from cli.main import run
from config.project_file import PROJECT
from fleet.backend import Backend, open_backend
from fleet.joining import read_report
from fleet.machine import Machine
from fleet.pulumi_cli.installed_cli import find_cli
from fleet.report import AccountReport, RunReport
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.emulator_inputs import emulated_credentials, folder_of
from sandbox.engine.program import Program
from sandbox.engine_choice import EngineMark, EngineName
from sandbox.fleet import BACKEND_FOLDER, digests_to_prepare, note_prepared
from sandbox.pulumi_cli.engine import PulumiCliEngine
from sandbox.session import PROJECT_FOLDER, running
from tests.sandbox.life_cycle.one_stack import WORKSPACES
from tests.sandbox.running_engine import ignore

Document = dict[str, Any]
INVENTORY = "inventory"
REPORT = "report.json"
PATH_OF_ROLES = "/bitbucket/"
_MOST_SECONDS = 240
_LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
os.execv(sys.argv[2], sys.argv[2:])
"""


def fleet_inventory(keys: Sequence[str], roles: int = 2) -> Document:
    """Return a fleet in which each role has an inline policy and a managed one."""
    return {
        "workspaces": WORKSPACES,
        "rollout": {},
        "defaults": {"region": "eu-west-1", "deploy_role": "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy"},
        "accounts": {key: {"id": f"{700_000_000_000 + number}"} for number, key in enumerate(keys, 1)},
        "permission_policies": {"read": {"document": policy("s3:GetObject")}},
        "roles": {f"shop-{number}": role() for number in range(roles)},
    }


def policy(action: str, effect: str = "Allow") -> Document:
    statement = {"Effect": effect, "Action": action, "Resource": "arn:aws:s3:::acme-shop/*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role() -> Document:
    return {
        "accounts": ["*"],
        "trust": [{"repository": "acme/shop", "environments": ["production"]}],
        "inline_policies": ["read"],
        "managed_policies": ["aws:ReadOnlyAccess"],
    }


@dataclass(frozen=True)
class Existing:
    """Roles by account and name, with their ids; OIDC providers by account and ARN, with the time of their creation.

    A role that was deleted and made again has the same name and another id.
    """

    roles: dict[tuple[str, str], str]
    oidc_providers: dict[tuple[str, str], str]

    def lost_since(self, before: "Existing") -> list[str]:
        """Name what is gone, or is another one of the same name."""
        return [
            f"{key}: {name}"
            for now, was in ((self.roles, before.roles), (self.oidc_providers, before.oidc_providers))
            for (key, name), identity in was.items()
            if now.get((key, name)) != identity
        ]


@dataclass
class ServedFleet:
    """A fleet in a folder, with the emulated accounts of another process.

    Attributes:
        folder: The folder to run commands in.
        served: What `sandbox serve` printed.
        inventory: Written before each command.
    """

    folder: Path
    served: Document
    inventory: Document
    _roots: RootUsers = field(init=False)
    _first: Document = field(init=False)

    def __post_init__(self) -> None:
        self._roots = RootUsers(self.served["endpoint"])
        self._first = copy.deepcopy(self.inventory)

    def with_the_first_inventory(self) -> "ServedFleet":
        """Give the inventory back that the accounts were prepared for."""
        self.inventory = copy.deepcopy(self._first)
        return self

    @property
    def keys(self) -> list[str]:
        return list(self.inventory["accounts"])

    @property
    def states(self) -> Path:
        """The folder of the backend."""
        return sandbox_folder(self.folder) / BACKEND_FOLDER

    @property
    def backend(self) -> Backend:
        return open_backend(Machine(None, {}, f"file://{self.states}", {}))

    def state_file(self, key: str) -> Path:
        return self.states / ".pulumi" / "stacks" / PROJECT / f"{key}.json"

    def lock_folder(self, key: str) -> Path:
        return self.states / ".pulumi" / "locks" / "organization" / PROJECT / key

    def history(self, key: str) -> Path:
        return self.states / ".pulumi" / "history" / PROJECT / key

    def id(self, key: str) -> str:
        found: str = self.inventory["accounts"][key]["id"]
        return found

    def iam(self, key: str) -> Any:
        """Return an IAM client of the account's root."""
        return self._roots.client(self.id(key))

    def existing(self) -> Existing:
        """Ask the emulated accounts, and neither the state nor `status`."""
        roles: dict[tuple[str, str], str] = {}
        providers: dict[tuple[str, str], str] = {}
        for key in self.keys:
            iam = self.iam(key)
            names = [
                (listed["RoleName"], listed["RoleId"])
                for page in iam.get_paginator("list_roles").paginate()
                for listed in page["Roles"]
                if listed["Path"] == PATH_OF_ROLES
            ]
            assert len(names) == len(dict(names)), f"{key} has a role twice: {names}"
            roles |= {(key, name): identity for name, identity in names}
            for listed in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
                found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=listed["Arn"])
                providers[key, listed["Arn"]] = str(found["CreateDate"])
        return Existing(roles, providers)

    def in_states(self) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """Return account and name of each role, and account and ARN of each OIDC provider, that the states have."""
        roles, providers, backend = [], [], self.backend
        for key in self.keys:
            record = backend.read(key)
            assert record.state is not None, (key, record.fault)
            assert record.locks == (), (key, record.locks)
            assert record.state.pending == (), (key, record.state.pending)
            roles += [(key, it.id) for it in record.state.resources if it.type == "aws:iam/role:Role"]
            providers += [(key, it.id) for it in record.state.resources if it.type.endswith(":OpenIdConnectProvider")]
        assert len(roles) == len(set(roles)), roles
        return set(roles), set(providers)

    def start(self, command: str, *options: str, largest_file: int | None = None) -> subprocess.Popen[bytes]:
        """Start a command as a user does; its output goes to a file.

        Args:
            command: The command of `sandbox fleet`.
            options: Of the command.
            largest_file: It cannot write longer files, as if the disk were full then.
        """
        self.write()
        limited = [] if largest_file is None else [sys.executable, "-c", _LIMITED, str(largest_file)]
        with (self.folder / "output.txt").open("wb") as output:
            return subprocess.Popen(
                [*limited, sys.executable, "-m", "cli", "sandbox", "fleet", command, INVENTORY, *options],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(PROJECT_FOLDER)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def run(self, command: str, *options: str, largest_file: int | None = None) -> tuple[int, RunReport]:
        """Run a command to its end; return its exit code and its report."""
        (self.folder / REPORT).unlink(missing_ok=True)
        with self.start(command, "--report", REPORT, *options, largest_file=largest_file) as child:
            try:
                code = child.wait(_MOST_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                raise
        assert (self.folder / REPORT).exists(), self.output
        return code, read_report(self.folder / REPORT)

    def command(self, command: str, *options: str) -> tuple[int, RunReport]:
        """Run a command in this process, which is cheaper; return its exit code and its report."""
        self.write()
        (self.folder / REPORT).unlink(missing_ok=True)
        with chdir(self.folder):
            code = run(["sandbox", "fleet", command, INVENTORY, "--report", REPORT, *options])
        return code, read_report(self.folder / REPORT)

    def on(self, key: str, command: str, *options: str) -> tuple[int, AccountReport]:
        """Run a command on one account in this process; return its exit code and the account's report."""
        code, report = self.command(command, "--account", key, *options)
        [account] = report.accounts
        return code, account

    @contextmanager
    def by_hand(self, key: str) -> Iterator[PulumiCliEngine]:
        """Give the stack of an account to `pulumi up` by hand."""
        self.write()
        issuer = {"address": self.served["issuer"]["address"], "caFile": self.served["issuer"]["ca_file"]}
        config = {
            f"{PROJECT}:inventory": str(self.folder / INVENTORY),
            f"{PROJECT}:awsEndpoint": self.served["endpoint"],
            f"{PROJECT}:issuerConnect": json.dumps(issuer),
        }
        with emulated_credentials(sandbox_folder(self.folder)):
            yield PulumiCliEngine(
                find_cli(),
                Program(PROJECT_FOLDER, PROJECT, key, config=config),
                self.states,
                endpoints={"iam": self.served["endpoint"], "sts": self.served["endpoint"]},
                on_step=ignore,
                on_log=ignore,
            )

    @property
    def output(self) -> str:
        """What the last started command printed."""
        return (self.folder / "output.txt").read_text(errors="replace")

    def write(self) -> None:
        write(self.folder, self.inventory)

    def close(self) -> None:
        self._roots.close()


def sandbox_folder(folder: Path) -> Path:
    return folder / folder_of(folder / INVENTORY)


def write(folder: Path, inventory: Document) -> None:
    (folder / INVENTORY).mkdir(exist_ok=True)
    (folder / INVENTORY / "fleet.yaml").write_text(yaml.safe_dump(inventory, sort_keys=False))


def prepared(folder: Path, inventory: Document) -> Document:
    """Prepare the accounts of an inventory, in which nothing is deployed; return the inventory."""
    write(folder, inventory)
    subject = subject_in(folder)
    with running(subject):
        note_prepared(subject.folder, digests_to_prepare(subject.plan))
        EngineMark(subject.folder).set(EngineName.FLEET)
    return inventory


def seeded(folder: Path, accounts: int) -> Document:
    """Make so many accounts that are up, with one role each; return their inventory."""
    inventory: Document = {}
    for file in sorted(seed_fleet(folder, accounts=accounts, roles=1).inventory.iterdir()):
        _merge(inventory, yaml.safe_load(file.read_text()))
        file.unlink()
    inventory["rollout"] = {}
    write(folder, inventory)
    return inventory


def _merge(whole: Document, part: Document) -> None:
    for key, value in part.items():
        if isinstance(value, dict) and key in whole:
            _merge(whole[key], value)
        else:
            whole[key] = value


@contextmanager
def served_fleet(folder: Path, inventory: Document, *options: str) -> Iterator[ServedFleet]:
    """Serve the sandbox of a fleet in another process during the block.

    Args:
        folder: The folder to run commands in.
        inventory: The inventory, from ``prepared`` or ``seeded``.
        options: Of `sandbox serve`: the weather.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "cli", "sandbox", "serve", INVENTORY, "--format", "json", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT_FOLDER)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout is not None
    try:
        served = json.loads(server.stdout.readline())
        with closing(ServedFleet(folder, served, copy.deepcopy(inventory))) as fleet:
            yield fleet
    finally:
        server.terminate()
        server.stdout.close()
        server.wait(30)


def wait_for_cli(runner: subprocess.Popen[bytes]) -> bool:
    """Wait until a run of the fleet has a Pulumi CLI; return whether one came before the run's end."""
    while runner.poll() is None:
        if running_clis(runner.pid):
            return True
        time.sleep(0.02)
    return False


def running_clis(runner: int) -> list[int]:
    """Return the process ids of the Pulumi CLIs that a run of the fleet has started and that still run."""
    children: list[str] = []
    for file in Path(f"/proc/{runner}/task").glob("*/children"):
        with suppress(OSError):
            children += file.read_text().split()
    return [int(child) for child in children if name_of(int(child)).startswith("pulumi")]


def name_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def kill(process: int, *, group: bool = False) -> None:
    """Kill a process by SIGKILL, or the group that it leads."""
    with suppress(ProcessLookupError):
        (os.killpg if group else os.kill)(process, signal.SIGKILL)


def wait_for_end(processes: Sequence[int], seconds: float = 60) -> None:
    """Wait until processes that are no children of this one have ended.

    Raises:
        AssertionError: One still runs.
    """
    deadline = time.monotonic() + seconds
    while any(name_of(process) for process in processes):
        assert time.monotonic() < deadline, [(process, name_of(process)) for process in processes]
        time.sleep(0.1)


def awaited_lock(folder: Path) -> Path:
    """Return the lock of a run, as soon as the folder of a stack has it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for file in folder.glob("*.json"):
            if file.stat().st_size:
                return file
        time.sleep(0.005)
    raise AssertionError(f"no lock in {folder}")
