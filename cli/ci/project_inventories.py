"""The inventories that the stacks of a project take, on one side of a comparison, and the fleets among them."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from access.plan import AccessPlan
from access.stacks import TakenStack, is_refused, take
from cli.ci.stack_files import path_in_project
from cli.revisions import CompiledSide
from config.findings import Finding
from config.models.rollout import Rollout
from config.project_file import PROJECT_FILE_NAME, ProjectFile
from config.stack_file import StackFile, fleet_stack, stack_of_config
from oidc.errors import ConversionError, UsageError


@dataclass(frozen=True, slots=True)
class ProjectFleet:
    """An inventory of a project that is a fleet.

    Attributes:
        path: Of the inventory, relative to the project.
        plan: Of all accounts.
        rollout: As declared.
        known: The project file.
    """

    path: str
    plan: AccessPlan
    rollout: Rollout
    known: ProjectFile

    def stacks(self, others: Collection[str]) -> Iterator[TakenStack]:
        """Yield the stack of each account that has no stack file; ``others`` are the names of the files.

        Raises:
            UsageError: The project file has an invalid default.
        """
        for account in self.plan.accounts:
            if account.key not in others:
                file = fleet_stack(account.key, self.path, self.rollout.secrets_provider, self.known)
                yield take(file, AccessPlan((account,)), self.rollout)


class ProjectInventories:
    """The inventories of one side, each compiled once, also if several stacks share it."""

    def __init__(
        self, project: Path, known: ProjectFile, compile_inventory: Callable[[Path, Path | None], CompiledSide]
    ) -> None:
        self._project = project
        self._project_file = known
        self._compile = compile_inventory
        self._known: dict[tuple[Path, Path | None], CompiledSide] = {}

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings of level error in those compiled so far, without repetition."""
        return tuple(dict.fromkeys(error for side in self._known.values() for error in side.errors))

    @property
    def untracked(self) -> tuple[Path, ...]:
        """Files of the working tree that they were read from and that are in no revision."""
        return tuple(dict.fromkeys(path for side in self._known.values() for path in side.untracked))

    def of(self, file: StackFile) -> CompiledSide:
        """Compile the inventory of a stack; raise UsageError if its path leads out of the project."""
        guardrails = None if file.guardrails is None else path_in_project(self._project, file.guardrails, file)
        key = path_in_project(self._project, file.inventory, file), guardrails
        if key not in self._known:
            self._known[key] = self._compile(*key)
        return self._known[key]

    def fleets(self, files: Iterable[StackFile], reviewed: str | None) -> Iterator[ProjectFleet]:
        """Yield the fleets among the inventories of stack files, that of the project, and the reviewed one.

        Args:
            files: The stack files.
            reviewed: The path of the reviewed inventory, relative to the project.

        Raises:
            UsageError: As ``of``.
        """
        seen: set[Path] = set()
        default = stack_of_config("", PROJECT_FILE_NAME, {}, None, self._project_file).inventory
        for path in dict.fromkeys([*(file.inventory for file in files), default, *([reviewed] if reviewed else [])]):
            if (place := (self._project / path).resolve()) in seen:
                continue
            seen.add(place)
            known = [side for (inventory, _), side in self._known.items() if inventory.resolve() == place]
            if known and all(side.fleet is None for side in known):
                continue  # no fleet, and perhaps faulty without the guardrails that its stack files name
            side = self.of(fleet_stack("", path, None, self._project_file))
            if side.fleet is not None and side.plan is not None:
                yield ProjectFleet(path, side.plan, side.fleet.rollout, self._project_file)

    def take(self, file: StackFile) -> TakenStack:
        """Return the part of its inventory that a stack takes; without a plan, the reason.

        Raises:
            UsageError: It names an account that the inventory does not have, or has an invalid setting.
        """
        side = self.of(file)
        rollout = side.fleet.rollout if side.fleet else None
        if side.plan is None:
            return TakenStack(file, None, (), str(side.errors[0]) if side.errors else "there is no inventory")
        if is_refused(file, side.plan, rollout):
            fault = "its inventory is a fleet, which has no account of its name"
            return TakenStack(file, None, (), fault, is_refused=True)
        return take(file, side.plan, rollout)

    def taken_or_fault(self, file: StackFile) -> TakenStack:
        """Return the same; what is wrong with the stack is its fault."""
        try:
            return self.take(file)
        except ConversionError:
            raise  # not a fault of the revision: its content is unknown
        except UsageError as error:
            return TakenStack(file, None, (), error.what)
