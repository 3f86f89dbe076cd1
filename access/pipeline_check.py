"""Check which steps of a bitbucket-pipelines.yml get into the roles that they name.

The verdict is the trust evaluator's, on the claims that the token of the step has; nothing here decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from access.explanation.claims import claims_of_step, named_step
from access.explanation.explain import RoleAnswer, TokenCall, answer
from access.explanation.names import Names
from access.plan import AccessPlan, AccountPlan, RolePlan
from config.findings import Fault, in_text, nearest, one_line
from config.models.inventory import Inventory
from config.pipelines.script import TOKEN
from config.pipelines.steps import Addresses, Note, Pipelines, RoleUse, Script, Step, TokenUse, Way

_UNDECLARED = "{ffffffff-ffff-4fff-bfff-ffffffffffff}"
"""Stands for the UUID of a deployment environment that the inventory does not declare."""

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class CheckedPipelines:
    """The faults of a file, notes, and how often a step names a role that was checked, and one that was not."""

    faults: tuple[Fault, ...]
    notes: tuple[Note, ...]
    checked: int
    unchecked: int


def check_pipelines(
    pipelines: Pipelines, repository: str, plan: AccessPlan, inventory: Inventory, at: datetime
) -> CheckedPipelines:
    """Check the steps of a file.

    Args:
        pipelines: The file.
        repository: That has it: ``acme/shop``.
        plan: The plan.
        inventory: The inventory of the plan, with the UUIDs of its lock.
        at: When the steps run.

    Raises:
        UsageError: The inventory has no such repository, or no UUID for it.
    """
    named_step(inventory, repository, None)
    check = _Check(plan, inventory, repository, at)
    results = [result for step in pipelines.steps for result in check.of_step(step)]
    faults = [result for result in results if isinstance(result, Fault)]
    notes = [result for result in results if isinstance(result, Note)]
    unread = [check.of_use(use, step).unread is not None for step in pipelines.steps for use in step.every_use]
    return CheckedPipelines(
        tuple(dict.fromkeys([*pipelines.faults, *faults])),
        tuple(dict.fromkeys([*pipelines.notes, *notes])),
        unread.count(False),
        unread.count(True),
    )


@dataclass(frozen=True)
class _Caller:
    """The token of a step, and where its calls come from."""

    claims: Mapping[str, Any]
    names: Names
    at: datetime
    addresses: Addresses

    def answer_of(self, account: AccountPlan, role: RolePlan, *, is_accepted: bool = True) -> RoleAnswer:
        """Return a role's answer to a call from an address that it accepts, or from an unknown one."""
        address = str(role.source_ips[0].network_address) if is_accepted and role.source_ips else None
        endpoint = role.source_vpces[0] if is_accepted and role.source_vpces and address is None else None
        call = TokenCall(self.claims, self.at, address, endpoint)
        request = call.to_role_in(account.id, account.partition.value, role.arn)
        return answer(role.trust_policy.to_json(), request, self.names)

    def may_come_from_accepted(self, role: RolePlan) -> bool:
        """Tell whether the step's address can be one that the role accepts."""
        match self.addresses:
            case Addresses.RUNNER:
                return bool(role.source_vpces) or not role.from_atlassian
            case Addresses.ATLASSIAN:
                return bool(role.source_ips) or not role.source_vpces
        return not (role.source_ips or role.source_vpces)


@dataclass(frozen=True)
class _Check:
    plan: AccessPlan
    inventory: Inventory
    repository: str
    at: datetime

    @cached_property
    def _roles(self) -> Mapping[str, tuple[AccountPlan, RolePlan]]:
        return {role.arn: (account, role) for account in self.plan.accounts for role in account.roles}

    @cached_property
    def _names(self) -> Names:
        return Names.of(self.inventory)

    @cached_property
    def _near(self) -> tuple[tuple[AccountPlan, RolePlan], ...]:
        """The roles that trust a step of the repository."""
        workspace, _, slug = self.repository.partition("/")
        return tuple(
            (account, role)
            for account, role in self._roles.values()
            if any(line.workspace == workspace and line.repository in (slug, None) for line in role.trust)
        )

    def of_step(self, step: Step) -> Iterator[Fault | Note]:
        """Yield the faults and notes of a step."""
        uses = [self.of_use(use, step) for use in step.every_use]
        yield from _of_token(step, uses)
        environment, note = self._environment(step)
        if note is not None:
            yield note
        if step.deployment is not None and "$" in step.deployment:
            yield Note(
                step.deployment_at, step.path, "not checked: the name of the deployment environment has a variable"
            )
            return
        caller = self._caller(step, environment)
        for use in uses:
            if use.unread is not None:
                named = f"{use.way.value} {one_line(use.arn)}" if use.arn else use.way.value
                yield Note(use.at, step.path, f"not checked: {named}: {use.unread}")
            elif (holder := self._roles.get(use.arn or "")) is None:
                yield self._unknown(use, step, caller)
            else:
                yield from self._of_role(*holder, step, caller)

    def of_use(self, use: RoleUse, step: Step) -> RoleUse:
        """Return a role that a step names; unread if the inventory lacks it and the script has no token."""
        is_in_script = use.way not in (Way.IMAGE, Way.STORAGE, Way.PIPE)
        has_token = step.oidc is not False or any(script.needs_token for script in step.scripts)
        if use.unread is not None or not is_in_script or has_token or use.arn in self._roles:
            return use
        return replace(use, unread="the inventory has no such role, and the step has no token")

    def _environment(self, step: Step) -> tuple[str | None, Note | None]:
        """Return the step's environment as the inventory names it; Bitbucket's own names differ in capitals.

        ``deployment: production`` is the environment that Bitbucket makes as Production
        (https://support.atlassian.com/bitbucket-cloud/docs/set-up-and-monitor-deployments/).
        """
        workspace, _, slug = self.repository.partition("/")
        known = self.inventory.workspaces[workspace].repositories[slug].environments
        named = step.deployment
        alike = [name for name in known if named is not None and name.lower() == named.lower()]
        if named is None or named in known or len(alike) != 1:
            return named, None
        text = f"`{one_line(named)}` is taken as the deployment environment {one_line(alike[0])} of the inventory"
        return alike[0], Note(step.deployment_at, step.path, text)

    def _caller(self, step: Step, environment: str | None) -> _Caller:
        workspace, _, slug = self.repository.partition("/")
        declared = self.inventory.workspaces[workspace].repositories[slug]
        known = declared.environments.get(environment or "")
        has_uuid = known is not None and known.uuid is not None
        audience = step.audiences[0] if step.audiences else None
        claims = claims_of_step(self.inventory, self.repository, environment if has_uuid else None, audience)
        names = self._names
        if environment is not None and not has_uuid:
            first, last = str(claims["sub"]).split(":")
            claims["sub"] = f"{first}:{_UNDECLARED}:{last}"
            names = replace(names, environments={**names.environments, _UNDECLARED: (environment, first)})
        if len(step.audiences) > 1:
            claims["aud"] = list(step.audiences)
        return _Caller(claims, names, self.at, step.addresses)

    def _of_role(self, account: AccountPlan, role: RolePlan, step: Step, caller: _Caller) -> Iterator[Fault | Note]:
        answered = caller.answer_of(account, role)
        named = f"role {role.key} in account {account.key}"
        if answered.undecided:
            yield Note(step.deployment_at, step.path, f"not checked: {named}: {answered.reasons[0].text}")
        elif not answered.allowed:
            why = "; ".join(reason.text for reason in answered.reasons)
            hint = self._roles_that_trust(caller, account) or "change the step, or the role's `trust` in the inventory"
            yield in_text("step-not-trusted", step.deployment_at, f"{named} refuses this step: {why}", hint, step.path)
        elif not caller.may_come_from_accepted(role) and not caller.answer_of(account, role, is_accepted=False).allowed:
            wanted = ", ".join([*map(str, role.source_ips[:_SHOWN]), *role.source_vpces[:_SHOWN]])
            accepted = Addresses.ATLASSIAN.value if role.from_atlassian else wanted
            what = f"{named} refuses this step: it accepts calls from {accepted}, and the step runs on {step.addresses}"
            hint = "add `size: 4x` and `runtime: {cloud: {atlassian-ip-ranges: true}}`"
            hint = hint if role.from_atlassian else "add `runs-on` with a self-hosted runner at these addresses"
            yield in_text("step-not-trusted", step.at, what, hint, step.path)
        elif step.audiences:
            text = f"{named} accepts {one_line(step.audiences[0])}, but Bitbucket most likely adds the workspace's own "
            text += "audience, and STS refuses a token with two; try `bitbucket-oidc doctor --exchange` in the step"
            yield Note(step.at, step.path, text)

    def _roles_that_trust(self, caller: _Caller, first: AccountPlan | None) -> str:
        """Return which roles admit the step, those of one account first, as a correction; empty if there are none."""
        near = sorted(self._near, key=lambda pair: pair[0] is not first)
        arns = [role.arn for account, role in near if caller.answer_of(account, role).allowed]
        more = f" and {len(arns) - _SHOWN} more" if len(arns) > _SHOWN else ""
        return f"change the step, or name a role that trusts it: {', '.join(arns[:_SHOWN])}{more}" if arns else ""

    def _unknown(self, use: RoleUse, step: Step, caller: _Caller) -> Fault:
        arn = use.arn or ""
        account = next((account for account in self.plan.accounts if f":{account.id}:" in arn), None)
        whose = "no account of the inventory has such a role"
        if account is not None:
            whose = f"account {account.key} of the inventory has no such role"
        near = nearest(arn, [role.arn for _, role in self._near])
        hint = f"did you mean `{near}`?" if near else self._roles_that_trust(caller, account)
        hint = hint or "name a role of the inventory, or add this one"
        return in_text("unknown-role-arn", use.at, f"{use.way.value} is {one_line(arn)}, and {whose}", hint, step.path)


def _of_token(step: Step, uses: Sequence[RoleUse]) -> Iterator[Fault | Note]:
    """Yield what is wrong with the token of a step, and the static keys beside it."""
    named = [use.way.value for use in uses if _needs_token(use)]
    read = [*named, *(TOKEN for script in step.scripts if script.needs_token)]
    if read and step.oidc is False:
        message = f"the step has {read[0]}, but no `oidc: true`, so Bitbucket gives it no token"
        yield in_text("step-without-oidc", step.at, message, "add `oidc: true` to the step", step.path)
    elif read and step.oidc is None:
        yield Note(
            step.at, step.path, "not checked: `options` has `oidc`, and the step has none; add `oidc: true` to it"
        )
    elif step.oidc and not uses:
        yield Note(step.at, step.path, "not checked: the step has `oidc`, but names no role in a form that is read")
    for script in step.scripts:
        yield from _of_script(script, step)
    for at in step.every_static_key:
        message = "a static access key is beside the role, and tools that read it ignore the token"
        yield in_text("static-key", at, message, "remove AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", step.path)


def _needs_token(use: RoleUse) -> bool:
    """Tell whether a step certainly needs ``oidc``; which token opens a runner's storage is not documented."""
    return use.way is Way.IMAGE or (use.unread is None and use.way is not Way.STORAGE)


def _of_script(script: Script, step: Step) -> Iterator[Fault | Note]:
    variables = [use for use in script.uses if use.way is Way.VARIABLE and use.unread is None]
    if not variables or not step.oidc or script.token is TokenUse.HANDED_OVER:
        return
    at, what = variables[0].at, f"{TOKEN} is not written to a file that AWS_WEB_IDENTITY_TOKEN_FILE names"
    if script.token is TokenUse.UNKNOWN:
        yield Note(at, step.path, f"not checked: {what} here, but a command of the step may do it")
        return
    hint = "set AWS_WEB_IDENTITY_TOKEN_FILE, and write the token to that file, as `bitbucket-oidc snippet` shows"
    yield in_text("token-not-written", at, f"AWS_ROLE_ARN is set, but {what}", hint, step.path)
