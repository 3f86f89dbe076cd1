"""Load an inventory that declares a fleet, and choose its accounts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from access.compile import compile_plan
from access.digests import AppliedSettings, plan_digests
from access.plan import AccessPlan
from access.selection import Selection, narrow
from cli.inventory import loaded_with, show_briefly
from config.load import Loaded
from config.models.rollout import Rollout
from fleet.report import Part
from fleet.waves import Shard, Wave, narrowed, waves_of
from oidc.errors import InventoryError, UsageError


@dataclass(frozen=True, slots=True)
class Choice:
    """The accounts that a command is asked for.

    Attributes:
        selection: By --account and --owner. Whole accounts are chosen.
        waves: Names of waves; empty for all.
        shard: A part of them; ``None`` for all.
        may_name_stacks: Whether --account may also name stacks that no account has.
    """

    selection: Selection = field(default_factory=Selection)
    waves: tuple[str, ...] = ()
    shard: Shard | None = None
    may_name_stacks: bool = False

    @property
    def is_everything(self) -> bool:
        """Tell whether all accounts are chosen."""
        return self.selection.is_everything and not self.waves and self.shard is None

    @property
    def part(self) -> Part:
        """What the run report says of it."""
        return Part(
            shard=None if self.shard is None else str(self.shard),
            waves=tuple(sorted(self.waves)),
            accounts=self.selection.accounts,
            owners=self.selection.owners,
        )


@dataclass(frozen=True, slots=True)
class LoadedFleet:
    """A fleet.

    Attributes:
        inputs: The inventory and its lock.
        rollout: Of the inventory.
        plan: All accounts.
        waves: The waves with the chosen accounts.
        settings: What all stacks share.
        choice: The accounts that were asked for.
    """

    inputs: Loaded
    rollout: Rollout
    plan: AccessPlan
    waves: tuple[Wave, ...]
    settings: AppliedSettings
    choice: Choice

    @property
    def digest(self) -> str:
        """The digest of the whole plan."""
        return plan_digests(self.plan, self.settings).digest

    @property
    def wave_of(self) -> dict[str, str]:
        """The name of its wave by the key of each chosen account, in the order of the waves."""
        return {key: wave.name for wave in self.waves for key in wave.keys}

    def review_digests(self, key: str) -> frozenset[str]:
        """Return the digests that `plan --format digests` shows of an account and its stack; of a real account, too."""
        part, found = self.plan.only(frozenset({key})), set[str]()
        for settings in (self.settings, replace(self.settings, is_sandbox=False)):
            digests = plan_digests(part, settings)
            found |= {digests.digest, *(account.digest for account in digests.accounts)}
        return frozenset(found)


def load_fleet(inventory: Path, choice: Choice | None = None, *, is_sandbox: bool = False) -> LoadedFleet:
    """Load the inventory; show its findings in brief.

    Args:
        inventory: A folder or a file.
        choice: The accounts that were asked for; ``None``: all, with waves that have no account.
        is_sandbox: Whether the accounts are emulated.

    Raises:
        UsageError: The inventory has no ``rollout``, or nothing of what was asked for.
        InventoryError: It has findings of level error.
    """
    loaded = loaded_with(inventory, None)
    compiled = compile_plan(loaded)
    if not is_sandbox or compiled.plan is None:  # the sandbox has shown them
        show_briefly(compiled.findings)
    if compiled.plan is None:
        raise InventoryError("the inventory has errors; nothing was done")
    rollout = loaded.inventory.rollout
    if rollout is None:
        raise UsageError(
            "the inventory declares no fleet",
            do="write `rollout: {}` at its top: then each account has a stack with the name of its key; add `waves` to "
            "choose which accounts come first",
        )
    settings = AppliedSettings(is_sandbox=is_sandbox).in_fleet(rollout)
    waves = waves_of(rollout, loaded.inventory.accounts)
    if choice is not None:
        waves = narrowed(waves, choice.waves, _kept(compiled.plan, choice))
    return LoadedFleet(loaded, rollout, compiled.plan, waves, settings, choice or Choice())


def _kept(plan: AccessPlan, choice: Choice) -> Sequence[str]:
    if choice.may_name_stacks:
        keys = [account.key for account in plan.accounts if choice.selection.has_account(account)]
    else:
        keys = [account.key for account in narrow(plan, choice.selection).plan.accounts]
    return [key for key in keys if choice.shard is None or choice.shard.has(key)]
