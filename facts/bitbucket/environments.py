"""The deployment environments of a repository: found by name among all that it has, for Bitbucket has no other way."""

from collections.abc import Callable, Collection, Mapping

from config.findings import did_you_mean
from config.lock.models import LockedEnvironment, LockedRestrictions
from config.lock.questions import Known, Name
from facts.bitbucket.answers import EnvironmentAnswer
from facts.bitbucket.judging import Findings, judge, judge_missing, words_of
from oidc.errors import BitbucketError


def environments_of(
    repository: Name,
    asked: Mapping[str, Known],
    ask: Callable[[], Collection[EnvironmentAnswer]],
    findings: Findings,
) -> dict[str, LockedEnvironment]:
    """Return the environments that are asked of a repository, by the names that the inventory has; asks if need be.

    Raises:
        BitbucketError: It cannot be asked, or has two of one name.
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
