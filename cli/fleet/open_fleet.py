"""Open a fleet: read the states and AWS of its accounts, and fetch the thumbprints of its issuers."""

import gc
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.fleet.loading import LoadedFleet
from cli.lock.accounts import call_settings, checked_role_name
from cli.lock.run import progress
from config.findings import did_you_mean, one_line
from config.lock import Lock
from config.project_file import PROJECT
from facts.issuer.certificates import fetch_thumbprints
from facts.issuer.connect import IssuerConnect
from facts.issuer.thumbprints import thumbprints_beside
from fleet.backend import Backend, open_backend
from fleet.decide import FleetAccount
from fleet.machine import Machine
from fleet.reading import FleetReader, read_fleet
from fleet.status import AccountStatus
from oidc.errors import AwsError, UsageError
from oidc.thumbprint import Thumbprint

if TYPE_CHECKING:
    from fleet.stack_run import StackRunner


@dataclass(frozen=True, slots=True)
class OpenFleet:
    """A loaded fleet with what its commands read and run with.

    Attributes:
        loaded: The fleet as loaded.
        machine: What a run needs of its machine.
        backend: Of the states.
        thumbprints: By URL of the issuer, for all stacks.
        reading_role: The role that reads each account; ``None`` for the deploying role.
    """

    loaded: LoadedFleet
    machine: Machine
    backend: Backend
    thumbprints: Mapping[str, Thumbprint]
    reading_role: str | None

    @classmethod
    def of(cls, fleet: LoadedFleet, machine: Machine, reading_role: str | None) -> "OpenFleet":
        """Open the backend, and fetch the thumbprints that the plan needs.

        Raises:
            UsageError: The backend or the role cannot be used.
            OutsideWorldError: The backend or an issuer cannot be reached.
        """
        role = checked_role_name("--reading-role", reading_role)
        # The loaded inventory stays; what accounts answer and stacks register comes and goes, a thousand times.
        gc.freeze()
        gc.enable()
        return cls(fleet, machine, open_backend(machine), _thumbprints(fleet, machine), role)

    @property
    def reader(self) -> FleetReader:
        """How accounts are read."""
        return FleetReader(
            self.backend,
            call_settings(self.machine.endpoint),
            self.loaded.settings,
            PROJECT,
            self.thumbprints,
            self.reading_role,
        )

    @property
    def engine(self) -> "StackRunner":
        """What runs stacks."""
        from fleet.stack_run import StackRunner  # noqa: PLC0415 - imports Pulumi, which a run without change does not need

        return StackRunner(self.machine, self.loaded.settings, self.thumbprints, self.loaded.rollout.secrets_provider)

    def read_accounts(self, broken_locks: Iterable[str] = (), *, for_review: bool = False) -> tuple[FleetAccount, ...]:
        """Return the chosen accounts in the order of the waves; without a filter, then stacks that no account has.

        Args:
            broken_locks: Keys of accounts whose locks are removed first.
            for_review: Whether the digests of a review are needed.

        Raises:
            UsageError: A key is not that of a chosen account.
            OutsideWorldError: The list of stacks cannot be read.
        """
        waves = self.loaded.wave_of
        for key in broken_locks:
            self._break_locks(key, waves)
        keys = None if self.loaded.choice.is_everything else waves.keys()
        with progress("asking accounts") as on_progress:
            statuses = read_fleet(
                self.loaded.plan,
                self.reader,
                keys=keys,
                on_progress=lambda _status, done, total: on_progress(done, total),
            )
        order = {key: number for number, key in enumerate(waves)}
        in_order = sorted(statuses, key=lambda status: order.get(status.key, len(order)))
        return tuple(self._account(status, for_review=for_review) for status in in_order)

    def names_without_account(self) -> frozenset[str]:
        """Return the names of the stacks that no account has."""
        known = {name for account in self.loaded.plan.accounts for name in (account.key, *account.previous_keys)}
        return self.backend.stacks() - known

    def stacks_without_account(self, names: Iterable[str]) -> tuple[FleetAccount, ...]:
        """Return stacks that no account has, sorted; AWS is not asked."""
        reader, nobody = self.reader, AwsError("the inventory does not say how to enter it")
        return tuple(self._account(reader.status(None, name, reader.record(name), nobody)) for name in sorted(names))

    def _break_locks(self, key: str, keys: Iterable[str]) -> None:
        if key not in keys:
            hint = did_you_mean(key, keys, "name an account that the other options choose")
            raise UsageError(f"--break-lock: `{one_line(key)[:200]}` is not a chosen account", do=hint)
        locks = self.backend.read(key).locks
        for lock in locks:
            self.backend.break_lock(lock)
            click.echo(f"{key}: removed the lock of {lock}", err=True)
        if not locks:
            click.echo(f"{key}: there is no lock", err=True)

    def _account(self, status: AccountStatus, *, for_review: bool = False) -> FleetAccount:
        account = self.loaded.inputs.inventory.accounts.get(status.key)
        if account is None:
            return FleetAccount(status.key, None, None, status)
        digests = self.loaded.review_digests(status.key) if for_review else frozenset()
        return FleetAccount(status.key, account.id, self.loaded.wave_of[status.key], status, digests)


def _thumbprints(fleet: LoadedFleet, machine: Machine) -> Mapping[str, Thumbprint]:
    issuer: Any = machine.project_config.get("issuerConnect")
    connect = None if issuer is None else IssuerConnect(issuer["address"], Path(issuer["caFile"]))
    fetched = thumbprints_beside(
        # The lock does not describe an emulated issuer.
        fleet.inputs.lock.lock if connect is None else Lock(),
        fleet.plan.issuers_to_fetch(),
        fleet.plan.issuers_alike(),
        partial(fetch_thumbprints, connect=connect),
        datetime.now(UTC).date(),
    )
    for warning in fetched.warnings:
        click.echo(f"warning: {warning}", err=True)
    return fetched.by_issuer


def reviewed_digests(path: Path) -> dict[str, frozenset[str]]:
    """Return the digests that a file of `plan --format digests` names, by account: of its stack, and of the account.

    Raises:
        UsageError: The file cannot be read, or is another one.
    """
    name, digests = one_line(str(path)), dict[str, set[str]]()
    try:
        data = json.loads(path.read_bytes())
        for account in data["accounts"]:
            digests.setdefault(str(account["key"]), set()).add(str(account["digest"]))
        for stack in data["stacks"]:
            digests.setdefault(str(stack["stack"]), set()).add(str(stack["digest"]))
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}", do=_DIGESTS) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(f"{name} is not a file of digests", do=_DIGESTS) from error
    return {key: frozenset(named) for key, named in digests.items()}


_DIGESTS = "write it in the reviewed checkout: bitbucket-oidc plan --format digests"
