"""A fleet in the sandbox: one stack for each emulated account, with states in the sandbox's folder."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from access.digests import AppliedSettings, plan_digests
from access.plan import AccessPlan
from config.program import program_folder
from facts.issuer.connect import IssuerConnect
from fleet.backend import open_backend
from fleet.machine import Machine
from fleet.pulumi_cli.installed_cli import installed_cli
from oidc.errors import SandboxError
from sandbox.emulated_aws.prepare_accounts import prepare_accounts
from sandbox.emulator_inputs import emulated_credentials, folder_of, prepared_accounts
from sandbox.engine_choice import EngineMark, EngineName
from sandbox.pulumi_cli.environment import ambient_folders, cli_environment
from sandbox.running_sandbox import ServingProcess

if TYPE_CHECKING:
    from sandbox.session import Session

BACKEND_FOLDER = "fleet"
"""The folder of the fleet's states, in the sandbox's folder."""

_PREPARED = "prepared.json"


def refuse_single_stack(inventory: Path) -> None:
    """Refuse a sandbox whose accounts one stack holds together.

    Raises:
        SandboxError: ``sandbox up`` created its resources.
    """
    engine = EngineMark(folder_of(inventory)).read()
    if engine not in {None, EngineName.FLEET}:
        raise SandboxError(
            "one stack of all accounts has the resources of this sandbox; stacks for each account cannot change them",
            do=f"first run `bitbucket-oidc sandbox destroy --engine {engine}`",
        )


@contextmanager
def in_session(session: "Session") -> Iterator[Machine]:
    """Prepare the accounts of a sandbox in this process, and yield what a run of its fleet needs.

    Raises:
        SandboxError: The accounts cannot be prepared, or the folder cannot be written.
    """
    _prepare(session)
    yield _machine(session.subject.path, session.endpoint, session.bitbucket.issuer_connect)


@contextmanager
def in_served_sandbox(inventory: Path, process: ServingProcess) -> Iterator[Machine]:
    """Yield what a run of the fleet needs, in a sandbox that another process serves; its accounts stay as they are."""
    with emulated_credentials(folder_of(inventory).resolve()):
        connect = IssuerConnect(process.issuer_address, Path(process.ca_file))
        yield _machine(inventory, process.endpoint, connect)


@contextmanager
def marked(inventory: Path, operation: str) -> Iterator[None]:
    """Note, around an operation, that stacks for each account have the resources of this sandbox.

    ``up`` sets the mark; ``destroy`` clears it if no stack has resources any more.

    Args:
        inventory: The path of the inventory.
        operation: ``status``, ``preview``, ``up`` or ``destroy``.

    Raises:
        SandboxError: The mark cannot be written.
    """
    mark = EngineMark(folder_of(inventory))
    if operation == "up":
        mark.set(EngineName.FLEET)
    try:
        yield
    finally:
        if operation == "destroy" and not _has_resources(_backend_url(inventory)):
            mark.clear()


def _machine(inventory: Path, endpoint: str, issuer: IssuerConnect) -> Machine:
    folder = _backend_folder(inventory)
    cli = installed_cli()
    plugins = ambient_folders(cli, folder, program_folder()) if cli is not None else []
    return Machine(
        cli=None if cli is None else cli.path,
        environment=cli_environment(folder, plugins, {"iam": endpoint, "sts": endpoint}, os.environ),
        backend=_backend_url(inventory),
        project_config={
            "awsEndpoint": endpoint,
            "issuerConnect": {"address": issuer.address, "caFile": str(issuer.ca_file)},
        },
        endpoint=endpoint,
    )


def _backend_folder(inventory: Path) -> Path:
    folder = folder_of(inventory).resolve() / BACKEND_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"{folder} cannot be made: {error.strerror}") from error
    return folder


def _backend_url(inventory: Path) -> str:
    return f"file://{_backend_folder(inventory)}"


def _has_resources(url: str) -> bool:
    backend = open_backend(Machine(None, {}, url, {}))
    records = map(backend.read, backend.stacks())
    return any(record.fault or (record.state is not None and record.state.resources) for record in records)


def _prepare(session: "Session") -> None:
    """Prepare the accounts whose plan is new or changed: to prepare 1,000 of them takes minutes."""
    before = {} if session.forgot else _prepared_before(session.subject.folder)
    now = digests_to_prepare(session.subject.plan)
    accounts = [
        account for account in prepared_accounts(session.subject.plan) if before.get(account.id) != now[account.id]
    ]
    prepare_accounts(session.endpoint, accounts)
    note_prepared(session.subject.folder, now)


def digests_to_prepare(plan: AccessPlan) -> dict[str, str]:
    """Return the digest of each account by its id: an account is prepared again when it differs."""
    return {account.id: account.digest for account in plan_digests(plan, AppliedSettings(is_sandbox=True)).accounts}


def note_prepared(folder: Path, digests: Mapping[str, str]) -> None:
    """Note in a sandbox's folder that its accounts are prepared for these digests."""
    try:
        (folder / _PREPARED).write_text(json.dumps(dict(digests)), encoding="utf-8")
    except OSError as error:
        raise SandboxError(f"{folder / _PREPARED} cannot be written: {error.strerror}") from error


def _prepared_before(folder: Path) -> dict[str, str]:
    try:
        noted: dict[str, str] = json.loads((folder / _PREPARED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted
