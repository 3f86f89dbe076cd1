"""Find why ``up`` must not run in an account before a person decides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from access.adoption.found import FoundAccount, FoundRole
from access.managed_by import STACK_TAG, is_of_stack, managed_by
from access.plan import AccountPlan, OidcProviderPlan, RolePlan
from fleet.recorded import RecordedAccount, in_brief
from fleet.take_up import TakeUp
from oidc.arn import role_arn


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why ``up`` must not run.

    Attributes:
        reason: Half a sentence.
        do: What a person does about it.
    """

    reason: str
    do: str


def obstacles(
    planned: AccountPlan, recorded: RecordedAccount, found: FoundAccount, taken: TakeUp, tag: str
) -> Iterator[Obstacle]:
    """Yield what blocks ``up``, the most important first.

    Args:
        planned: The account.
        recorded: What its state tells.
        found: What AWS has.
        taken: What the next run takes into the state.
        tag: The value of ``ManagedByStack`` of its stack: ``bitbucket-aws-oidc/prod``.
    """
    yield from _wrong_state(planned, recorded)
    if taken.refused:
        further = f" (and {len(taken.refused) - 1} more)" if len(taken.refused) > 1 else ""
        yield Obstacle(f"{taken.refused[0]}{further}", "then run `fleet up` again")
    present = {role.name.lower(): role for role in found.roles}
    recorded_keys = {role.key for role in recorded.values.roles.values()}
    for role in planned.roles:
        existing = present.get(role.name.lower())
        was = recorded.values.roles.get(role.name.lower())
        if was is not None and was.key not in (role.key, *role.previous_keys):
            yield _other_key(role, was.key, recorded_keys)
        elif was is None and existing is not None:
            arn = role_arn(found.partition, found.id, existing.path, existing.name)
            if arn not in taken.arns:
                yield _taken_name(role, arn, existing, tag)
    existing_oidc_providers = {provider.arn: provider.tags for provider in found.oidc_providers}
    for provider in planned.oidc_providers:
        tags = existing_oidc_providers.get(provider.arn)
        yield from _oidc_provider(provider, tags, tag, is_known=_is_known(provider, recorded, taken))


def _wrong_state(planned: AccountPlan, recorded: RecordedAccount) -> Iterator[Obstacle]:
    if recorded.other_accounts:
        yield Obstacle(
            f"the stack {planned.key} has resources of other accounts: {in_brief(recorded.other_accounts)}",
            f"take it apart with `fleet split {planned.key}`",
        )
    ids = ", ".join(recorded.account_ids)
    if ids and planned.id not in recorded.account_ids:
        yield Obstacle(
            f"its state is that of account {ids}; under this key the inventory has {planned.id}",
            "give the new account another key, and destroy what the stack has in the old one",
        )


def _other_key(role: RolePlan, key: str, recorded_keys: set[str]) -> Obstacle:
    does_exist = "; the state has that key, too" if role.key in recorded_keys else ""
    return Obstacle(
        f"the role {role.name} is roles.{role.key} in the plan and roles.{key} in the state{does_exist}, so `up` would "
        "create it while it exists",
        f"name {key} under `previous_keys` of the role, or give the role another `name`",
    )


def _taken_name(role: RolePlan, arn: str, existing: FoundRole, tag: str) -> Obstacle:
    other = other_stack(existing.tags, tag)
    if other is not None:
        return _of_other_stack(f"the role {arn}", other)
    if is_of_stack(existing.tags, tag):
        return Obstacle(
            f"{arn} has the name of roles.{role.key}, but another path, and the state does not have it",
            "check who created it, then delete it",
        )
    return Obstacle(
        f"{arn} has the name of roles.{role.key} and belongs to somebody else",
        "give the role another `name`, delete the other one, or adopt it with `bitbucket-oidc adopt`",
    )


def other_stack(tags: Mapping[str, str], tag: str) -> str | None:
    """Return the stack of this program that manages a resource, if it is another one: ``bitbucket-aws-oidc/dev``."""
    stack = tags.get(STACK_TAG, "")
    return stack if managed_by(tags) == "this_program" and stack not in ("", tag) else None


def _of_other_stack(what: str, stack: str) -> Obstacle:
    return Obstacle(
        f"{what} belongs to the stack {stack}",
        f"take that stack apart with `fleet split {stack.rpartition('/')[2]}`",
    )


def _is_known(provider: OidcProviderPlan, recorded: RecordedAccount, taken: TakeUp) -> bool:
    return provider.arn in recorded.values.oidc_providers or provider.arn in taken.arns


def _oidc_provider(
    provider: OidcProviderPlan, tags: Mapping[str, str] | None, tag: str, *, is_known: bool
) -> Iterator[Obstacle]:
    what = f"the OIDC provider {provider.arn}"
    if tags is None and provider.mode != "create":
        yield Obstacle(f"{what} does not exist, and the plan does not create it", "set `oidc_provider: create`")
    if tags is None or is_known or provider.mode != "create":
        return
    other = other_stack(tags, tag)
    if other is not None:
        yield _of_other_stack(what, other)
    else:
        yield Obstacle(f"{what} exists and belongs to somebody else", "set `oidc_provider: adopt` or `reference`")
