"""A reason for a verdict, and how far from the other verdict it is."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from access.evaluation.text_patterns import matches, plain_tokens
from access.exactness.languages import meaning
from access.exactness.steps import Form, StepSet
from access.explanation.mistakes import subject_mistakes
from access.explanation.names import Names
from access.trust_in_words import step_in_words, steps_in_words
from config.findings import one_line
from config.models import trust
from oidc.identifiers import is_uuid


class Reason(NamedTuple):
    """Why a token may or may not assume a role.

    Attributes:
        weight: Distance from a match: 1 for a mistake or for another deployment environment, audience, address or
            time; 3 for another repository; more for another workspace or vendor. 0 if the token is admitted.
        text: In words, on one line.
    """

    weight: int
    text: str

    @property
    def in_short(self) -> str:
        """The reason without the right value: ``subject has another repository``."""
        return _WHAT_WOULD_BE_RIGHT.split(self.text, maxsplit=1)[0]


_WHAT_WOULD_BE_RIGHT = re.compile(r"[:;] (?:expected|the step lacks|the role takes) ")


_WITHOUT, _WITH = 2, 3
"""Parts of a subject without a deployment environment and with one."""


def subject_parts(subject: str) -> list[str] | None:
    """Return the UUIDs of a subject that Bitbucket could issue: two or three; else ``None``."""
    parts = subject.split(":")
    return parts if len(parts) in (_WITHOUT, _WITH) and all(map(is_uuid, parts)) else None


def subject_in_words(subject: str, names: Names) -> str:
    """Return ``acme/payments, deployment environment production``, or the fault of the subject."""
    parts = subject_parts(subject)
    if parts is None:
        return f"no subject of Bitbucket: {no_subject(subject, names)}"
    environment = names.environment(parts[1]) if len(parts) == _WITH else None
    return step_in_words(names.repository(parts[0]), environment)


def no_subject(subject: str, names: Names, workspace: str | None = None) -> str:
    """Say why no token of Bitbucket has this subject."""
    slips = subject_mistakes(subject, names, workspace)
    if slips.found:
        return ", and ".join(slips.found)
    if "*" in subject or "?" in subject:
        return "it has a wildcard, which only patterns have"
    parts = subject.split(":")
    if len(parts) not in (_WITHOUT, _WITH):
        return f"it has {counted_parts(len(parts))}, where a step's subject has two or three"
    wrong = next((part for part in parts if not is_uuid(part)), "")
    return f"`{one_line(wrong)}` stands where a UUID in braces belongs"


def counted_parts(number: int) -> str:
    """Return ``one part`` or ``4 parts``."""
    return "one part" if number == 1 else f"{number} parts"


def subject_reasons(subject: str, patterns: Sequence[str], names: Names, workspace: str | None) -> list[Reason]:
    """Say why a subject matches no pattern, by comparison with the nearest: mistakes and other differences."""
    slips = subject_mistakes(subject, names, workspace)
    parts = subject_parts(slips.meant)
    if parts is None:
        what = no_subject(subject, names, workspace)
        return [Reason(_FOREIGN, f"subject is none of a Bitbucket step: {what}; expected {_wanted(patterns, names)}")]
    found = [Reason(_SLIP, f"subject: {slip}") for slip in slips.found]
    nearest = _nearest(parts, patterns, names)
    return [*found, *([nearest] if nearest is not None else [])]


_SLIP, _ANOTHER_REPOSITORY, _FOREIGN = 1, 3, 4


def _nearest(parts: list[str], patterns: Sequence[str], names: Names) -> Reason | None:
    steps = {pattern: meaning(pattern) for pattern in patterns}
    known = [each for each in steps.values() if each is not None]
    if any(matches(":".join(parts), plain_tokens(pattern)) for pattern in patterns):
        return None
    here = [each for each in known if each.repository in (None, parts[0])]
    unknown = [pattern for pattern, each in steps.items() if each is None]
    if here and not any(pattern.startswith(parts[0]) for pattern in unknown):
        return Reason(_SLIP, _within_repository(parts, here, names))
    if known and not here:
        expected = _listed(sorted({names.repository(str(each.repository)) for each in known}))
        got = names.repository(parts[0])
        return Reason(_ANOTHER_REPOSITORY, f"subject has another repository: expected {expected}, got {got}")
    return Reason(_ANOTHER_REPOSITORY, f"subject matches none of {_listed([one_line(each) for each in patterns])}")


def _within_repository(parts: list[str], here: Sequence[StepSet], names: Names) -> str:
    """Describe the difference if the repository is right."""
    wanted = sorted({names.environment(each.environment) for each in here if each.environment is not None})
    outside = any(each.form is Form.OUTSIDE_ENVIRONMENTS for each in here)
    if len(parts) == _WITHOUT:
        if parts[1] in names.environments:
            what = f"its step has the UUID of deployment environment {names.environment(parts[1])}"
            return f"{what}: a subject with one has three parts, {_FORM}"
        lacks = " or ".join(f"`deployment: {environment}`" for environment in wanted[:_SHOWN])
        return f"the token has no deployment environment: the step lacks {lacks}"
    got = names.environment(parts[1])
    if not wanted:
        return f"the step deploys to {got}: the role takes only steps without `deployment:`"
    also = ", or a step without `deployment:`" if outside else ""
    return f"subject has another deployment environment: expected {_listed(wanted)}{also}, got {got}"


_FORM = "{repository}:{deployment environment}:{step}"
_SHOWN = 5


def _listed(texts: Sequence[str]) -> str:
    shown = " or ".join(texts[:_SHOWN])
    return f"{shown} or {len(texts) - _SHOWN} others" if len(texts) > _SHOWN else shown


def _wanted(patterns: Sequence[str], names: Names) -> str:
    return _listed([pattern_in_words(pattern, names) for pattern in patterns])


def pattern_in_words(pattern: str, names: Names) -> str:
    """Return ``acme/payments, deployment environment production`` for a pattern whose meaning is known."""
    steps = meaning(pattern)
    if steps is None:
        return f"`{one_line(pattern)}`"
    repository = names.repository(steps.repository) if steps.repository else "every repository of the workspace"
    environment = names.environment(steps.environment) if steps.environment else None
    return steps_in_words(repository, environment, _WRITTEN[steps.form])


EVERY_STEP = steps_in_words("every repository of the workspace", None, trust.Steps.ALL_INCLUDING_ENVIRONMENTS)
"""The meaning of a pattern that matches every subject."""

_WRITTEN = {
    Form.IN_ENVIRONMENT: None,
    Form.OUTSIDE_ENVIRONMENTS: trust.Steps.OUTSIDE_ENVIRONMENTS,
    Form.ALL: trust.Steps.ALL_INCLUDING_ENVIRONMENTS,
}
