"""Describe steps and trust in words: equal words in every table, page, comparison, proof and explanation."""

from collections.abc import Iterable
from typing import Protocol

from access.plan import TrustPlan
from config.findings import one_line
from config.models.trust import Steps


class TrustLine(Protocol):
    """A line of trust, from a compiled plan or from a file."""

    @property
    def workspace(self) -> str:
        """``acme``."""

    @property
    def repository(self) -> str | None:
        """``payments``, or ``None`` for a whole workspace."""

    @property
    def environment(self) -> str | None:
        """The name of the deployment environment, or ``None``."""

    @property
    def steps(self) -> str | None:
        """``outside_environments`` or ``all_including_environments``; ``None`` for a deployment environment."""


def trust_in_words(line: TrustPlan) -> str:
    """Say whom a line of trust admits, with which audience, and why: ``acme/payments, deployment environment live``.

    The text has the audience unless it is the workspace's own, and the reason if a whole workspace is trusted. It has
    the last day of a previous slug, and of a whole workspace that a role keeps as it was found. It has the day on which
    somebody checked the deployment restrictions of the environment, if the inventory has that day.
    """
    asked = line.audiences if line.audiences != line.default_audiences else ()
    reason = f": {one_line(line.reason)}" if line.reason else ""
    before = f": {line.renamed_to} before its rename, until {line.last_day}" if line.renamed_to else ""
    checked = f": restrictions checked on {line.restrictions_checked}" if line.restrictions_checked else ""
    as_is = f": ADOPTED AS IS until {line.last_day}" if line.repository is None and line.last_day else ""
    return line_in_words(line, asked) + as_is + reason + before + checked


def line_in_words(line: TrustLine, audiences: Iterable[str] = ()) -> str:
    """Say whom a line of trust admits: ``acme/payments, deployment environment production``.

    Args:
        line: A line of a plan.
        audiences: Accepted audiences, unless only the workspace's own is accepted.
    """
    name = f"every repository of {line.workspace}" if line.repository is None else f"{line.workspace}/{line.repository}"
    asked = one_line(" or ".join(sorted(audiences)))
    return steps_in_words(name, line.environment, line.steps) + (f", audience {asked}" if asked else "")


def steps_in_words(repository: str, environment: str | None, steps: str | None) -> str:
    """Say which steps are trusted: ``acme/payments, steps outside deployment environments``.

    Args:
        repository: ``acme/payments``, ``every repository of acme``.
        environment: The name of the deployment environment, or ``None``.
        steps: As the inventory spells it; it counts only without a deployment environment.
    """
    if environment is not None:
        return step_in_words(repository, environment)
    outside = steps == Steps.OUTSIDE_ENVIRONMENTS
    which = "steps outside deployment environments" if outside else "every step, deployment environments included"
    return one_line(f"{repository}, {which}")


def step_in_words(repository: str, environment: str | None) -> str:
    """Describe a running step: ``acme/payments, deployment environment production``.

    Args:
        repository: ``acme/payments``, or its UUID if the name is unknown.
        environment: Likewise; ``None`` for a step without ``deployment:``.
    """
    which = "no deployment environment" if environment is None else f"deployment environment {environment}"
    return one_line(f"{repository}, {which}")
