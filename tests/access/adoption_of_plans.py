"""What accounts would have where a plan is in force: the other side of adopting it."""

from access.adoption.found import FoundAccount, FoundOidcProvider, FoundRole
from access.plan import AccessPlan, AccountPlan, OidcProviderPlan, RolePlan


def found_in(plan: AccessPlan) -> list[FoundAccount]:
    """Return the accounts of a plan as IAM would tell them, without this program's own tags."""
    return [_account(account) for account in plan.accounts]


def _account(account: AccountPlan) -> FoundAccount:
    return FoundAccount(
        account.key,
        account.id,
        account.partition,
        tuple(map(_oidc_provider, account.oidc_providers)),
        tuple(_role(role) for role in account.roles),
    )


def _oidc_provider(plan: OidcProviderPlan) -> FoundOidcProvider:
    return FoundOidcProvider(plan.arn, plan.audiences, plan.tags)


def _role(plan: RolePlan) -> FoundRole:
    return FoundRole(
        name=plan.name,
        path=plan.path,
        trust_policy=plan.trust_policy.to_json(),
        description=plan.description or "",
        max_session_duration=plan.max_session_duration,
        permissions_boundary_arn=plan.permissions_boundary_arn,
        managed_policy_arns=plan.managed_policy_arns,
        inline_policies={name: document.to_json() for name, document in plan.inline_policies.items()},
        tags=plan.tags,
    )
