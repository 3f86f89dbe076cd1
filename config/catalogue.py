"""The rules that findings name. Ids are public: CI logs and people use them, so they never change meaning.

To add a rule, add a line here and the check that reports it. A rule of ``RULES`` also needs a faulty inventory under
``tests/fixtures/faulty``, and one of ``RULES`` or ``PIPELINE_RULES`` the page ``docs/reference/rules/RULE-ID.md``.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        level: Of its findings.
        asks: What it requires, in one sentence.
        of_absence: Whether it reports that the inventory lacks something. Its findings are held back while a file
            cannot be read, since that file may hold it.
    """

    level: Literal["error", "warning"]
    asks: str
    of_absence: bool = False


RULES: dict[str, Rule] = {
    # Reading files
    "inventory-missing": Rule("error", "The inventory exists: a folder with YAML files, or one YAML file."),
    "inventory-empty": Rule("error", "The inventory has content."),
    "unreadable-file": Rule("error", "Every file of the inventory is readable and UTF-8."),
    "outside-inventory": Rule("error", "Files of the inventory stay inside its folder, links resolved."),
    "hidden-characters": Rule("error", "Every character is visible, and no escape spells a plain one."),
    "yaml-syntax": Rule("error", "Every file is one YAML document."),
    "yaml-feature": Rule("error", "Only plain YAML: no tags, and keys are plain text."),
    "json-syntax": Rule("error", "A permission policy's file is one JSON document."),
    "duplicate": Rule("error", "Each key, entry, UUID and account id appears once."),
    "guardrails-elsewhere": Rule("error", "Only the guardrails file holds guardrails."),
    "guardrails-missing": Rule("error", "The named guardrails file exists and holds guardrails."),
    "other-version": Rule("error", "The running version is one that the inventory requires."),
    # Grammar
    "wrong-type": Rule("error", "A value has the type that its key requires."),
    "unknown-key": Rule("error", "The inventory uses only keys of the grammar."),
    "missing-key": Rule("error", "Required keys are present."),
    "empty-value": Rule("error", "Every key has a value."),
    "bad-allow": Rule("error", "`allow` names rules that are warnings, each with a reason."),
    "bad-value": Rule("error", "A value is one that its key accepts."),
    "bad-name": Rule("error", "Names consist of characters that Bitbucket, IAM and the inventory accept."),
    "bad-uuid": Rule("error", "A UUID is written `{8-4-4-4-12}` in lower-case hex, quoted, with its braces."),
    "bad-account-id": Rule("error", "An account id is 12 digits, quoted."),
    "bad-duration": Rule("error", "A session lasts from 1h to 12h, written 1h, 90m, 5400s or in seconds."),
    "bad-audience": Rule("error", "An audience is a literal of 1 to 150 characters, no misspelt one of the workspace."),
    "bad-address": Rule("error", "A source address is a network in CIDR form without host bits."),
    "bad-vpc-endpoint": Rule("error", "A VPC endpoint's id is `vpce-` and 8 or 17 hex digits."),
    "bad-thumbprint": Rule("error", "A thumbprint is the SHA-1 of a certificate, 40 hex digits."),
    "bad-tag": Rule("error", "IAM accepts the tags, and their keys are unique ignoring case."),
    "bad-arn": Rule("error", "A policy or role is `aws:NAME`, `account:NAME` or an ARN of its account."),
    "reserved-name": Rule("error", "No name reserved by this program is used."),
    "bad-variable": Rule("error", "Double braces hold only the inventory's variables."),
    "bad-policy-document": Rule("error", "A permission policy follows IAM's grammar for identity-based policies."),
    "bad-condition-value": Rule("error", "A condition's value is one that its operator can compare with."),
    "placeholder": Rule("error", "No placeholder of a template is left in a permission policy."),
    "bad-resource-arn": Rule(
        "error", "A resource's ARN has five colons, and a possible partition, region and account."
    ),
    "trust-kind": Rule("error", "A trust entry is exactly one of its three kinds."),
    "partition-region": Rule("error", "A region belongs to the account's partition."),
    "family-not-bound": Rule("error", "The trust of a role family names each role's item."),
    "pair-not-bound": Rule("error", "A role with a plan role trusts only steps of deployment environments."),
    # References
    "unknown-workspace": Rule("error", "Every named workspace is declared.", of_absence=True),
    "unknown-repository": Rule("error", "Every named repository is declared.", of_absence=True),
    "unknown-environment": Rule("error", "Every named deployment environment is declared.", of_absence=True),
    "unknown-account": Rule(
        "error", "Every named account is declared, and an overridden one is selected.", of_absence=True
    ),
    "unknown-permission-policy": Rule("error", "Every named inline policy is declared.", of_absence=True),
    "unknown-role": Rule("error", "A role that may reach the state is declared.", of_absence=True),
    "unknown-audience": Rule("error", "A workspace declares every audience that trust in it accepts.", of_absence=True),
    "unknown-label": Rule(
        "error",
        "Some account has each label and value that a role, wave or guardrail selects by.",
        of_absence=True,
    ),
    "lock-mismatch": Rule("error", "Inventory and inventory.lock.yaml give the same UUID to the same name."),
    "needs-lock": Rule("error", "inventory.lock.yaml answers what the inventory leaves open.", of_absence=True),
    "lock-networks": Rule(
        "error", "The address ranges in inventory.lock.yaml are public and no wider than Atlassian publishes."
    ),
    # What AWS answered, by the lock
    "oidc-provider-missing": Rule("error", "A referenced OIDC provider exists."),
    "oidc-provider-audience": Rule(
        "error", "An adopted or referenced OIDC provider has the audiences that roles accept."
    ),
    "unchecked-audience": Rule(
        "error",
        "An audience added to an OIDC provider opens no role of others, unless accepted.",
    ),
    "missing-policy": Rule("error", "Managed policies and permissions boundaries exist."),
    "oidc-provider-exists": Rule("warning", "An OIDC provider to be created does not exist already."),
    "role-name-taken": Rule("warning", "No role of somebody else has the same name."),
    "template-outdated": Rule("warning", "The deployed template of an account has all that the inventory needs."),
    "quota-mismatch": Rule("warning", "Quotas are no larger than AWS's."),
    # Access
    "service-linked-policy": Rule("error", "No role has a policy that AWS attaches only to service-linked roles."),
    "admin-access": Rule("error", "Admin access has a reason: `dangerously_allow_admin`."),
    "whole-workspace-expires": Rule("error", "Trust of a whole workspace has a last day."),
    "whole-workspace-renamed": Rule("error", "Trust of a whole workspace covers only its current slug."),
    "whole-workspace-admin": Rule("error", "Trust of a whole workspace and admin access do not go together."),
    "attachable-policy": Rule(
        "error", "Every managed policy of a role matches `attachable_policies`, if the account has patterns."
    ),
    "adopted-as-is": Rule("error", "A role adopted as is was there before, with this trust, as the lock records."),
    "deploying-role": Rule("error", "No role is its account's deploying role, or may become or change it."),
    "changes-access": Rule("error", "No role can change who may assume roles of the inventory, or what these may do."),
    "state-backend": Rule("error", "Only the roles named for it reach the state of the program."),
    "partition-resource": Rule("error", "Resources of a permission policy are in the account's partition."),
    "override-conflict": Rule("error", "At most one override of a role matches an account."),
    "previous-key": Rule("error", "Each previous key is unused and claimed by one entry."),
    "role-name-conflict": Rule("error", "Role names are unique in an account, ignoring case."),
    # Guardrails
    "guardrail-selects-nothing": Rule(
        "error", "Accounts, files and folders that guardrails name exist.", of_absence=True
    ),
    "guardrail-boundary": Rule("error", "A role has the permissions boundary that guardrails require."),
    "guardrail-managed-policy": Rule("error", "A role has only managed policies that guardrails allow."),
    "guardrail-action": Rule("error", "Inline policies of a role allow only actions that guardrails allow."),
    "guardrail-session": Rule("error", "Sessions of a role are no longer than guardrails allow."),
    "guardrail-trust": Rule("error", "A role trusts no more than guardrails allow."),
    "guardrail-required": Rule("error", "A role has the settings and tags that guardrails require."),
    "delegation-file": Rule("error", "If guardrails delegate folders, every file belongs to one or to the platform."),
    "delegation-section": Rule("error", "A file in a delegated folder has only sections that it may have."),
    "delegation-name": Rule("error", "Roles and permission policies in a delegated folder have its names."),
    "delegation-path": Rule("error", "Roles in a delegated folder have IAM paths that it may use."),
    "delegation-account": Rule("error", "Roles in a delegated folder are for accounts that it may select."),
    "delegation-repository": Rule(
        "error",
        "A delegated folder declares and trusts only its repositories, by confirmed UUIDs.",
    ),
    "delegation-policy": Rule("error", "Roles in a delegated folder use only permission policies that it may use."),
    "delegation-admin": Rule("error", "No role in a delegated folder has admin access."),
    # Limits, days and unused entries
    "size-limit": Rule("error", "Rendered names, policies and numbers fit IAM's limits."),
    "session-without-addresses": Rule("error", "A role with `bind_session` has source addresses."),
    "privilege-escalation": Rule(
        "warning",
        "No permission policy opens a known privilege escalation, such as passing any role.",
    ),
    "attachable-admin": Rule(
        "warning", "`attachable_policies` covers no policy with admin access, unless all roles have a boundary."
    ),
    "unknown-permissions": Rule(
        "warning",
        "A role with an account-owned policy, which is not read, has a permissions boundary.",
        of_absence=True,
    ),
    "account-resource": Rule(
        "warning", "IAM resources belong to an account in which a role has the policy.", of_absence=True
    ),
    "unknown-managed-policy": Rule("warning", "No policy that AWS manages is misspelt."),
    "unknown-region": Rule("warning", "No region is misspelt."),
    "unknown-service": Rule("warning", "Actions of a permission policy belong to services that AWS documents."),
    "unknown-action": Rule("warning", "An action, or a pattern of actions, matches one that AWS documents."),
    "unknown-condition-key": Rule("warning", "A condition tests a key that AWS documents."),
    "resource-mismatch": Rule("warning", "Some action of a statement works on each of its resources."),
    "contradictory-conditions": Rule("warning", "The conditions of a statement do not contradict each other."),
    "denied-anyway": Rule("warning", "No permission policy denies everything that one of its statements allows."),
    # Wide, unused or about to end
    "whole-workspace-trust": Rule("warning", "Trust names repositories, not a whole workspace."),
    "repository-wide-trust": Rule("warning", "Trust of a repository names its deployment environments."),
    "production-outside-environments": Rule(
        "warning", "Only named deployment environments may assume roles of an account labelled for production."
    ),
    "further-audiences": Rule("warning", "Steps ask only for their workspace's own audience."),
    "wide-network": Rule("warning", "A network of `source_ips` is no wider than /16, or /32 of IPv6."),
    "private-network": Rule("warning", "A network of `source_ips` is public: AWS sees only public addresses."),
    "shared-addresses": Rule("warning", "Source addresses are yours, not shared by all customers of Bitbucket."),
    "previous-name": Rule("warning", "A role under a new key keeps its name in IAM."),
    "expires-soon": Rule("warning", "A role, or trust in a previous slug, has more than 14 days left."),
    "expired": Rule("warning", "A role, or trust in a previous slug, is not past its last day."),
    "restrictions-check-old": Rule(
        "warning", "Somebody checked the environment's deployment restrictions in the last 180 days."
    ),
    "selects-no-account": Rule(
        "warning", "A role or wave selects an account, and every pattern of accounts matches one.", of_absence=True
    ),
    "unused-workspace": Rule(
        "warning", "A role trusts the workspace, or an account keeps its OIDC provider.", of_absence=True
    ),
    "unused-repository": Rule("warning", "A role trusts the repository.", of_absence=True),
    "unused-environment": Rule("warning", "A role trusts the deployment environment.", of_absence=True),
    "unused-permission-policy": Rule("warning", "A role uses the permission policy.", of_absence=True),
    "stale-lock": Rule("warning", "inventory.lock.yaml answers exactly the current inventory.", of_absence=True),
    "unused-allow": Rule("warning", "Every `allow` silences a finding."),
}


DISCREPANCY_RULES: dict[str, Rule] = {
    "not-in-bitbucket": Rule("error", "Everything that the inventory names exists in Bitbucket."),
    "wrong-uuid": Rule("error", "A UUID of the inventory belongs to the name beside it."),
    "made-anew": Rule("error", "A name still has the UUID that was locked."),
    "two-names": Rule("error", "Two names of the inventory have different UUIDs in Bitbucket."),
    "moved": Rule("error", "A repository is in the workspace that the inventory says."),
    "workspace-renamed": Rule("error", "A workspace still has the slug that its issuer uses."),
    "renamed": Rule("warning", "Repositories and deployment environments still have their names."),
    "pinned-thumbprint": Rule(
        "warning", "A pinned thumbprint is in the chain that the issuer presents, and valid for more than 60 days."
    ),
    "auto-changed": Rule("error", "`oidc_provider: auto` gives the same result as before."),
    "issuer-unreachable": Rule("warning", "The issuer of a workspace can be reached."),
}
"""Differences between Bitbucket, AWS or issuers and the inventory with its lock. No file alone breaks these rules."""


TRUST_RULES: dict[str, Rule] = {
    "json-syntax": Rule("error", "The file is one JSON document without duplicate keys."),
    "template-value": Rule("error", "Values that CloudFormation fills in are given."),
    "bad-trust-policy": Rule("error", "A trust policy follows IAM's grammar."),
    "wrong-action": Rule("error", "A statement for tokens allows sts:AssumeRoleWithWebIdentity."),
    "wrong-issuer": Rule("error", "The OIDC provider has exactly the issuer of the workspace."),
    "other-account": Rule("error", "The OIDC provider is in the account of the role."),
    "two-issuers": Rule("error", "The principal and the condition keys of a statement name the same issuer."),
    "everybody": Rule("error", "The principal is an OIDC provider, not everybody."),
    "other-principal": Rule("warning", "Only pipelines may assume the role."),
    "denial": Rule("warning", "The policy has only Allow statements."),
    "no-audience": Rule("error", "The audience is compared."),
    "other-audience": Rule("warning", "The audience is the workspace's own, or one that steps ask for."),
    "wrong-audience": Rule("error", "An audience has the form of Bitbucket's audiences."),
    "no-repository": Rule("error", "The subject is compared, and names a repository by its UUID."),
    "wrong-subject": Rule("error", "A subject pattern matches subjects that Bitbucket issues."),
    "policy-variable": Rule("error", "Subject and audience are compared with literal values, not policy variables."),
    "wildcard-under-equals": Rule("error", "Patterns with wildcards are compared by StringLike."),
    "one-run": Rule("error", "A subject pattern ends in a wildcard: the step's UUID is new at every run."),
    "open-end": Rule("warning", "A UUID in a subject pattern has its braces, and a colon follows it."),
    "void-check": Rule(
        "error", "A condition fails if its key is missing or has a value that the policy does not list."
    ),
    "set-operator": Rule("warning", "Only keys with several values are compared by set operators."),
    "dead-key": Rule("error", "Conditions compare only keys that AWS has for Bitbucket's tokens."),
}
"""Rules of ``explain --trust-policy``, in the order of a statement's elements."""


PIPELINE_RULES: dict[str, Rule] = {
    "step-without-oidc": Rule("error", "A step that names a role has `oidc: true`."),
    "step-not-trusted": Rule("error", "A step gets only into roles that trust it."),
    "token-not-written": Rule("error", "A step that sets AWS_ROLE_ARN writes its token to a file."),
    "unknown-role-arn": Rule("error", "The inventory has every role that a step names."),
    "static-key": Rule("warning", "No static access key is beside a role."),
}
"""Rules of ``check-pipeline``, about a bitbucket-pipelines.yml."""


def rule_of(rule_id: str) -> Rule:
    """Return a rule of any of the tables by its id; an id that is in two of them has the same level in both."""
    return next(table[rule_id] for table in _TABLES if rule_id in table)


_TABLES = (RULES, DISCREPANCY_RULES, TRUST_RULES, PIPELINE_RULES)
