"""Compare the UUID that Bitbucket gives a name with the UUIDs of the inventory and the lock."""

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from config.findings import Fault, did_you_mean
from config.lock.models import LockedEnvironment, LockedRestrictions
from config.lock.questions import Known, Name
from config.yaml.document import Path
from facts.bitbucket.answers import EnvironmentAnswer
from oidc.errors import BitbucketError


@dataclass(frozen=True, slots=True)
class NamedUuid:
    """A UUID, and the name that Bitbucket has for it today.

    Attributes:
        uuid: The UUID in the inventory or the lock.
        name: Its name in that file.
        kind: ``workspace``, ``repository`` or ``deployment environment``.
        today: Bitbucket's name: ``acme/shop``, ``production of acme/shop``. ``None`` if Bitbucket has no such UUID.
    """

    uuid: str
    name: Name
    kind: str
    today: str | None


@dataclass(slots=True)
class Findings:
    """The results of all requests. Entries are added, never removed.

    Attributes:
        accepted: Names whose new UUIDs are trusted.
        trusted_anew: Accepted names that were recreated. Everything in them was recreated too, and is also trusted.
        discrepancies: Differences between Bitbucket and the inventory or the lock.
        uuids: Each UUID with its name in Bitbucket.
    """

    accepted: Collection[Name] = ()
    trusted_anew: set[Name] = field(default_factory=set)
    discrepancies: list[Fault] = field(default_factory=list)
    uuids: list[NamedUuid] = field(default_factory=list)

    def is_accepted(self, name: Name) -> bool:
        """Tell whether the new UUID of a name is trusted: the name, its workspace or its repository is accepted."""
        return name in self.accepted or any(name[:length] in self.trusted_anew for length in range(1, len(name)))

    def report(self, rule: str, path: Path, message: str, hint: str) -> None:
        """Add a discrepancy."""
        self.discrepancies.append(Fault(rule, path, message, hint))


KINDS = ("workspace", "repository", "deployment environment")
"""By the number of parts of a name, minus one."""


def kind_of(name: Name) -> str:
    """Return the kind of a name."""
    return KINDS[len(name) - 1]


def words_of(name: Name) -> str:
    """Return ``acme``, ``acme/shop``, or ``acme/shop/production``; ``--accept`` takes the same form."""
    return "/".join(name)


def path_of(name: Name, *, of_uuid: bool = False) -> Path:
    """Return the path of a name, or of its UUID, in the inventory."""
    path: Path = ("workspaces", name[0])
    path = (*path, "repositories", name[1]) if len(name) > 1 else path
    path = (*path, "environments", name[2]) if len(name) > 2 else path  # noqa: PLR2004 - an environment's
    return (*path, "uuid") if of_uuid and len(name) <= 2 else path  # noqa: PLR2004 - as above


def judge(
    name: Name, current: str, known: Known, findings: Findings, called_today: Callable[[str], str | None]
) -> None:
    """Report how a name that Bitbucket has differs from the inventory and the lock.

    Args:
        name: The name.
        current: Its UUID in Bitbucket.
        known: Its UUIDs in the inventory and the lock.
        findings: Collects the discrepancies.
        called_today: Returns Bitbucket's name for a UUID; ``None`` if Bitbucket has no such UUID.
    """
    uuids = [uuid for uuid in dict.fromkeys((known.declared, known.locked)) if uuid]
    today = {uuid: words_of(name) if uuid == current else called_today(uuid) for uuid in uuids}
    findings.uuids += [NamedUuid(uuid, name, kind_of(name), called) for uuid, called in today.items()]
    is_recreated = known.locked not in (None, current)
    if is_recreated and findings.is_accepted(name):
        findings.trusted_anew.add(name)
    if is_recreated and not findings.is_accepted(name):
        _report_recreated(name, current, known, findings, today)
    elif known.declared not in (None, current):
        message = (
            f"{known.declared} is not {kind_of(name)} {words_of(name)}, which is {current} in Bitbucket "
            f"({_today_of(known.declared, today)})"
        )
        hint = f'write "{current}" if you mean {words_of(name)}'
        findings.report("wrong-uuid", path_of(name, of_uuid=True), message, hint)


def _report_recreated(
    name: Name, current: str, known: Known, findings: Findings, today: Mapping[str, str | None]
) -> None:
    message = (
        f"{kind_of(name)} {words_of(name)} is {current} in Bitbucket (was {known.locked} in the lock): it was created "
        f"again, or something else has its name now ({_today_of(known.locked, today)})"
    )
    correct = f"write {current} here and " if known.declared not in (None, current) else ""
    command = f"bitbucket-oidc lock --accept {shlex.quote(words_of(name))}"
    hint = f"find out who created it; to trust the new UUID, {correct}run `{command}`"
    findings.report("made-anew", path_of(name), message, hint)


def _today_of(uuid: str | None, today: Mapping[str, str | None]) -> str:
    called = today.get(uuid or "")
    return f"{uuid} is {called}" if called else f"there is no {uuid}"


def judge_missing(
    name: Name, known: Known, findings: Findings, called_today: Callable[[str], str | None], similar: str = ""
) -> str | None:
    """Report a name that Bitbucket does not have; return its locked UUID if it was renamed.

    If the locked UUID has another name now, it was renamed. If only the inventory has the UUID, it may be the UUID of
    something else.
    """
    words, kind = words_of(name), kind_of(name)
    today = {uuid: called_today(uuid) for uuid in dict.fromkeys((known.locked, known.declared)) if uuid}
    findings.uuids += [NamedUuid(uuid, name, kind, called) for uuid, called in today.items()]
    if known.locked and (called := today[known.locked]) and known.declared in (None, known.locked):
        report_renamed(name, called, findings)
        return known.locked
    if known.declared and (called := today[known.declared]):
        message = f"{known.declared} is {called} in Bitbucket; Bitbucket has no {kind} {words}"
        hint = f"write {called} here if you mean that one, else the UUID of {words}"
        findings.report("wrong-uuid", path_of(name, of_uuid=True), message, hint)
        return None
    message = f"Bitbucket has no {kind} {words}, or these credentials cannot see it"
    hint = similar or "correct the name, or remove it and the trust in it"
    findings.report("not-in-bitbucket", path_of(name), message, hint)
    return None


def report_renamed(name: Name, called: str, findings: Findings) -> None:
    """Report a new name, and the change to make in the inventory."""
    old, new = words_of(name), called
    message = f"{kind_of(name)} {old} is called {new} in Bitbucket today; its UUID is the same"
    hint = f"rename it in the inventory, here and in the trust of roles: {new} instead of {old}"
    findings.report("renamed", path_of(name), message, hint)


def report_two_names(uuids: Iterable[tuple[Name, str]], findings: Findings) -> None:
    """Report two names of the same repository: Bitbucket also finds a repository by its old name."""
    seen: dict[str, Name] = {}
    for name, uuid in uuids:
        first = seen.setdefault(uuid, name)
        if first != name:
            message = f"{words_of(first)} and {words_of(name)} are the same in Bitbucket, {uuid}"
            hint = "keep its current name, in the inventory and in the trust of roles"
            findings.report("two-names", path_of(name), message, hint)


def environments_of(
    repository: Name,
    asked: Mapping[str, Known],
    ask: Callable[[], Collection[EnvironmentAnswer]],
    findings: Findings,
) -> dict[str, LockedEnvironment]:
    """Return the requested environments of a repository by their inventory names; ask Bitbucket if necessary.

    Raises:
        BitbucketError: The request fails, or two environments have the same name.
    """
    if not asked:
        return {}
    answers = ask()
    by_uuid = {answer.uuid: answer for answer in answers}
    locked: dict[str, LockedEnvironment] = {}
    for environment, known in asked.items():
        answer = _environment((*repository, environment), known, answers, by_uuid, findings)
        if answer is not None:
            locked[environment] = _locked(answer)
    return locked


def _environment(
    name: Name,
    known: Known,
    answers: Collection[EnvironmentAnswer],
    by_uuid: dict[str, EnvironmentAnswer],
    findings: Findings,
) -> EnvironmentAnswer | None:
    def called_today(uuid: str) -> str | None:
        return words_of((*name[:2], by_uuid[uuid].name)) if uuid in by_uuid else None

    matches = [answer for answer in answers if answer.name == name[2]]
    if len(matches) > 1:
        raise BitbucketError(
            f"Bitbucket has {len(matches)} deployment environments with the name {words_of(name)}",
            do="rename all but one of them in Bitbucket",
        )
    if matches:
        judge(name, matches[0].uuid, known, findings, called_today)
        return matches[0]
    similar = did_you_mean(name[2], [answer.name for answer in answers], "")
    uuid = judge_missing(name, known, findings, called_today, similar)
    return by_uuid[uuid] if uuid else None


def _locked(answer: EnvironmentAnswer) -> LockedEnvironment:
    if answer.restrictions is None:
        return LockedEnvironment(uuid=answer.uuid)
    restrictions = LockedRestrictions(admin_only=answer.restrictions.admin_only)
    return LockedEnvironment(uuid=answer.uuid, restrictions=restrictions)
