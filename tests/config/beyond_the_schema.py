"""Faults that the schema lets pass: by their rules, and by the names of their fixtures where a rule is refused else."""

from config.catalogue import RULES

OF_THE_TEXT = {"hidden-characters", "yaml-syntax", "yaml-feature", "unreadable-file"}
"""What no schema sees: YAML itself says no to most of it, in an editor as well."""
OF_SEVERAL_FILES = {
    *("inventory-missing", "inventory-empty", "outside-inventory", "json-syntax", "lock-mismatch", "needs-lock"),
    "stale-lock",
    "lock-networks",
    *(
        "oidc-provider-missing",
        "oidc-provider-audience",
        "oidc-provider-exists",
        "unchecked-audience",
        "missing-policy",
    ),
    *("role-name-taken", "quota-mismatch", "template-outdated"),
}
OF_SEVERAL_RECORDS = {
    *("unknown-workspace", "unknown-repository", "unknown-environment", "unknown-account", "unknown-audience"),
    *(
        "unknown-permission-policy",
        "unknown-role",
        "override-conflict",
        "role-name-conflict",
        "selects-no-account",
        "unknown-label",
        "partition-region",
    ),
    *("previous-key", "previous-name"),
    *("unused-allow", "unused-workspace", "unused-repository", "unused-environment", "unused-permission-policy"),
    *("family-not-bound", "production-outside-environments", "session-without-addresses"),
}
OF_MEANING = {
    "other-version",
    "bad-resource-arn",
    *("admin-access", "deploying-role", "size-limit", "expired", "changes-access", "privilege-escalation"),
    *("unknown-action", "unknown-condition-key", "unknown-service", "unknown-permissions", "bad-condition-value"),
    *("attachable-policy", "attachable-admin"),
    *("unknown-managed-policy", "service-linked-policy", "unknown-region"),
    *("resource-mismatch", "account-resource", "partition-resource", "contradictory-conditions", "denied-anyway"),
    *(
        "expires-soon",
        "restrictions-check-old",
        "reserved-name",
        "state-backend",
        "whole-workspace-renamed",
        "adopted-as-is",
    ),
    *(
        "whole-workspace-trust",
        "repository-wide-trust",
        "further-audiences",
        "wide-network",
        "private-network",
        "shared-addresses",
    ),
}
"""What follows from what is written, rather than from how."""
OF_GUARDRAILS = {rule for rule in RULES if rule.startswith(("guardrail", "delegation-"))}
"""What one file asks of the others."""
BEYOND_THE_SCHEMA = OF_THE_TEXT | OF_SEVERAL_FILES | OF_SEVERAL_RECORDS | OF_MEANING | OF_GUARDRAILS

PASSED = {
    *("placeholder--cloudformation", "placeholder--terraform-in-the-account", "placeholder--angle-brackets"),
    *("placeholder--in-a-condition", "placeholder--function-of-an-example"),
    *("bad-policy-document--variable-lacks-a-brace", "bad-policy-document--variable-with-spaces"),
    *("bad-policy-document--empty-variable", "bad-policy-document--default-without-quotes"),
    *("bad-audience--with-braces", "bad-audience--of-another-workspace", "bad-audience--oidc-provider-in-trust"),
    *(
        "bad-address--host-bits",
        "bad-arn--boundary-of-another-partition",
        "bad-arn--default-deploy-role-of-one-account",
    ),
    *("bad-arn--deploy-role-of-another-account", "bad-arn--policy-of-another-account"),
    *("bad-arn--role-of-an-organization-in-another-partition", "bad-variable--role-of-an-organization"),
    # The key is well formed; as a name in IAM it is too long.
    *("bad-name--role-key-too-long-for-a-name", "bad-name--plan-role-too-long"),
    "bad-name--permission-policy-name-too-long",
    # A name only when the repository stands in it.
    "bad-name--repository-with-workspace-in-a-name",
    # A date and a number that is none are text to an editor, whose YAML is 1.2.
    *("bad-policy-document--id-is-a-date", "bad-policy-document--not-a-number", "bad-tag--date"),
    # In files of their own, which are no YAML.
    *("bad-policy-document--in-a-file", "bad-policy-document--nested-id", "bad-policy-document--surrogate"),
    "bad-policy-document--same-sid",
    *("bad-policy-document--condition-operator", "bad-policy-document--old-version-with-a-variable"),
    *("bad-tag--same-key-as-the-defaults-ignoring-case", "bad-tag--same-key-ignoring-case"),
    # In the lock, which has no schema.
    *("bad-uuid--in-the-lock", "bad-uuid--in-the-lock-is-no-cascade", "unknown-key--marker-in-the-lock"),
    *("bad-value--absent-oidc-provider-with-audiences", "bad-value--newer-lock"),
    # Of these YAML makes nothing, or nothing that a pattern could tell from a day.
    "bad-value--restrictions-checked-tomorrow",
    *("bad-value--empty-integer", "bad-value--expires-on-no-day", "bad-value--huge-integer"),
    *("bad-variable--region-of-an-account-without", "bad-variable--document-of-families"),
    *("duplicate--managed-policy-in-two-spellings", "duplicate--managed-policy-that-a-variable-makes"),
    "duplicate--plan-role-and-role",
    *(
        "duplicate--account-again-without-its-labels",
        "duplicate--guardrails-in-one-file",
        "duplicate--folder-of-a-team-and-of-the-platform",
    ),
    *("duplicate--account-id", "duplicate--defaults-in-two-files", "duplicate--environment-in-two-files"),
    "duplicate--requires-in-two-files",
    *("duplicate--key", "duplicate--key-in-a-policy-file", "duplicate--role-in-two-files", "duplicate--section"),
    *("duplicate--same-trust-twice", "duplicate--uuid-of-the-lock", "duplicate--uuid-under-two-names"),
    *("duplicate--empty-before-itself", "duplicate--name-of-an-entry-lost", "duplicate--merge-key"),
    *("duplicate--environments-that-look-alike", "duplicate--reader-and-writer-of-the-state"),
    *("duplicate--rollout-in-two-files", "duplicate--stacks-that-differ-in-case", "duplicate--waves-of-one-name"),
    # The key is well formed; as the name of a stack it is not.
    "bad-name--account-that-cannot-name-its-stack",
    "bad-variable--lacks-a-brace",
    "wrong-type--label-among-accounts",
    *("duplicate--previous-slug-is-a-workspace", "duplicate--previous-slug-of-two-workspaces"),
    "duplicate--previous-slug-of-today",
    "duplicate--environment-with-the-uuid-of-another",
    *("duplicate--workspace-uuid-as-repository", "duplicate--workspace-uuid-in-two-files"),
}
"""Faulty inventories that a schema lets pass although it refuses others of the same rule."""


def is_refused(fixture: str) -> bool:
    """Tell by its name whether the schema refuses a faulty inventory."""
    return fixture.partition("--")[0] not in BEYOND_THE_SCHEMA and fixture not in PASSED
