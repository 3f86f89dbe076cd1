"""Make a new lock from an old one: new answers replace the old ones, everything else stays."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date

from config.findings import Fault
from config.lock.models import Lock, LockedRanges, LockedWorkspace, Part
from config.lock.questions import Name, Questions, workspaces_digest
from config.models.inventory import Inventory
from config.models.role import ATLASSIAN
from facts.bitbucket.client import Bitbucket
from facts.bitbucket.judging import NamedUuid
from facts.bitbucket.resolution import Unanswered, resolve
from facts.issuer.thumbprints import FetchChain, check_pinned, issuers_of


@dataclass(frozen=True, slots=True)
class World:
    """The sources of the answers.

    Attributes:
        bitbucket: Resolves names.
        fetch_chain: Fetches the certificates of an issuer; ``None`` if a local server without TLS or CA is asked.
        fetch_ranges: Fetches the networks that Bitbucket sends requests from.
        seconds_for: Returns the seconds after which Bitbucket's limit allows this many more requests.
    """

    bitbucket: Bitbucket
    fetch_chain: FetchChain | None
    fetch_ranges: Callable[[], LockedRanges]
    seconds_for: Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The result.

    Attributes:
        lock: The new lock. Do not keep it if a discrepancy is an error.
        discrepancies: Differences from the inventory and the old lock.
        uuids: Each of their UUIDs with its name in Bitbucket.
        unanswered: The names that Bitbucket's limit left unanswered, for which the lock keeps its old entries, or
            ``None``.
    """

    lock: Lock
    discrepancies: tuple[Fault, ...]
    uuids: tuple[NamedUuid, ...]
    unanswered: Unanswered | None = None

    @property
    def has_errors(self) -> bool:
        """Tell whether a discrepancy is an error."""
        return any(fault.level == "error" for fault in self.discrepancies)


def refresh(
    old: Lock,
    inventory: Inventory,
    questions: Questions,
    world: World,
    *,
    parts: Collection[Part],
    today: date,
    accepted: Collection[Name] = (),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Refreshed:
    """Look up the parts of the lock.

    Args:
        old: The present lock.
        inventory: As written, without UUIDs from the lock.
        questions: The names to look up in Bitbucket.
        world: The sources of the answers.
        parts: Sections to look up again; the others stay.
        today: In UTC.
        accepted: Names whose new UUIDs are trusted.
        on_progress: Is called with the number of finished names and of all names.

    Raises:
        OutsideWorldError: A source cannot be reached, or its answer is invalid.
    """
    lock, discrepancies, uuids = old, list[Fault](), tuple[NamedUuid, ...]()
    unanswered = None
    if Part.WORKSPACES in parts:
        resolved = resolve(questions, world.bitbucket, accepted=accepted, on_progress=on_progress)
        workspaces = _merged(old.workspaces, resolved.workspaces, inventory)
        unanswered = resolved.unanswered
        answers = old.answers if unanswered else {**old.answers, "workspaces": workspaces_digest(inventory)}
        lock = lock.model_copy(update={"workspaces": workspaces, "answers": answers})
        discrepancies += resolved.discrepancies
        uuids = resolved.uuids
    if Part.ISSUERS in parts and world.fetch_chain is not None:
        slugs = {slug: question.previous_slugs for slug, question in questions.items()}
        issuers, missed = issuers_of(slugs, old.issuers, world.fetch_chain, today)
        lock = lock.model_copy(update={"issuers": issuers})
        discrepancies += [*missed, *check_pinned(inventory, issuers, today)]
    if Part.ADDRESS_RANGES in parts:
        lock = lock.model_copy(update={"address_ranges": _ranges(old, inventory, world)})
    return Refreshed(lock, tuple(discrepancies), uuids, unanswered)


def _merged(
    old: Mapping[str, LockedWorkspace], new: Mapping[str, LockedWorkspace], inventory: Inventory
) -> dict[str, LockedWorkspace]:
    """Return the new answers, and the old answers for declared names that were not looked up."""
    merged: dict[str, LockedWorkspace] = {}
    for slug, declared in inventory.workspaces.items():
        former, answer = old.get(slug), new.get(slug)
        if answer is not None:
            names = answer.undeclared_repositories.keys() - declared.repositories.keys()
            others = {name: answer.undeclared_repositories[name] for name in names}
            answer = answer.model_copy(update={"undeclared_repositories": others})
        if former is None or answer is None:
            if (workspace := answer or former) is not None:
                merged[slug] = workspace
            continue
        repositories = {
            name: repository
            for name, repository in former.repositories.items()
            if name in declared.repositories and former.uuid == answer.uuid
        }
        for name, repository in answer.repositories.items():
            before = repositories.get(name)
            former_environments = (
                {
                    environment: locked
                    for environment, locked in before.environments.items()
                    if environment in declared.repositories[name].environments
                }
                if before is not None and before.uuid == repository.uuid
                else {}
            )
            environments = {**former_environments, **repository.environments}
            repositories[name] = repository.model_copy(update={"environments": environments})
        merged[slug] = answer.model_copy(update={"repositories": repositories})
    return merged


def _ranges(old: Lock, inventory: Inventory, world: World) -> dict[str, LockedRanges]:
    if not wants_ranges(inventory):
        return {}
    new, before = world.fetch_ranges(), old.address_ranges.get("atlassian")
    same = before is not None and set(before.networks) == set(new.networks)
    return {ATLASSIAN: before if before is not None and same else new}


def wants_ranges(inventory: Inventory) -> bool:
    """Tell whether a role, or an override of a role, uses Atlassian's address ranges."""
    settings = [setting for role in inventory.roles.values() for setting in (role, *role.overrides.values())]
    return any(setting.source_ips == ATLASSIAN for setting in settings)
