"""Check the limits and quotas of AWS for each role and each account.

The limits and quotas are those of ``oidc.limits``, or those under ``quotas`` of an account. AWS counts a policy
without its white space (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
"""

from collections.abc import Iterator

from access.effective_settings import EffectiveSettings, RolePlace
from access.plan import OidcProviderPlan, RolePlan
from config.findings import Fault
from config.models.account import Account
from oidc import limits


def check_sizes(plan: RolePlan, settings: EffectiveSettings, place: RolePlace) -> Iterator[Fault]:
    """Yield a fault for each limit that a role exceeds in one account, at the setting that exceeds it."""
    if limits.ROLE_NAME.fullmatch(plan.name) is None:
        message = (
            f"{plan.name} is not a valid name of an IAM role: it has {len(plan.name)} characters, and IAM takes 64"
        )
        yield Fault("bad-name", ("roles", plan.key), message, "give the role a shorter `name:`")
    if plan.trust_policy.size > place.account.quotas.trust_policy_chars:
        yield from _trust_policy(plan, settings, place)
    quota = place.account.quotas.managed_policies_per_role
    if (count := len(plan.managed_policy_arns)) > quota:
        message = f"{count} managed policies in account {place.key}, and the quota there is {quota}"
        hint = f"attach fewer{_raise(place.key, limits.MANAGED_POLICIES_PER_ROLE, count)}"
        yield Fault("size-limit", settings.path("managed_policies"), message, hint)
    sizes = {name: document.size for name, document in plan.inline_policies.items()}
    if (chars := sum(sizes.values())) > limits.INLINE_POLICY_CHARS_PER_ROLE:
        listed = ", ".join(f"{name} {size}" for name, size in sorted(sizes.items(), key=lambda pair: -pair[1]))
        message = (
            f"the inline policies have {chars} characters in account {place.key} ({listed}), and IAM takes "
            f"{limits.INLINE_POLICY_CHARS_PER_ROLE} for all of a role together, without white space"
        )
        hint = "shorten them, or make a managed policy in the account and attach it: `account:NAME`"
        yield Fault("size-limit", settings.path("inline_policies"), message, hint)
    if plan.description and limits.DESCRIPTION.fullmatch(plan.description) is None:
        message = f"the description has {len(plan.description)} characters in account {place.key}, and IAM takes 1000"
        yield Fault("size-limit", settings.path("description"), message, "shorten it")
    yield from _check_tags(plan, settings)


def _trust_policy(plan: RolePlan, settings: EffectiveSettings, place: RolePlace) -> Iterator[Fault]:
    """Yield a trust policy over its quota: at the trust, or at the addresses if they alone exceed the quota."""
    size, quota, most = plan.trust_policy.size, place.account.quotas.trust_policy_chars, limits.TRUST_POLICY_CHARS.most
    raised = _raise(place.key, limits.TRUST_POLICY_CHARS, size)
    has = f"the trust policy has {size} characters in account {place.key}, and the quota there is {quota}"
    count, fitting = len(plan.trust), _fitting_subjects(plan, quota)
    if fitting == 0 and plan.source_ips:
        message = f"{has}: its {len(plan.source_ips)} networks leave no room for a subject"
        yield Fault("size-limit", settings.path("source_ips"), message, f"name fewer, larger networks{raised}")
        return
    subjects = "one subject" if count == 1 else f"{count} subjects"
    message = f"{has}: the role trusts {subjects}, and about {fitting} fit"
    if any(line.renamed_to for line in plan.trust):
        raised = f", remove `previous_slugs` of the workspace, which repeat each subject{raised}"
    beyond = "" if size <= most else f"; AWS raises the quota to {most} at most"
    yield Fault("size-limit", ("roles", plan.key, "trust"), message, f"split it into several roles{raised}{beyond}")


def _fitting_subjects(plan: RolePlan, quota: int) -> int:
    """Return how many subjects of this role's average length fit beside the rest of its trust policy."""
    lists = [
        patterns
        for statement in plan.trust_policy.to_json()["Statement"]
        for patterns in statement["Condition"]["StringLike"].values()
    ]
    # Each subject also takes two quotes and a comma. A subject in two statements counts twice, as it does in AWS.
    subjects = sum(len(pattern) + 3 for patterns in lists for pattern in patterns)
    frame = plan.trust_policy.size - subjects
    return max(0, (quota - frame) * len(plan.trust) // subjects)


def _raise(account: str, quota: limits.Quota, needed: int) -> str:
    """Return the second half of a hint; empty if AWS does not raise the quota that far."""
    if needed > quota.most:
        return ""
    where = f"accounts.{account}.quotas.{quota.key}"
    return f", or raise the quota in AWS ({quota.code}, up to {quota.most}) and write the new value: `{where}`"


def _check_tags(plan: RolePlan, settings: EffectiveSettings) -> Iterator[Fault]:
    lower = [key.lower() for key in plan.tags]
    if len(set(lower)) < len(lower):
        twice = sorted({key for key in plan.tags if lower.count(key.lower()) > 1})
        message = f"{' and '.join(twice)} are the same key: IAM ignores case"
        yield Fault("bad-tag", settings.path("tags"), message, "spell it as the defaults do")
    if len(plan.tags) > (most := limits.TAGS_PER_RESOURCE - 2):
        message = (
            f"{len(plan.tags)} tags including those of the defaults, and IAM takes {most} besides the 2 of this program"
        )
        yield Fault("size-limit", settings.path("tags"), message, "remove some here, or in `defaults.tags`")


def check_account(
    key: str, account: Account, roles: int, oidc_providers: tuple[OidcProviderPlan, ...]
) -> Iterator[Fault]:
    """Yield a fault for each quota that an account exceeds. Roles and OIDC providers made by others do not count."""
    for count, what, quota in (
        (roles, "roles", limits.ROLES_PER_ACCOUNT),
        (len(oidc_providers), "OIDC providers", limits.OIDC_PROVIDERS_PER_ACCOUNT),
    ):
        if count > (most := getattr(account.quotas, quota.key)):
            message = f"{count} {what} in account {key}, and the quota there is {most}"
            yield Fault(
                "size-limit", ("accounts", key), message, f"put fewer in this account{_raise(key, quota, count)}"
            )
