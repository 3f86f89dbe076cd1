"""Rules that look at more than one record: a function for each, listed in ``check``."""

from config.cross_record import (
    accounts,
    delegated_roles,
    delegation,
    guardrails,
    identity,
    pairs,
    permission_documents,
    permissions,
    previous_keys,
    previous_slugs,
    restrictions,
    source_addresses,
    state_backend,
    trust,
    wide_trust,
)
from config.cross_record.context import Context

_CHECKS = (
    identity.check_uuids,
    identity.check_lookalikes,
    identity.check_account_ids,
    previous_slugs.check_previous_slugs,
    restrictions.check_restrictions,
    identity.check_lock,
    accounts.check_accounts,
    accounts.check_organization,
    accounts.check_selection,
    accounts.check_overrides,
    trust.check_trust,
    trust.check_whole_workspace,
    previous_slugs.check_whole_workspaces,
    pairs.check_pairs,
    previous_keys.check_previous_keys,
    previous_keys.check_names_of_renamed_roles,
    trust.check_further_audiences,
    wide_trust.check_wide_trust,
    source_addresses.check_source_addresses,
    permissions.check_references,
    state_backend.check_roles_of_the_state,
    permissions.check_names,
    permissions.check_last_days,
    permission_documents.check_documents,
    guardrails.check_guardrails,
    delegation.check_files,
    delegated_roles.check_delegated_roles,
)


def check(context: Context) -> None:
    """Run every rule; what they find is reported to the context's sources."""
    for rule in _CHECKS:
        rule(context)
