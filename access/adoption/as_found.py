"""Record a role as it was found, for `dangerously_adopted_as_is`: only trust of whole workspaces, with admin access."""

from collections.abc import Mapping
from dataclasses import dataclass

from access.adoption.found import FoundRole
from access.adoption.trust_reading import read_trust
from access.explanation.names import Names
from access.managed_by import managed_by
from config.lock.models import LockedRoleAsFound
from oidc.arn import Partition
from oidc.iam.admin_access import gives_admin_access, is_admin_managed_policy
from oidc.iam.document import parse
from oidc.identifiers import AccountId


@dataclass(frozen=True, slots=True)
class ExistingRole:
    """A role that the inventory adopts as is, as the account has it now.

    Attributes:
        arn: ``arn:aws:iam::222222222222:role/ODICAssumeRole``.
        role_id: IAM's unique id, ``AROA…``.
        role: Its properties.
    """

    arn: str
    role_id: str
    role: FoundRole


def role_as_found(
    existing: ExistingRole, account: AccountId, partition: Partition, names: Names, before: LockedRoleAsFound | None
) -> LockedRoleAsFound | None:
    """Return the record of a role in the lock; ``None`` if it cannot be adopted as is.

    A role that this program manages keeps its record, if it is still the same role. It never gets a new record: its
    trust then comes from the inventory.

    Args:
        existing: The role.
        account: Id of its account.
        partition: Of its account.
        names: Of the inventory.
        before: Its record in the present lock, or ``None``.
    """
    role = existing.role
    if managed_by(role.tags) == "this_program":
        return before if before is not None and before.role_id == existing.role_id else None
    trust = read_trust(role.trust_policy, account, names, {})
    whole = [line for line in trust.lines if not line.repository]
    if not whole or trust.expires is not None or not has_admin_access(role, account, partition):
        return None
    audiences = {audience for line in whole for audience in line.audiences}
    record = LockedRoleAsFound(
        arn=existing.arn,
        role_id=existing.role_id,
        whole_workspaces=tuple(sorted({line.workspace for line in whole})),
        audiences=tuple(sorted(audiences)) if all(line.audiences for line in whole) else (),
        source_ips=trust.source_ips,  # type: ignore[arg-type]  # the model parses them
        source_vpces=trust.source_vpces,
    )
    # Not an argument above: models refuse None, since the grammar has no empty values.
    return record.model_copy(update={"permissions_boundary": role.permissions_boundary_arn})


def has_admin_access(role: FoundRole, account: AccountId, partition: Partition) -> bool:
    """Tell whether a role has admin access by its inline policies or by policies that AWS manages."""
    documents = [parse(document) for document in role.inline_policies.values() if isinstance(document, Mapping)]
    return any(map(is_admin_managed_policy, role.managed_policy_arns)) or gives_admin_access(
        documents, partition=partition.value, account=account
    )
