"""Sets of steps as the inventory declares them, and the subjects in the tokens of those steps.

The grammar of ``sub``, every part a UUID in lower-case hex with its braces::

    sub = "{" repository "}" [ ":{" deployment environment "}" ] ":{" step "}"

Source: https://support.atlassian.com/bitbucket-cloud/docs/deploy-on-aws-using-bitbucket-pipelines-openid-connect/,
"Using claims in ID tokens to limit access to the IAM role in AWS". So a subject has 77 characters or 116.
"""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import NamedTuple

HEX = "0123456789abcdef"
_ANY_UUID = ("{", *[HEX] * 8, "-", *[HEX] * 4, "-", *[HEX] * 4, "-", *[HEX] * 4, "-", *[HEX] * 12, "}")

Product = tuple[str, ...]
"""Subjects of one length: for each place the possible characters, ``("{", "9", "a", …)``."""


class Form(StrEnum):
    """Which steps of a repository."""

    IN_ENVIRONMENT = "in the environment"
    OUTSIDE_ENVIRONMENTS = "outside of environments"
    ALL = "all, those of environments included"


class StepSet(NamedTuple):
    """A set of steps.

    Attributes:
        form: Which steps.
        repository: ``{9a6d6bde-…}``, or ``None`` for any repository of the issuer's workspace.
        environment: ``{c2b1a5de-…}``, only for ``Form.IN_ENVIRONMENT``.
    """

    form: Form
    repository: str | None = None
    environment: str | None = None

    def subjects(self) -> Iterator[Product]:
        """Yield the subjects of these steps; the last UUID is the step's own, which differs in every run."""
        if self.form is not Form.IN_ENVIRONMENT:
            yield product_of(self.repository, None)
        if self.form is not Form.OUTSIDE_ENVIRONMENTS:
            yield product_of(self.repository, self.environment, None)


class Line(NamedTuple):
    """One line of who may assume a role.

    Attributes:
        workspace: The slug in the issuer: ``acme``.
        repository: Its slug, or ``None`` for a whole workspace.
        environment: The name of the deployment environment, or ``None``.
        steps: Which steps, by the UUIDs of both.
        audiences: Accepted ones.
        last_day: The last day in UTC on which a former slug, or the whole workspace of a role adopted as is, is
            trusted; or ``None``.
    """

    workspace: str
    repository: str | None
    environment: str | None
    steps: StepSet
    audiences: frozenset[str]
    last_day: date | None


def product_of(*parts: str | None) -> Product:
    """Return the subjects with these parts, ``None`` for any UUID."""
    characters: list[str] = []
    for part in parts:
        characters += [":"] if characters else []
        characters += _ANY_UUID if part is None else part
    return tuple(characters)


GRAMMAR = (product_of(None, None), product_of(None, None, None))
"""Every possible subject, by length."""
