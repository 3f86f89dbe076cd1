"""Gates: requirements on a token and a call besides the subject, and the steps declared to pass each gate."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from access.exactness.steps import Line, StepSet

EVERYWHERE = ("", frozenset[str]())
"""The place of a call that may come from anywhere."""


class CallConditions(NamedTuple):
    """The requirements on a call besides its subject.

    Attributes:
        issuer: Without ``https://``: ``api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc``.
        audience: The token's ``aud``.
        place: The condition key for the origin of the call and its allowed values, or ``EVERYWHERE``:
            ``("aws:SourceIp", frozenset({"203.0.113.0/24"}))``.
        until: The first instant at which the call is too late, ``2027-02-01T00:00:00Z``; empty without an end.
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


def gates_of(
    lines: Iterable[Line], networks: frozenset[str], endpoints: frozenset[str], last_day: date | None
) -> dict[CallConditions, set[StepSet]]:
    """Return the steps that may pass each gate, for lines that share networks, VPC endpoints and a last day."""
    gates: dict[CallConditions, set[StepSet]] = {}
    places = list(_places(networks, endpoints))
    for line in lines:
        issuer = f"api.bitbucket.org/2.0/workspaces/{line.workspace}/pipelines-config/identity/oidc"
        days = [day for day in (last_day, line.last_day) if day is not None]
        until = f"{min(days) + timedelta(days=1)}T00:00:00Z" if days else ""
        for audience in line.audiences:
            for place in places:
                gates.setdefault(CallConditions(issuer, audience, place, until), set()).add(line.steps)
    return gates


def _places(networks: frozenset[str], endpoints: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the places that a call may come from; each is sufficient alone."""
    if networks:
        yield "aws:SourceIp", networks
    if endpoints:
        yield "aws:SourceVpce", endpoints
    if not networks and not endpoints:
        yield EVERYWHERE
