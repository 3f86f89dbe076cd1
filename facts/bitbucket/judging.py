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
        uuid: Of the inventory or the lock.
        name: The name beside it in that file.
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
        """Tell whether a new UUID of this name is trusted, by itself or with its workspace or repository."""
        return name in self.accepted or any(name[:length] in self.trusted_anew for length in range(1, len(name)))

    def report(self, rule: str, path: Path, message: str, hint: str) -> None:
        """Add a discrepancy."""
        self.discrepancies.append(Fault(rule, path, message, hint))


KINDS = ("workspace", "repository", "deployment environment")
"""By the number of parts of a name, less one."""


def kind_of(name: Name) -> str:
    """Return the kind of a name."""
    return KINDS[len(name) - 1]


def words_of(name: Name) -> str:
    """Return ``acme``, ``acme/shop``, or ``acme/shop/production``; ``--accept`` takes the same form."""
    return "/".join(name)


def path_of(name: Name, *, of_uuid: bool = False) -> Path:
    """Return where the inventory has a name, or its UUID."""
    path: Path = ("workspaces", name[0])
    path = (*path, "repositories", name[1]) if len(name) > 1 else path
    path = (*path, "environments", name[2]) if len(name) > 2 else path  # noqa: PLR2004 - an environment's
    return (*path, "uuid") if of_uuid and len(name) <= 2 else path  # noqa: PLR2004 - as above


def judge(name: Name, found: str, known: Known, findings: Findings, called_today: Callable[[str], str | None]) -> None:
    """Report how a name that Bitbucket has differs from the inventory and the lock.

    Args:
        name: The name.
        found: Its UUID in Bitbucket.
        known: Its UUIDs in the inventory and the lock.
        findings: Collects the discrepancies.
        called_today: Returns Bitbucket's name for a UUID; ``None`` if Bitbucket has no such UUID.
    """
    here = [uuid for uuid in dict.fromkeys((known.written, known.locked)) if uuid]
    today = {uuid: words_of(name) if uuid == found else called_today(uuid) for uuid in here}
    findings.uuids += [NamedUuid(uuid, name, kind_of(name), called) for uuid, called in today.items()]
    made_anew = known.locked not in (None, found)
    if made_anew and findings.is_accepted(name):
        findings.trusted_anew.add(name)
    if made_anew and not findings.is_accepted(name):
        _report_made_anew(name, found, known, findings, today)
    elif known.written not in (None, found):
        message = (
            f"{known.written} is not {kind_of(name)} {words_of(name)}, which is {found} in Bitbucket "
            f"({_says_of(known.written, today)})"
        )
        hint = f'write "{found}" if {words_of(name)} is meant'
        findings.report("wrong-uuid", path_of(name, of_uuid=True), message, hint)


def _report_made_anew(
    name: Name, found: str, known: Known, findings: Findings, today: Mapping[str, str | None]
) -> None:
    message = (
        f"{kind_of(name)} {words_of(name)} is {found} in Bitbucket, and was {known.locked} when it was locked: it was "
        f"made anew, or something else has its name now ({_says_of(known.locked, today)})"
    )
    correct = f"write {found} here and " if known.written not in (None, found) else ""
    command = f"bitbucket-oidc lock --accept {shlex.quote(words_of(name))}"
    hint = f"look into who made it; to trust the new one, {correct}run `{command}`"
    findings.report("made-anew", path_of(name), message, hint)


def _says_of(uuid: str | None, today: Mapping[str, str | None]) -> str:
    called = today.get(uuid or "")
    return f"{uuid} is {called}" if called else f"there is no {uuid}"


def judge_missing(
    name: Name, known: Known, findings: Findings, called_today: Callable[[str], str | None], similar: str = ""
) -> str | None:
    """Report a name that Bitbucket does not have; return the UUID by which it was followed.

    A locked UUID with another name now was renamed. A UUID that only the inventory has, and that has another name in
    Bitbucket, may be the UUID of something else.
    """
    words, kind = words_of(name), kind_of(name)
    today = {uuid: called_today(uuid) for uuid in dict.fromkeys((known.locked, known.written)) if uuid}
    findings.uuids += [NamedUuid(uuid, name, kind, called) for uuid, called in today.items()]
    if known.locked and (called := today[known.locked]) and known.written in (None, known.locked):
        report_renamed(name, called, findings)
        return known.locked
    if known.written and (called := today[known.written]):
        message = f"{known.written} is {called} in Bitbucket, which has no {kind} {words}"
        hint = f"write {called} here if it is that one, else the UUID that belongs to {words}"
        findings.report("wrong-uuid", path_of(name, of_uuid=True), message, hint)
        return None
    message = f"Bitbucket has no {kind} {words}, or these credentials do not see it"
    hint = similar or "correct the name, or remove it with the trust in it"
    findings.report("not-in-bitbucket", path_of(name), message, hint)
    return None


def report_renamed(name: Name, called: str, findings: Findings) -> None:
    """Report a new name, and the change to make in the inventory."""
    old, new = words_of(name), called
    message = f"{kind_of(name)} {old} is called {new} in Bitbucket today; its UUID is the same"
    hint = f"rename it in the inventory, here and in the trust of roles: {new} in place of {old}"
    findings.report("renamed", path_of(name), message, hint)


def report_two_names(uuids: Iterable[tuple[Name, str]], findings: Findings) -> None:
    """Report names of the same thing: Bitbucket finds a repository by its former name too."""
    seen: dict[str, Name] = {}
    for name, uuid in uuids:
        first = seen.setdefault(uuid, name)
        if first != name:
            message = f"{words_of(first)} and {words_of(name)} are one in Bitbucket, {uuid}"
            hint = "keep the name that it has today, in the inventory and in the trust of roles"
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
    found: dict[str, LockedEnvironment] = {}
    for environment, known in asked.items():
        answer = _environment((*repository, environment), known, answers, by_uuid, findings)
        if answer is not None:
            found[environment] = _locked(answer)
    return found


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
            f"Bitbucket has {len(matches)} deployment environments of the name {words_of(name)}",
            do="rename all but one of them there",
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
