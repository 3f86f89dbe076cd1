"""Tokens to present, and the result that the inventory implies for each.

The expected result follows from the declarations of the inventory, part by part: workspace, repository, environment,
audience, address, day. Subject patterns and trust policies are not used: the proof tests them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from access.plan import RolePlan, TrustPlan
from access.trust_in_words import step_in_words
from config.models.inventory import Inventory
from config.models.trust import Steps
from config.models.workspace import Workspace
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, random_uuid
from sandbox.emulator_inputs import STRANGER
from sandbox.proof.origins import ANYWHERE, CallOrigin, is_taken, other_origins, taken_origins


@dataclass(frozen=True, slots=True)
class Presented:
    """A token as presented: the step that runs, and the flaw of the token.

    Attributes:
        name: For people: ``acme/payments, deployment environment production``.
        workspace: The workspace of the issuer.
        repository_uuid: In the subject.
        environment_uuid: In the subject, or ``None`` for a step outside of environments.
        audience: ``aud``.
        origin: The source of the call to STS.
        further: A second audience that the step requests: ``aud`` is then a list of both, and STS refuses it.
        flaw: The flaw of the token, or the empty string. No role accepts a token with a flaw.
    """

    name: str
    workspace: EmulatedWorkspace
    repository_uuid: str
    environment_uuid: str | None
    audience: str
    origin: CallOrigin = ANYWHERE
    further: tuple[str, ...] = ()
    flaw: str = ""


def steps_of(inventory: Inventory) -> list[Presented]:
    """Return a genuine token for every repository and environment of the inventory, with every audience declared.

    A step that requests another audience gets it in addition to its workspace's audience.
    """
    steps: list[Presented] = []
    for current, workspace in sorted(inventory.workspaces.items()):
        if workspace.uuid is not None:
            for slug in (current, *sorted(workspace.previous_slugs)):
                steps += _steps_under(EmulatedWorkspace(slug, workspace.uuid), workspace)
    return steps


def _steps_under(emulated: EmulatedWorkspace, workspace: Workspace) -> Iterator[Presented]:
    """Yield the tokens of a workspace's steps under one of its slugs."""
    own = emulated.default_audience
    for name, repository in sorted(workspace.repositories.items()):
        if repository.uuid is None:
            continue
        environments = sorted((key, known.uuid) for key, known in repository.environments.items() if known.uuid)
        for environment, uuid in [(None, None), *environments]:
            step = step_in_words(f"{emulated.slug}/{name}", environment)
            plain = Presented(step, emulated, repository.uuid, uuid, own)
            yield plain
            for audience in sorted(set(workspace.audiences) - {own}):
                yield replace(plain, name=f"{plain.name}, further audience {audience}", further=(audience,))


def from_taken_origins(presented: Presented, role: RolePlan) -> list[Presented]:
    """Return the same token, presented from an address and through an endpoint, if the role accepts each."""
    return [replace(presented, origin=origin) for origin in taken_origins(role)]


def wrong_tokens(role: RolePlan, line: TrustPlan, workspace: EmulatedWorkspace) -> Iterator[Presented]:
    """Yield tokens that a role must refuse; each differs in one part from a token that it accepts."""
    right = Presented(
        name="",
        workspace=workspace,
        repository_uuid=line.repository_uuid or random_uuid(),
        environment_uuid=line.environment_uuid,
        audience=line.audiences[0],
        origin=taken_origins(role)[0],
    )
    yield replace(right, name="another repository", repository_uuid=random_uuid())
    yield replace(right, name="another environment", environment_uuid=random_uuid())
    yield replace(right, name="another workspace", workspace=STRANGER)
    yield replace(
        right, name="another workspace with its own audience", workspace=STRANGER, audience=STRANGER.default_audience
    )
    yield replace(right, name="workspace in place of repository", repository_uuid=workspace.uuid)
    yield replace(right, name="another audience", audience="sts.amazonaws.com")
    for flaw in FLAWS:
        # If any repository is trusted, its pattern accepts any 38 characters in braces, so a UUID in capitals, which
        # Bitbucket never writes, proves nothing. A UUID of digits alone has no capitals.
        same = right.repository_uuid.upper() + (right.environment_uuid or "").upper()
        unchanged = same == right.repository_uuid + (right.environment_uuid or "")
        if not (flaw == UPPER_CASE and (line.repository is None or unchanged)):
            yield replace(right, name=flaw, flaw=flaw)
    for name, origin in other_origins(role):
        yield replace(right, name=name, origin=origin)


EXPIRED = "expired"
FORGED = "signed by another key"
MISSING_BRACE = "a missing brace"
NO_BRACES = "no braces at all"
UPPER_CASE = "upper-case UUIDs"
TRAILING_SLASH = "a trailing slash in the issuer"
FLAWS = (EXPIRED, FORGED, MISSING_BRACE, NO_BRACES, UPPER_CASE, TRAILING_SLASH)
"""The possible flaws of a token; ``sandbox.proof.prove`` makes each."""

BEFORE_THE_TRUST_POLICY = (EXPIRED, FORGED)
"""Flaws that no trust policy sees: STS looks at signature and times first."""


def expected(role: RolePlan, presented: Presented, today: date) -> bool:
    """Tell whether the inventory accepts a token. A token with two audiences is never accepted."""
    if presented.flaw or presented.further or (role.expires is not None and today > role.expires):
        return False
    if not is_taken(role, presented.origin):
        return False
    return any(_trusts(line, presented, today) for line in role.trust)


def _trusts(line: TrustPlan, presented: Presented, today: date) -> bool:
    if line.last_day is not None and today > line.last_day:
        return False
    if (line.workspace, True) != (presented.workspace.slug, presented.audience in line.audiences):
        return False
    if line.repository is None:
        return True
    if line.repository_uuid != presented.repository_uuid:
        return False
    if line.environment is not None:
        return line.environment_uuid == presented.environment_uuid
    return line.steps == Steps.ALL_INCLUDING_ENVIRONMENTS or presented.environment_uuid is None
