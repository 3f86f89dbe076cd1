"""Gates: what a token and a call must have besides the subject; and what is declared to pass each."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from access.exactness.steps import Form, Steps
from access.plan import RolePlan, TrustPlan
from oidc.errors import UnprovenPlanError

EVERYWHERE = ("", frozenset[str]())
"""The place of a call that may come from anywhere."""

REPORT_IT = "this is a defect of this program and not of the inventory: please report it; nothing was applied"


class Gate(NamedTuple):
    """What is asked of a call besides its subject.

    Attributes:
        issuer: Without ``https://``: ``api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc``.
        audience: The token's ``aud``.
        place: The condition key that says where the call comes from and the values that are good, or ``EVERYWHERE``:
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


def declared_gates(role: RolePlan) -> dict[Gate, set[Steps]]:
    """Return what the inventory declares of a role: for each gate the steps that may pass.

    Raises:
        UnprovenPlanError: A line of the plan says nothing that the inventory could mean.
    """
    declared: dict[Gate, set[Steps]] = {}
    places = list(_places(role))
    for line in role.trust:
        steps = declared_steps(line)
        issuer = f"api.bitbucket.org/2.0/workspaces/{line.workspace}/pipelines-config/identity/oidc"
        days = [day for day in (role.expires, line.last_day) if day is not None]
        until = f"{min(days) + timedelta(days=1)}T00:00:00Z" if days else ""
        for audience in line.audiences:
            for place in places:
                declared.setdefault(Gate(issuer, audience, place, until), set()).add(steps)
    return declared


def _places(role: RolePlan) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the places that a call may come from, each a way in of its own."""
    if role.source_ips:
        yield "aws:SourceIp", frozenset(map(str, role.source_ips))
    if role.source_vpces:
        yield "aws:SourceVpce", frozenset(role.source_vpces)
    if not role.source_ips and not role.source_vpces:
        yield EVERYWHERE


def declared_steps(line: TrustPlan) -> Steps:
    """Return the steps that a line of trust declares, by its words: never by its subject pattern.

    | the inventory has | the steps are |
    |---|---|
    | ``environments: [production]`` | every step of the repository that deploys to that environment |
    | ``steps: outside_environments`` | every step of the repository that deploys to none |
    | ``steps: all_including_environments`` | every step of the repository |
    | ``dangerously_whole_workspace`` | every step of every repository of the workspace |
    """
    said = (line.repository is not None, line.environment is not None, line.steps)
    form = _FORMS.get(said)
    if form is None or said[:2] != (line.repository_uuid is not None, line.environment_uuid is not None):
        raise UnprovenPlanError(
            f"a line of trust of the workspace {line.workspace} has no meaning: {line}", do=REPORT_IT
        )
    return Steps(form, line.repository_uuid, line.environment_uuid)


_FORMS = {
    (True, True, None): Form.IN_ENVIRONMENT,
    (True, False, "outside_environments"): Form.OUTSIDE_ENVIRONMENTS,
    (True, False, "all_including_environments"): Form.ALL,
    (False, False, "all_including_environments"): Form.ALL,
}
"""What a line means: whether it names a repository and an environment, and its steps."""
