"""A role of the inventory in one account: defaults and overrides applied, variables replaced, within IAM's limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from access.plan import RolePlan
from access.settings import Settings
from access.trust import trust_lines, trusted_issuers
from config.load import Loaded
from config.models.account import Account
from config.models.defaults import Defaults
from config.models.family import family_of
from config.models.role import ATLASSIAN, Override, PairedRole, Role
from config.policy_reference import PolicyReference
from config.sources import Sources
from config.variables import needs_for_each, render, render_all
from config.yaml_document import Path
from oidc import limits
from oidc.admin_access import gives_admin_access, is_admin_managed_policy
from oidc.arn import Partition, parse_iam_arn, role_arn
from oidc.identifiers import AccountId
from oidc.policy_document import PolicyDocument
from oidc.subject import widest
from oidc.trust_policy import TrustLimits, trust_policy


@dataclass(frozen=True, slots=True)
class Place:
    """An account, as far as what is rendered for it depends on it."""

    key: str
    id: AccountId
    partition: Partition
    region: str | None
    account: Account

    @classmethod
    def of(cls, key: str, account: Account, defaults: Defaults) -> "Place":
        """Apply the defaults to an account."""
        return cls(key, AccountId(account.id), account.partition, account.region or defaults.region, account)

    def variables(self, role: str) -> dict[str, str]:
        """Return what the variables stand for; a region that nobody named is that of IAM's control plane."""
        return {
            "account": self.key,
            "account_id": self.id,
            "partition": self.partition.value,
            "region": self.region or self.partition.iam_region,
            "role": role,
        }

    def variables_of(self, key: str, role: Role) -> dict[str, str]:
        """Return what they stand for in one role; of a family, with those of its item, and the family's key."""
        return self.variables(family_of(key)) | role.item.variables


def role_plan(
    key: str, role: Role, override: tuple[str, Override] | None, place: Place, loaded: Loaded
) -> RolePlan | None:
    """Return a role in one account, or ``None`` where its trust has a finding already."""
    lines = trust_lines(role.trust, loaded.inventory.workspaces)
    if lines is None:
        return None
    settings = Settings.of(key, role, override)
    defaults = loaded.inventory.defaults
    name = role.name or family_of(key)
    path = settings.get("path") or defaults.path
    variables = place.variables_of(key, role)
    source_ips = _source_ips(settings, loaded)
    last_day = settings.get("expires")
    policy = trust_policy(place.partition, place.id, trusted_issuers(lines), TrustLimits(source_ips, last_day))
    description = settings.get("description")
    plan = RolePlan(
        key=key,
        name=name,
        arn=role_arn(place.partition, place.id, path, name),
        path=path,
        description=render(description, variables) if description else None,
        owner=settings.get("owner"),
        grade=widest([line.grade for line in lines]),
        trust=lines,
        trust_policy=policy,
        managed_policy_arns=_managed_policy_arns(settings, place, variables, loaded.sources),
        inline_policies=_inline_policies(settings, place, variables, loaded),
        permissions_boundary_arn=_boundary(settings, place, variables, loaded),
        max_session_duration=settings.get("max_session_duration") or defaults.max_session_duration,
        source_ips=source_ips,
        expires=last_day,
        tags=dict(sorted((defaults.tags | settings.get("tags")).items())),
        admin_reason=role.dangerously_allow_admin,
    )
    _check_sizes(plan, settings, place, loaded.sources)
    if role.dangerously_allow_admin is None:
        _check_admin_access(plan, settings, place, variables, loaded.sources)
    return plan


def _source_ips(settings: Settings, loaded: Loaded) -> tuple[Any, ...]:
    written = settings.get("source_ips")
    if written == ATLASSIAN:
        ranges = loaded.lock.lock.address_ranges.get("atlassian")
        written = ranges.networks if ranges else ()
    return tuple(sorted(set(written or ()), key=lambda network: (network.version, network)))


def _managed_policy_arns(
    settings: Settings, place: Place, variables: Mapping[str, str], sources: Sources
) -> tuple[str, ...]:
    at = settings.path("managed_policies")
    references = settings.get("managed_policies")
    return tuple(
        sorted({_policy_arn(found, place, variables, (*at, index), sources) for index, found in enumerate(references)})
    )


def _boundary(settings: Settings, place: Place, variables: Mapping[str, str], loaded: Loaded) -> str | None:
    name = "permissions_boundary"
    if (own := settings.get(name)) is not None:
        return _policy_arn(own, place, variables, settings.path(name), loaded.sources)
    if (default := loaded.inventory.defaults.permissions_boundary) is not None:
        return _policy_arn(default, place, variables, ("defaults", name), loaded.sources)
    return None


def _policy_arn(
    reference: PolicyReference, place: Place, variables: Mapping[str, str], at: Path, sources: Sources
) -> str:
    name = reference.arn(place.partition, place.id, variables)
    arn = parse_iam_arn(name)
    if arn is None or arn.partition != place.partition or arn.owner not in ("aws", place.id):
        message = f"{name} cannot be attached in account {place.id} of partition {place.partition}"
        hint = "write aws:NAME or account:NAME, or use {{partition}} and {{account_id}} in the ARN"
        sources.report("bad-arn", at, message, hint)
    return name


def _inline_policies(
    settings: Settings, place: Place, variables: Mapping[str, str], loaded: Loaded
) -> dict[str, PolicyDocument]:
    rendered: dict[str, PolicyDocument] = {}
    for index, name in enumerate(settings.get("inline_policies")):
        policy = loaded.inventory.permission_policies.get(name)
        if policy is None or policy.document is None:
            continue
        # A file that cannot be read may hold the region of the defaults.
        if place.region is None and not loaded.sources.lost and "region" in policy.variables:
            at = (*settings.path("inline_policies"), index)
            message = f"{name} uses {{{{region}}}}, and account {place.key} has none"
            loaded.sources.report("bad-variable", at, message, "give the account or the defaults a region")
        if missing := policy.variables - variables.keys():
            at = (*settings.path("inline_policies"), index)
            message, hint = needs_for_each(min(missing))
            loaded.sources.report("bad-variable", at, f"in {name}, {message}", hint)
            continue
        rendered[name] = PolicyDocument.of(render_all(policy.document, variables))
    return dict(sorted(rendered.items()))


def _check_admin_access(
    plan: RolePlan, settings: Settings, place: Place, variables: Mapping[str, str], sources: Sources
) -> None:
    """Report admin access that does not say why, judged on what is rendered: no variable hides it."""
    hint = 'narrow it, or say why on the role: dangerously_allow_admin: "…"'
    if isinstance(settings.role, PairedRole):
        hint = "narrow it: a plan role is for reading, whatever its role may do"
    at = settings.path("managed_policies")
    for index, reference in enumerate(settings.get("managed_policies")):
        if is_admin_managed_policy(reference.arn(place.partition, place.id, variables)):
            sources.report("admin-access", (*at, index), f"{reference.name} gives admin access", hint)
    documents = {name: document.to_json() for name, document in plan.inline_policies.items()}
    at = settings.path("inline_policies")
    alone = [name for name, document in documents.items() if _is_admin([document], place)]
    for index, name in enumerate(settings.get("inline_policies")):
        if name in alone:
            sources.report("admin-access", (*at, index), f"{name} gives admin access", hint)
    if not alone and _is_admin(list(documents.values()), place):
        sources.report("admin-access", at, f"{' and '.join(documents)} together give admin access", hint)


def _is_admin(documents: list[dict[str, Any]], place: Place) -> bool:
    return gives_admin_access(documents, partition=place.partition.value, account=place.id)


def _check_sizes(plan: RolePlan, settings: Settings, place: Place, sources: Sources) -> None:
    """Report what AWS would refuse for its size or form, where it is written."""
    quotas = place.account.quotas
    inline = sum(document.size for document in plan.inline_policies.values())
    where = f"in account {place.key}"
    if limits.ROLE_NAME.fullmatch(plan.name) is None:
        message = f"{plan.name} is no name of an IAM role: it has {len(plan.name)} characters, and IAM takes 64"
        sources.report("bad-name", ("roles", plan.key), message, "give the role a shorter `name:`")
    if plan.trust_policy.size > quotas.trust_policy_chars:
        size = plan.trust_policy.size
        message = f"the trust policy has {size} characters {where}, and the quota is {quotas.trust_policy_chars}"
        hint = "split the role, or raise the quota in AWS (L-C07B4B0D) and say so: `quotas: {trust_policy_chars: …}`"
        sources.report("size-limit", ("roles", plan.key, "trust"), message, hint)
    if len(plan.managed_policy_arns) > quotas.managed_policies_per_role:
        message = (
            f"{len(plan.managed_policy_arns)} managed policies {where}, the quota is {quotas.managed_policies_per_role}"
        )
        sources.report("size-limit", settings.path("managed_policies"), message, "attach fewer, or raise the quota")
    if inline > limits.INLINE_POLICY_CHARS_PER_ROLE:
        message = f"the inline policies have {inline} characters {where}, and IAM takes 10240"
        sources.report("size-limit", settings.path("inline_policies"), message, "use fewer, or managed policies")
    if plan.description and limits.DESCRIPTION.fullmatch(plan.description) is None:
        message = f"the description has {len(plan.description)} characters {where}, and IAM takes 1000"
        sources.report("size-limit", settings.path("description"), message, "shorten it")
    _check_tags(plan, settings, sources)


def _check_tags(plan: RolePlan, settings: Settings, sources: Sources) -> None:
    lower = [key.lower() for key in plan.tags]
    twice = sorted({key for key in plan.tags if lower.count(key.lower()) > 1})
    if twice:
        message = f"{' and '.join(twice)} are one key to IAM, which ignores case"
        sources.report("bad-tag", settings.path("tags"), message, "spell it as the defaults do")
    if len(plan.tags) > (most := limits.TAGS_PER_RESOURCE - 2):
        message = f"{len(plan.tags)} tags with those of the defaults, and IAM takes {most} besides our own"
        sources.report("size-limit", settings.path("tags"), message, "remove some")
