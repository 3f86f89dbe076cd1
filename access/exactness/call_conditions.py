"""Conditions on a call besides the subject of its token, and the declared steps for each set of conditions."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from access.exactness.steps import Line, StepSet

EVERYWHERE = ("", frozenset[str]())
"""The place in conditions that allow calls from anywhere."""


class CallConditions(NamedTuple):
    """The conditions on a call besides the subject of its token.

    Attributes:
        issuer: Without ``https://``: ``api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc``.
        audience: The token's ``aud``.
        place: The condition key for the origin of the call and its allowed values, or ``EVERYWHERE``:
            ``("aws:SourceIp", frozenset({"203.0.113.0/24"}))``.
        until: The first instant without access, ``2027-02-01T00:00:00Z``; empty without an end.
    """

    issuer: str
    audience: str
    place: tuple[str, frozenset[str]] = EVERYWHERE
    until: str = ""

    def __str__(self) -> str:
        key, values = self.place
        where = f" from {', '.join(sorted(values))}" if key else ""
        end = f" before {self.until}" if self.until else ""
        return f"iss https://{self.issuer}, aud {self.audience}{where}{end}"


def steps_by_conditions(
    lines: Iterable[Line], networks: frozenset[str], endpoints: frozenset[str], last_day: date | None
) -> dict[CallConditions, set[StepSet]]:
    """Return the declared steps for each set of conditions; the lines share networks, VPC endpoints and a last day."""
    steps: dict[CallConditions, set[StepSet]] = {}
    places = list(_places(networks, endpoints))
    for line in lines:
        issuer = f"api.bitbucket.org/2.0/workspaces/{line.workspace}/pipelines-config/identity/oidc"
        days = [day for day in (last_day, line.last_day) if day is not None]
        until = f"{min(days) + timedelta(days=1)}T00:00:00Z" if days else ""
        for audience in line.audiences:
            for place in places:
                steps.setdefault(CallConditions(issuer, audience, place, until), set()).add(line.steps)
    return steps


def _places(networks: frozenset[str], endpoints: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the places that a call may come from; one of them is enough."""
    if networks:
        yield "aws:SourceIp", networks
    if endpoints:
        yield "aws:SourceVpce", endpoints
    if not networks and not endpoints:
        yield EVERYWHERE
