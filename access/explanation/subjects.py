"""A reason for a verdict, with its distance from a match; and subjects and subject patterns in words."""

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
from oidc.placeholders import placeholder_in


class Reason(NamedTuple):
    """Why a token may or may not assume a role.

    Attributes:
        weight: Distance from a match: 1 for a mistake or for another deployment environment, audience, address or
            time; 3 for another repository; more for another workspace or vendor. 0 if the token is admitted.
        in_short: In words, without the values: ``subject has another repository``.
        values: The end of the text: ``: expected acme/shop, got acme/site``; may be empty.
    """

    weight: int
    in_short: str
    values: str = ""

    @property
    def text(self) -> str:
        """The whole reason, on one line: ``subject has another repository: expected acme/shop, got acme/site``."""
        return self.in_short + self.values


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
        return f"not a Bitbucket subject: {no_subject(subject, names)}"
    environment = names.environment(parts[1]) if len(parts) == _WITH else None
    return step_in_words(names.repository(parts[0]), environment)


def no_subject(subject: str, names: Names, workspace: str | None = None) -> str:
    """Say why no token of Bitbucket has this subject."""
    mistakes = subject_mistakes(subject, names, workspace)
    if mistakes.phrases:
        return ", and ".join(mistakes.phrases)
    if "*" in subject or "?" in subject:
        return "it has a wildcard, which only patterns have"
    parts = subject.split(":")
    if len(parts) not in (_WITHOUT, _WITH):
        return f"it has {counted_parts(len(parts))}, but a step's subject has two or three"
    return not_a_uuid(next((part for part in parts if not is_uuid(part)), ""))


def not_a_uuid(part: str) -> str:
    """Say that a part of a subject is no UUID, or a placeholder: ```{REPO_UUID}` is a placeholder``."""
    kind = "a placeholder" if placeholder_in(part) else "not a UUID in braces"
    return f"`{one_line(part)}` is {kind}"


def counted_parts(number: int) -> str:
    """Return ``one part`` or ``4 parts``."""
    return "one part" if number == 1 else f"{number} parts"


def subject_reasons(subject: str, patterns: Sequence[str], names: Names, workspace: str | None) -> list[Reason]:
    """Say why a subject matches no pattern, by comparison with the nearest: mistakes and other differences."""
    mistakes = subject_mistakes(subject, names, workspace)
    parts = subject_parts(mistakes.meant)
    if parts is None:
        why = no_subject(subject, names, workspace)
        expected = _listed([pattern_in_words(pattern, names) for pattern in patterns])
        return [Reason(_FOREIGN, f"subject is not from a Bitbucket step: {why}", f"; expected {expected}")]
    reasons = [Reason(_MISTAKE, f"subject: {phrase}") for phrase in mistakes.phrases]
    nearest = _nearest(parts, patterns, names)
    return [*reasons, *([nearest] if nearest is not None else [])]


_MISTAKE, _ANOTHER_REPOSITORY, _FOREIGN = 1, 3, 4


def _nearest(parts: list[str], patterns: Sequence[str], names: Names) -> Reason | None:
    meanings = {pattern: meaning(pattern) for pattern in patterns}
    known = [steps for steps in meanings.values() if steps is not None]
    if any(matches(":".join(parts), plain_tokens(pattern)) for pattern in patterns):
        return None
    of_repository = [steps for steps in known if steps.repository in (None, parts[0])]
    unknown = [pattern for pattern, steps in meanings.items() if steps is None]
    if of_repository and not any(pattern.startswith(parts[0]) for pattern in unknown):
        return _of_environment(parts, of_repository, names)
    if known and not of_repository:
        expected = _listed(sorted({names.repository(str(steps.repository)) for steps in known}))
        values = f": expected {expected}, got {names.repository(parts[0])}"
        return Reason(_ANOTHER_REPOSITORY, "subject has another repository", values)
    return Reason(_ANOTHER_REPOSITORY, f"subject matches none of {_listed([one_line(each) for each in patterns])}")


def _of_environment(parts: list[str], admitted: Sequence[StepSet], names: Names) -> Reason:
    """Describe the difference if the repository is right."""
    expected = sorted({names.environment(steps.environment) for steps in admitted if steps.environment is not None})
    outside = any(steps.form is Form.OUTSIDE_ENVIRONMENTS for steps in admitted)
    if len(parts) == _WITHOUT:
        if parts[1] in names.environments:
            environment = names.environment(parts[1])
            text = f"its step has the UUID of deployment environment {environment}: {_THREE_PARTS}"
            return Reason(_MISTAKE, text)
        lacks = " or ".join(f"`deployment: {environment}`" for environment in expected[:_SHOWN])
        return Reason(_MISTAKE, "the token has no deployment environment", f": the step lacks {lacks}")
    got = names.environment(parts[1])
    if not expected:
        return Reason(_MISTAKE, f"the step deploys to {got}", ": the role takes only steps without `deployment:`")
    also = ", or a step without `deployment:`" if outside else ""
    values = f": expected {_listed(expected)}{also}, got {got}"
    return Reason(_MISTAKE, "subject has another deployment environment", values)


_THREE_PARTS = "the subject of a step that deploys has three parts, {repository}:{deployment environment}:{step}"
_SHOWN = 5


def _listed(texts: Sequence[str]) -> str:
    shown = " or ".join(texts[:_SHOWN])
    return f"{shown} or {len(texts) - _SHOWN} others" if len(texts) > _SHOWN else shown


def pattern_in_words(pattern: str, names: Names) -> str:
    """Return ``acme/payments, deployment environment production`` for a pattern whose meaning is known."""
    steps = meaning(pattern)
    if steps is None:
        return f"`{one_line(pattern)}`"
    repository = names.repository(steps.repository) if steps.repository else "every repository of the workspace"
    environment = names.environment(steps.environment) if steps.environment else None
    return steps_in_words(repository, environment, _STEPS_OF[steps.form])


EVERY_STEP = steps_in_words("every repository of the workspace", None, trust.Steps.ALL_INCLUDING_ENVIRONMENTS)
"""The meaning of a pattern that matches every subject."""

_STEPS_OF = {
    Form.IN_ENVIRONMENT: None,
    Form.OUTSIDE_ENVIRONMENTS: trust.Steps.OUTSIDE_ENVIRONMENTS,
    Form.ALL: trust.Steps.ALL_INCLUDING_ENVIRONMENTS,
}
