"""Check that only roles named in the inventory reach the program's state."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from access.checks.policy_uses import PolicyUse, RolesWithOverrides, action_path, values_of, written_list
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
class _Kept:
    """The place of the state and the roles that may reach it, from the inventory."""

    written: StateBackend
    backend: StateBucket

    def refused(self, role: RolePlan) -> tuple[str, ...]:
        """Return the lists that do not name a role: ``("writers", "readers")`` for most, the gravest first."""
        key = family_of(role.key)
        if key in self.written.writers:
            return ()
        return ("writers",) if key in self.written.readers else ("writers", "readers")

    def is_out_of_reach(self, account: AccountPlan) -> bool:
        """Tell whether no role of an account can reach the bucket with any permissions."""
        return not self.backend.is_in(account.partition)


def _kept(loaded: Loaded) -> _Kept | None:
    written = loaded.inventory.defaults.state_backend
    backend = parse_state_url(written.url) if written is not None else None
    return _Kept(written, backend) if written is not None and backend is not None else None


def check_state_in_policies(uses: Iterable[PolicyUse], loaded: Loaded) -> Iterator[Fault]:
    """Yield ``state-backend`` for inline policies, once for each, at the action that it allows."""
    kept = _kept(loaded)
    told: set[str] = set()
    for use in uses if kept is not None else ():
        if kept is None or use.name in told or kept.is_out_of_reach(use.account):
            continue
        found = next(_reaching(kept, use), None)
        if found is not None:
            told.add(use.name)
            holder, kind, reached = found
            at = action_path(loaded, use, reached.statement, reached.action)
            message = f"{use.name} allows {reached.action} on {reached.pattern}, {_whose(holder, kind)}"
            elsewhere = "" if use.account.id == kept.written.account_id else _ELSEWHERE
            yield Fault(RULE, at, message, f"{_hint(holder, kind, reached.pattern)}{elsewhere}")


_ELSEWHERE = "; from another account it takes the bucket's own policy as well, so see whom that one lets in"


def _reaching(kept: _Kept, use: PolicyUse) -> Iterator[tuple[RolePlan, str, Reached]]:
    for kind in ("writers", "readers"):
        for holder in use.holders:
            if kind in kept.refused(holder):
                documents = tuple(holder.inline_policies.values())
                named = use.account.id != kept.written.account_id
                reached = _reached(use.document, documents, kept.backend, use.account.partition, kind, named=named)
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
    return first_reached(document.parsed, [each.parsed for each in documents], targets, named=named)


def _targets(backend: StateBucket, partition: Partition) -> Mapping[str, tuple[Target, ...]]:
    bucket, objects = backend.bucket_arn(partition), backend.objects(partition)
    return {
        "writers": (Target(objects, OBJECT_WRITES), Target(bucket, BUCKET_WRITES)),
        "readers": (Target(objects, OBJECT_READS),),
    }


def _whose(role: RolePlan, kind: str) -> str:
    return f"where the state of this program is, and {family_of(role.key)} is none of its {kind}"


def _hint(role: RolePlan, kind: str, pattern: str, name: str = "name others") -> str:
    actions = "s3:Put* and s3:Delete*" if kind == "writers" else "s3:GetObject*"
    return (
        f"{name} under Resource, deny {actions} on {pattern} in a statement without a condition,"
        f" or list {family_of(role.key)} under defaults.state_backend.{kind}"
    )


def check_state_in_managed_policies(
    account: AccountPlan, selected: RolesWithOverrides, loaded: Loaded
) -> Iterator[Fault]:
    """Yield ``state-backend`` for policies that AWS manages and that reach every bucket of the state's account."""
    kept = _kept(loaded)
    if kept is None or account.id != kept.written.account_id or kept.is_out_of_reach(account):
        return
    for role in account.roles:
        if role.admin_reason is None:
            for at, name, kind in _wide(kept, account, role, selected, loaded):
                objects = kept.backend.objects(account.partition)
                does = "write" if kind == "writers" else "read"
                message = f"{name} lets {does} every bucket, {objects} too, {_whose(role, kind)}"
                all_of_it = " and ".join(target.pattern for target in _targets(kept.backend, account.partition)[kind])
                hint = _hint(role, kind, all_of_it, "write an inline policy that names others")
                yield Fault(RULE, at, message, hint)


def _wide(
    kept: _Kept, account: AccountPlan, role: RolePlan, selected: RolesWithOverrides, loaded: Loaded
) -> Iterator[tuple[Path, str, str]]:
    at, references = written_list(role.key, "managed_policies", *selected[role.key])
    for index, reference in enumerate(references):
        arn = reference.arn(account.partition, account.id, values_of(loaded, account, role.key))
        kind = next((one for one in kept.refused(role) if _gives(arn, one)), None)
        if kind is not None and not _is_denied(role, _targets(kept.backend, account.partition)[kind]):
            yield (*at, index), reference.name, kind


def _gives(arn: str, kind: str) -> bool:
    parsed = parse_iam_arn(arn)
    known = MANAGED_WRITES if kind == "writers" else MANAGED_READS
    return parsed is not None and parsed.owner == "aws" and arn.rpartition("/")[2].lower() in known


def _is_denied(role: RolePlan, targets: Iterable[Target]) -> bool:
    documents = [document.parsed for document in role.inline_policies.values()]
    return all(is_denied(documents, action, target.pattern) for target in targets for action in target.actions)
