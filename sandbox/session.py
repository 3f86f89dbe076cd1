"""Start a sandbox: emulated Bitbucket, prepared emulated AWS accounts, and the program's stack config."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from access.compile import compile_plan
from access.plan import AccessPlan
from config.findings import Finding
from config.load import load_inventory
from config.models.inventory import Inventory
from config.program import program_folder
from oidc.errors import InventoryError, SandboxError
from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.prepare_accounts import prepare_accounts
from sandbox.emulated_aws.settings import IssuerEndpoint
from sandbox.emulated_aws.weather import WeatherChoice
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulator_inputs import (
    AWS_CONFIG,
    BITBUCKET_FOLDER,
    aws_config,
    emulated_credentials,
    emulated_part,
    folder_of,
    prepared_accounts,
    quotas_of,
    workspaces_of,
)
from sandbox.engine.program import Program
from sandbox.engine.state_file import locked
from sandbox.engine_choice import EngineMark

PROJECT_FOLDER = program_folder()
PROJECT, STACK = "bitbucket-aws-oidc", "sandbox"


@dataclass(frozen=True, slots=True)
class SandboxInventory:
    """The inventory of a sandbox, and the part of its plan that can be emulated.

    Attributes:
        path: The path of the inventory.
        guardrails: The guardrails file, or ``None``.
        inventory: The loaded inventory.
        plan: The plan, without accounts of other partitions.
        left_out: The keys of the accounts of other partitions.
        warnings: The findings; all are of level warning.
        folder: The folder of the sandbox.
    """

    path: Path
    guardrails: Path | None
    inventory: Inventory
    plan: AccessPlan
    left_out: tuple[str, ...]
    warnings: tuple[Finding, ...]
    folder: Path


def read_subject(path: Path, guardrails: Path | None = None) -> SandboxInventory:
    """Load and compile the inventory.

    Raises:
        InventoryError: A finding is an error; the message has all findings.
    """
    loaded = load_inventory(path, guardrails=guardrails)
    compiled = compile_plan(loaded)
    if compiled.plan is None:
        findings = "\n".join(str(finding) for finding in compiled.findings)
        raise InventoryError(f"the inventory has findings:\n{findings}")
    emulated = emulated_part(compiled.plan)
    return SandboxInventory(
        path, guardrails, loaded.inventory, emulated.plan, emulated.left_out, compiled.findings, folder_of(path)
    )


@dataclass(frozen=True, slots=True)
class Session:
    """A sandbox with running emulators.

    Attributes:
        subject: The inventory and its plan.
        bitbucket: The issuer, which signs tokens.
        endpoint: The endpoint of the emulated AWS accounts: ``http://127.0.0.1:4566``.
        forgot: Whether the emulated accounts lost their state in a crash.
        state_file: The state file of the built-in engine.
        program: This project's program, with the stack config for the emulators.
        weather: The weather of the emulated accounts; ``None`` if every call is answered at once.
    """

    subject: SandboxInventory
    bitbucket: EmulatedBitbucket
    endpoint: str
    forgot: bool
    state_file: Path
    program: Program
    weather: WeatherChoice | None = None

    @property
    def is_up(self) -> bool:
        """Tell whether an ``up`` of either engine has left a state."""
        return EngineMark(self.subject.folder).read() is not None


def _keep_out_of_git(folder: Path) -> None:
    """Make git ignore the folder: it has private keys, though of emulated services alone."""
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n")


@contextmanager
def running(
    subject: SandboxInventory,
    *,
    prepare: bool = True,
    weather: WeatherChoice | None = None,
    more_services: Sequence[str] = (),
) -> Iterator[Session]:
    """Start everything on loopback, and always stop it at the end.

    Args:
        subject: The inventory and its plan.
        prepare: Whether to set up the accounts as real ones are before the first run. A proof uses them as the last
            ``up`` left them, so that it notices an OIDC provider that an ``up`` has deleted.
        weather: What real AWS does to calls, and the emulated accounts alone do not.
        more_services: Further services of the emulated accounts: ``("cloudformation",)``.

    Raises:
        SandboxError: A part does not start; existing resources stay unchanged.
    """
    folder = subject.folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _keep_out_of_git(folder.parent)
    except OSError as error:
        what = f"the sandbox cannot write its state to {folder}: {error.strerror}"
        raise SandboxError(what, do="run it in a folder that you can write") from error
    with (
        locked(folder / "session.lock", now=lambda: datetime.now(UTC)),
        EmulatedBitbucket(folder / BITBUCKET_FOLDER, workspaces_of(subject.inventory)) as bitbucket,
    ):
        issuers = IssuerEndpoint(bitbucket.address, bitbucket.ca_file)
        quotas = quotas_of(subject.inventory)
        with (
            EmulatedAws(
                folder / "aws", issuers=issuers, quotas=quotas, more_services=more_services, weather=weather
            ) as aws,
            session_with(subject, bitbucket, aws, prepare=prepare) as session,
        ):
            yield session


@contextmanager
def session_with(
    subject: SandboxInventory, bitbucket: EmulatedBitbucket, aws: EmulatedAws, *, prepare: bool = True
) -> Iterator[Session]:
    """Prepare running emulators for this inventory, and give this process the credentials of its accounts.

    Args:
        subject: The inventory and its plan.
        bitbucket: The running emulated Bitbucket.
        aws: The running emulated AWS accounts.
        prepare: As for ``running``.

    Raises:
        SandboxError: The emulated accounts cannot be prepared, or the folder cannot be written.
    """
    folder = subject.folder.resolve()
    if prepare:
        prepare_accounts(aws.endpoint, prepared_accounts(subject.plan))
    config_file = folder / AWS_CONFIG
    try:
        former = config_file.read_text(encoding="utf-8") if config_file.exists() else ""
        config_file.write_text(aws_config(subject.plan, former), encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SandboxError(f"{config_file} cannot be written: {error}", do="remove it, or make it writable") from error
    with emulated_credentials(folder):
        program = _program(subject, aws.endpoint, bitbucket)
        yield Session(subject, bitbucket, aws.endpoint, aws.forgot, folder / "state.json", program, aws.weather)


def _program(subject: SandboxInventory, endpoint: str, bitbucket: EmulatedBitbucket) -> Program:
    connect = {"address": bitbucket.address, "caFile": str(bitbucket.ca_file)}
    config = {
        # The program runs in the project folder, whatever the folder of the command.
        f"{PROJECT}:inventory": str(subject.path.resolve()),
        f"{PROJECT}:guardrails": str(subject.guardrails.absolute()) if subject.guardrails else "",
        f"{PROJECT}:accounts": json.dumps([account.key for account in subject.plan.accounts] or ["*"]),
        f"{PROJECT}:awsEndpoint": endpoint,
        f"{PROJECT}:issuerConnect": json.dumps(connect),
    }
    return Program(PROJECT_FOLDER, PROJECT, STACK, config=config)
