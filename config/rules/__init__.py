"""Rules that look at more than one record: a function for each, listed in ``_CHECKS``."""

from collections.abc import Iterator

from config.findings import Fault
from config.rules import (
    accounts,
    audiences,
    delegated_roles,
    delegation,
    guardrails,
    identity,
    permissions,
    previous_names,
    rollout,
    source_addresses,
    trust,
)
from config.rules.context import Context

_CHECKS = (
    identity.check_uuids,
    identity.check_lookalikes,
    identity.check_account_ids,
    previous_names.check_previous_slugs,
    trust.check_restrictions,
    identity.check_lock,
    accounts.check_accounts,
    accounts.check_organization,
    accounts.check_selection,
    accounts.check_overrides,
    rollout.check_rollout,
    trust.check_trust,
    trust.check_whole_workspace,
    previous_names.check_whole_workspaces,
    trust.check_pairs,
    previous_names.check_previous_keys,
    previous_names.check_names_of_renamed_roles,
    audiences.check_audiences,
    trust.check_wide_trust,
    source_addresses.check_source_addresses,
    source_addresses.check_locked_networks,
    permissions.check_references,
    permissions.check_managed_policies,
    permissions.check_roles_of_the_state,
    permissions.check_names,
    permissions.check_last_days,
    permissions.check_documents,
    guardrails.check_guardrails,
    delegation.check_files,
    delegated_roles.check_delegated_roles,
)


def check(context: Context) -> Iterator[Fault]:
    """Yield what every rule finds, in the order of the rules."""
    for rule in _CHECKS:
        yield from rule(context)
