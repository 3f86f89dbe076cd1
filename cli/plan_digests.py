"""The digests of a plan: of each account, of each stack of the project that takes the inventory, and of the whole.

A preview names the stack config that it was made with, so that the plan behind it can be compiled once more.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from access.digests import AccountDigest, AppliedSettings, PlanDigests, plan_digests
from access.plan import AccessPlan
from access.stacks import TakenStack, is_refused, take
from access.update_preview import UpdatePreview
from cli.ci.project_inventories import ProjectFleet
from cli.ci.stack_files import project_file, stack_files
from cli.ci.stack_sides import in_no_stack
from cli.revisions import CompiledSide, compiled_path
from config.models.rollout import Rollout
from config.project_file import PROJECT
from config.stack_file import stack_of_config
from oidc.errors import InventoryError, UsageError


@dataclass(frozen=True, slots=True)
class ShownDigests:
    """What is shown of the digests of a plan.

    Attributes:
        whole: As one stack applies it that takes every account, with the default settings.
        stacks: Those of the project that take the inventory, and in a fleet one for each account, sorted by name.
        in_no_stack: Keys of accounts with roles or OIDC providers that none of these takes.
        refused: Names of stacks with a file that a fleet refuses.
    """

    whole: PlanDigests
    stacks: tuple[TakenStack, ...]
    in_no_stack: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, plan: AccessPlan, inventory: Path, guardrails: Path | None, project: Path, rollout: Rollout | None
    ) -> "ShownDigests":
        """Compute them.

        Args:
            plan: Of the inventory.
            inventory: Its path.
            guardrails: The file that the command was given for them, or ``None``.
            project: The folder with the files ``Pulumi.STACK.yaml``; their paths are relative to it.
            rollout: Of the inventory, if it is a fleet.

        Raises:
            UsageError: A stack file cannot be read, or names an account that is not in the plan.
        """
        files = [file for file in stack_files(project) if (project / file.inventory).resolve() == inventory.resolve()]
        whole = plan_digests(plan, AppliedSettings(names_guardrails=guardrails is not None).in_fleet(rollout))
        refused = tuple(file.stack for file in files if is_refused(file, plan, rollout))
        stacks = [take(file, plan, rollout) for file in files if file.stack not in refused]
        if rollout is not None:
            fleet = ProjectFleet(os.path.relpath(inventory, project), plan, rollout, project_file(project))
            stacks += fleet.stacks({file.stack for file in files})
        stacks.sort(key=lambda stack: stack.file.stack)
        return cls(whole, tuple(stacks), in_no_stack(plan, stacks), refused)

    def to_json(self) -> dict[str, Any]:
        """Return what ``plan --format digests`` prints. Its keys are public."""
        return {
            "whole": self.whole.digest,
            "accounts": _accounts(self.whole.accounts),
            "stacks": [
                {"stack": one.file.stack, "digest": one.digest, "accounts": _accounts(one.account_digests)}
                for one in self.stacks
            ],
        }


def words_on_no_stack(keys: Sequence[str]) -> str:
    """Return what to do with accounts that no stack takes: ``accounts a and b are in no stack: …``."""
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    named = f"account {keys[0]} is" if len(keys) == 1 else f"accounts {', '.join(keys[:_SHOWN])}{more} are"
    return f"{named} in no stack, so no `up` deploys there; add the key to `accounts` of a stack file"


def words_on_refused(stacks: Sequence[str]) -> str:
    """Return what to do with stacks that a fleet refuses: ``stack all is refused in the fleet: …``."""
    more = f" and {len(stacks) - _SHOWN} more" if len(stacks) > _SHOWN else ""
    named = f"stack {stacks[0]} is" if len(stacks) == 1 else f"stacks {', '.join(stacks[:_SHOWN])}{more} are"
    return f"{named} refused in the fleet, as no account has this name; take it apart by `fleet split`"


_SHOWN = 5


def _accounts(found: Sequence[AccountDigest]) -> list[dict[str, str]]:
    return [{"key": one.key, "id": one.id, "digest": one.digest} for one in found]


class PlansBehindPreviews:
    """The plans that previews were made of; an inventory that several of them take is compiled once."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._compiled: dict[tuple[Path, Path | None], CompiledSide] = {}

    def digest(self, preview: UpdatePreview, name: str) -> str:
        """Return the digest of what a stack takes, by the stack config of its preview, and by its name in a fleet.

        Args:
            preview: Of the stack.
            name: What to call the preview.

        Raises:
            UsageError: The preview does not say with which stack config it was made, or that cannot be, or a fleet has
                no account with the name of the stack.
            InventoryError: The inventory has findings of level error.
        """
        project_file(self._project)  # refuses what Pulumi would take instead; the preview itself has the defaults
        if not any(key.startswith(f"{PROJECT}:") for key in preview.config):
            what = f"{name} does not say which inventory and which accounts the stack takes: it has no `config`"
            raise UsageError(what, do="write it with `pulumi preview --json --show-sames` for this program")
        file = stack_of_config(preview.stack, name, preview.config)
        guardrails = self._project / file.guardrails if file.guardrails else None
        where = self._project / file.inventory, guardrails
        if where not in self._compiled:
            self._compiled[where] = compiled_path(*where)
        found = self._compiled[where]
        if found.plan is None:
            errors = "\n".join(str(error) for error in found.errors)
            raise InventoryError(f"the inventory of {name} has findings:\n{errors}")
        return str(take(file, found.plan, found.fleet.rollout if found.fleet else None).digest)
