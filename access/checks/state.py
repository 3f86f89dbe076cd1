"""Check that only roles named in the inventory reach the program's state."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from access.checks.policy_uses import PolicyUse, RolesWithOverrides, action_path, effective_list, values_of
from access.plan import AccountPlan, RolePlan
from config.findings import Fault
from config.load import Loaded
from config.models.defaults import StateBackend
from config.models.family import family_of
from config.yaml.document import Path
from oidc.arn import Partition, parse_iam_arn
from oidc.iam.document import PolicyDocument
from oidc.iam.state_access import (
    BUCKET_WRITES,
    MANAGED_READS,
    MANAGED_WRITES,
    OBJECT_READS,
    OBJECT_WRITES,
    Reached,
    Target,
    first_reached,
    is_denied,
)
from oidc.state_backend import StateBucket, parse_state_url

RULE = "state-backend"


@dataclass(frozen=True, slots=True)
class _ProtectedState:
    """The bucket with the state, and the inventory's settings that name the roles which may reach it."""

    settings: StateBackend
    bucket: StateBucket

    def refused(self, role: RolePlan) -> tuple[str, ...]:
        """Return the lists that do not name a role: ``("writers", "readers")`` for most, the gravest first."""
        key = family_of(role.key)
        if key in self.settings.writers:
            return ()
        return ("writers",) if key in self.settings.readers else ("writers", "readers")

    def is_out_of_reach(self, account: AccountPlan) -> bool:
        """Tell whether no role of an account can reach the bucket with any permissions."""
        return not self.bucket.is_in(account.partition)


def _protected_state(loaded: Loaded) -> _ProtectedState | None:
    settings = loaded.inventory.defaults.state_backend
    bucket = parse_state_url(settings.url) if settings is not None else None
    return _ProtectedState(settings, bucket) if settings is not None and bucket is not None else None


def check_state_in_policies(uses: Iterable[PolicyUse], loaded: Loaded) -> Iterator[Fault]:
    """Yield ``state-backend`` for inline policies, once for each, at the action that it allows."""
    state = _protected_state(loaded)
    reported: set[str] = set()
    for use in uses if state is not None else ():
        if state is None or use.name in reported or state.is_out_of_reach(use.account):
            continue
        reaching = next(_reaching(state, use), None)
        if reaching is not None:
            reported.add(use.name)
            holder, kind, reached = reaching
            at = action_path(loaded, use, reached.statement, reached.action)
            message = f"{use.name} allows {reached.action} on {reached.pattern}, {_whose(holder, kind)}"
            elsewhere = "" if use.account.id == state.settings.account_id else _ELSEWHERE
            yield Fault(RULE, at, message, f"{_hint(holder, kind, reached.pattern)}{elsewhere}")


_ELSEWHERE = "; from another account the bucket's own policy must allow it too, so check whom that policy allows"


def _reaching(state: _ProtectedState, use: PolicyUse) -> Iterator[tuple[RolePlan, str, Reached]]:
    for kind in ("writers", "readers"):
        for holder in use.holders:
            if kind in state.refused(holder):
                documents = tuple(holder.inline_policies.values())
                named = use.account.id != state.settings.account_id
                reached = _reached(use.document, documents, state.bucket, use.account.partition, kind, named=named)
                if reached is not None:
                    yield holder, kind, reached


@lru_cache(maxsize=4096)
def _reached(
    document: PolicyDocument,
    documents: tuple[PolicyDocument, ...],
    backend: StateBucket,
    partition: Partition,
    kind: str,
    *,
    named: bool,
) -> Reached | None:
    """Judge each document once with the role's other documents: many roles of an account share one."""
    targets = _targets(backend, partition)[kind]
    return first_reached(document.parsed, [other.parsed for other in documents], targets, named=named)


def _targets(backend: StateBucket, partition: Partition) -> Mapping[str, tuple[Target, ...]]:
    bucket, objects = backend.bucket_arn(partition), backend.objects(partition)
    return {
        "writers": (Target(objects, OBJECT_WRITES), Target(bucket, BUCKET_WRITES)),
        "readers": (Target(objects, OBJECT_READS),),
    }


def _whose(role: RolePlan, kind: str) -> str:
    return f"where this program keeps its state; defaults.state_backend.{kind} does not list {family_of(role.key)}"


def _hint(role: RolePlan, kind: str, pattern: str, name: str = "name other buckets") -> str:
    actions = "s3:Put* and s3:Delete*" if kind == "writers" else "s3:GetObject*"
    return (
        f"{name} under Resource, deny {actions} on {pattern} in a statement without a condition,"
        f" or list {family_of(role.key)} under defaults.state_backend.{kind}"
    )


def check_state_in_managed_policies(
    account: AccountPlan, selected: RolesWithOverrides, loaded: Loaded
) -> Iterator[Fault]:
    """Yield ``state-backend`` for policies that AWS manages and that reach every bucket of the state's account."""
    state = _protected_state(loaded)
    if state is None or account.id != state.settings.account_id or state.is_out_of_reach(account):
        return
    for role in account.roles:
        if role.admin_reason is None:
            for at, name, kind in _wide(state, account, role, selected, loaded):
                objects = state.bucket.objects(account.partition)
                does = "writing" if kind == "writers" else "reading"
                message = f"{name} allows {does} every bucket, also {objects}, {_whose(role, kind)}"
                all_of_it = " and ".join(target.pattern for target in _targets(state.bucket, account.partition)[kind])
                hint = _hint(role, kind, all_of_it, "write an inline policy that names other buckets")
                yield Fault(RULE, at, message, hint)


def _wide(
    state: _ProtectedState, account: AccountPlan, role: RolePlan, selected: RolesWithOverrides, loaded: Loaded
) -> Iterator[tuple[Path, str, str]]:
    at, references = effective_list(role.key, "managed_policies", *selected[role.key])
    for index, reference in enumerate(references):
        arn = reference.arn(account.partition, account.id, values_of(loaded, account, role.key))
        kind = next((kind for kind in state.refused(role) if _gives(arn, kind)), None)
        if kind is not None and not _is_denied(role, _targets(state.bucket, account.partition)[kind]):
            yield (*at, index), reference.name, kind


def _gives(arn: str, kind: str) -> bool:
    parsed = parse_iam_arn(arn)
    known = MANAGED_WRITES if kind == "writers" else MANAGED_READS
    return parsed is not None and parsed.owner == "aws" and arn.rpartition("/")[2].lower() in known


def _is_denied(role: RolePlan, targets: Iterable[Target]) -> bool:
    documents = [document.parsed for document in role.inline_policies.values()]
    return all(is_denied(documents, action, target.pattern) for target in targets for action in target.actions)
