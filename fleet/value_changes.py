"""Turn pairs of values that differ into changes as ``diff`` has them.

The values decide whether something differs; the comparison of plans only words it. A difference that the comparison
has no words for becomes the change ``details-changed``.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from access.adoption.statement_reading import read_pattern, workspace_of
from access.comparison.changes import Change, Effect
from access.comparison.compare import compare
from access.comparison.view import AccountView, OidcProviderView, PlanView, RoleView, TrustView
from access.plan import AccessPlan, AccountPlan
from fleet.recorded import RecordedAccount
from fleet.values import OidcProviderValues, RoleValues
from oidc.arn import role_arn
from oidc.bitbucket import Grade, widest
from oidc.iam.document import parse

RoleSides = tuple[RoleValues | None, RoleValues | None]
ProviderSides = tuple[OidcProviderValues | None, OidcProviderValues | None]


def object_of(text: str) -> dict[str, Any]:
    """Return the JSON object of a meaning; empty for a document that is no object."""
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


class ValueChanges:
    """Writes values into views of plans, and compares the views.

    Args:
        plan: Of the account.
        recorded: The state, if the new side is the plan; ``None`` if neither side is.
    """

    def __init__(self, plan: AccountPlan, recorded: RecordedAccount | None = None) -> None:
        self._plan = plan
        self._recorded = recorded
        (self._view,) = PlanView.of(AccessPlan((plan,))).accounts
        self._roles = {role.name.lower(): role for role in self._view.roles}
        self._providers = {provider.arn: provider for provider in self._view.oidc_providers}
        self._lines = {(line.workspace, line.subject_pattern): line for role in self._view.roles for line in role.trust}
        self._names: dict[str | None, str | None] = {}
        for line in (line for role in plan.roles for line in role.trust):
            self._names |= {line.repository_uuid: line.repository, line.environment_uuid: line.environment}

    def between(self, roles: list[RoleSides], providers: list[ProviderSides]) -> tuple[Change, ...]:
        """Return the changes between both sides; at least one for each pair.

        Args:
            roles: Each role before and after; ``None`` on the side that does not have it.
            providers: The same for OIDC providers.
        """
        compared = [_same_thumbprints(*sides) for sides in providers]
        before = self._account([was for was, _ in roles], [was for was, _ in compared], is_plan=False)
        after = self._account(
            [now for _, now in roles], [now for _, now in compared], is_plan=self._recorded is not None
        )
        changes = compare(PlanView(accounts=[before]), PlanView(accounts=[after])).changes
        if self._recorded is None:
            changes = tuple(self._as_drift(change) for change in changes)
        worded = {change.arn for change in changes}
        return (*changes, *self._without_words(roles, providers, worded))

    def _as_drift(self, change: Change) -> Change:
        """Say what the loss of an OIDC provider means if the roles that trust it stay, as they do in a drift."""
        if change.kind != "oidc-provider-removed":
            return change
        workspace = workspace_of(change.arn or "", self._plan.id) or change.arn
        message = f"OIDC provider of {workspace} is gone from AWS: nobody can assume the roles that trust it"
        return replace(change, effect=Effect.BREAKS, message=message)

    def _without_words(
        self, roles: list[RoleSides], providers: list[ProviderSides], worded: set[str | None]
    ) -> Iterator[Change]:
        for sides in roles:
            arns = [self._arn(role) for role in sides if role is not None]
            if not worded & set(arns):
                key = next(role.key for role in reversed(sides) if role is not None)
                yield Change("details-changed", Effect.NONE, self._plan.key, key, arns[-1], _differing(*sides))
        for was, now in providers:
            provider = now or was
            if provider is not None and provider.arn not in worded:
                yield Change("details-changed", Effect.NONE, self._plan.key, None, provider.arn, _differing(was, now))

    def _arn(self, role: RoleValues) -> str:
        return role_arn(self._plan.partition, self._plan.id, role.path, role.name)

    def _account(
        self, roles: Iterable[RoleValues | None], providers: Iterable[OidcProviderValues | None], *, is_plan: bool
    ) -> AccountView:
        changed: dict[str, Any] = {
            "roles": [self._role(role, is_plan=is_plan) for role in roles if role is not None],
            "oidc_providers": [self._provider(provider) for provider in providers if provider is not None],
        }
        if self._recorded is not None and not is_plan and self._recorded.resources:
            access = self._recorded.access
            others = dict(self._view.others or {})
            changed["key"] = self._recorded.key
            if self._recorded.region not in (None, self._plan.region or self._plan.partition.iam_region):
                changed["region"] = self._recorded.region
            changed["others"] = others | ({"access": dict(access)} if access is not None else {})
        return self._view.model_copy(update=changed)

    def _role(self, role: RoleValues, *, is_plan: bool) -> RoleView:
        """Return the view of a role; what AWS does not have is that of the plan, if it has the role."""
        arn, trust_policy = self._arn(role), object_of(role.trust_policy)
        planned = self._roles.get(role.name.lower())
        lines = list(planned.trust if planned and is_plan else self._trust(trust_policy))
        return RoleView(
            key=role.key,
            name=role.name,
            arn=arn,
            path=role.path,
            description=role.description or None,
            owner=planned.owner if planned else None,
            grade=planned.grade if planned else widest([Grade(line.grade) for line in lines] or [Grade.WORKSPACE_WIDE]),
            trust_policy=trust_policy,
            managed_policy_arns=list(role.managed_policy_arns or ()),
            inline_policies={name: object_of(text) for name, text in sorted(role.inline_policies.items())},
            permissions_boundary_arn=role.permissions_boundary_arn or None,
            max_session_duration=role.max_session_duration,
            expires=planned.expires if planned else None,
            tags=dict(role.tags),
            trust=lines,
            previous_keys=planned.previous_keys if planned else [],
            others=planned.others if planned and is_plan else None,
        )

    def _trust(self, trust_policy: Mapping[str, Any]) -> Iterator[TrustView]:
        """Yield the lines of trust in a trust policy, with the names of the plan; others are left out."""
        seen = set()
        for statement in parse(trust_policy).statements:
            workspaces = {workspace_of(principal.name, self._plan.id) for principal in statement.principals} - {None}
            patterns = {
                value
                for test in statement.conditions
                if test.operator == "StringLike" and test.key.endswith(":sub")
                for value in test.values
            }
            seen |= {(workspace, pattern) for workspace in workspaces if workspace for pattern in patterns}
        for workspace, pattern in sorted(seen):
            line = self._lines.get((workspace, pattern)) or self._unknown_line(workspace, pattern)
            if line is not None:
                yield line

    def _unknown_line(self, workspace: str, pattern: str) -> TrustView | None:
        line = read_pattern(workspace, pattern)
        if line is None:
            return None
        grades: dict[bool, Literal["environment-bound", "repository-wide", "workspace-wide"]]
        grades = {True: "repository-wide", False: "workspace-wide"}
        return TrustView(
            workspace=workspace,
            repository=self._names.get(line.repository, line.repository) or None,
            subject_pattern=pattern,
            grade="environment-bound" if line.environment else grades[bool(line.repository)],
            environment=self._names.get(line.environment, line.environment) or None,
            steps=line.steps or ("all_including_environments" if not line.environment else None),
        )

    def _provider(self, provider: OidcProviderValues) -> OidcProviderView:
        planned = self._providers.get(provider.arn)
        workspace = workspace_of(provider.arn, self._plan.id) or provider.arn
        base = planned or OidcProviderView(
            workspace=workspace,
            url="",
            arn=provider.arn,
            audiences=[],
            thumbprints="omit",
            mode=provider.mode,
            others={},
        )
        if provider.mode != "create":
            return base.model_copy(update={"mode": provider.mode})
        order = {audience: position for position, audience in enumerate(base.audiences)}
        return base.model_copy(
            update={
                "mode": provider.mode,
                "audiences": sorted(
                    provider.audiences, key=lambda audience: (order.get(audience, len(order)), audience)
                ),
                "thumbprints": base.thumbprints if provider.thumbprints is None else list(provider.thumbprints),
                "others": {**(base.others or {}), "tags": dict(provider.tags)},
            }
        )


def _same_thumbprints(was: OidcProviderValues | None, now: OidcProviderValues | None) -> ProviderSides:
    """Leave out the thumbprints of both sides if one leaves them to AWS."""
    if was is None or now is None or (was.thumbprints is not None and now.thumbprints is not None):
        return was, now
    return replace(was, thumbprints=None), replace(now, thumbprints=None)


def _differing(was: RoleValues | OidcProviderValues | None, now: RoleValues | OidcProviderValues | None) -> str:
    if was is None or now is None:
        return "it is new" if was is None else "it is gone"
    names = [name for name in type(was).__slots__ if getattr(was, name) != getattr(now, name) and name != "key"]
    return f"{', '.join(name.replace('_', ' ') for name in names)} differ"
