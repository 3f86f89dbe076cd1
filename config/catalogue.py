"""The rules that findings name. Ids are public: they stand in CI logs and in people's memory, and never change meaning.

Adding a rule is adding a line here, the check that reports it, and a faulty inventory under ``tests/fixtures/faulty``.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        level: Of its findings.
        asks: What it asks for, in one sentence.
        of_absence: Whether it says that something stands nowhere in the inventory. Its findings wait while a file
            cannot be read: what they miss may stand there.
    """

    level: Literal["error", "warning"]
    asks: str
    of_absence: bool = False


RULES: dict[str, Rule] = {
    # Reading files
    "inventory-missing": Rule("error", "The inventory is there: a folder with YAML files, or one YAML file."),
    "inventory-empty": Rule("error", "The inventory says something."),
    "unreadable-file": Rule("error", "Every file of the inventory can be read, as UTF-8."),
    "outside-inventory": Rule("error", "Files of the inventory stay inside its folder, links resolved."),
    "hidden-characters": Rule("error", "Every character can be seen, and no escape spells a plain one."),
    "yaml-syntax": Rule("error", "Every file is one YAML document."),
    "yaml-feature": Rule("error", "Only plain YAML: no tags, and keys are plain text."),
    "json-syntax": Rule("error", "A permission policy's file is one JSON document."),
    "duplicate": Rule("error", "Everything is said once: a key, an entry, a UUID, an account id."),
    "guardrails-elsewhere": Rule("error", "Guardrails stand in the guardrails file, and in no other."),
    "guardrails-missing": Rule("error", "The guardrails file that is named is there, and holds guardrails."),
    # Grammar
    "wrong-type": Rule("error", "A value has the type that its key takes."),
    "unknown-key": Rule("error", "Only keys of the grammar stand in the inventory."),
    "missing-key": Rule("error", "Keys without a default are there."),
    "empty-value": Rule("error", "A key that stands there has a value."),
    "bad-allow": Rule("error", "`allow` names rules that are warnings, each with a reason."),
    "bad-value": Rule("error", "A value is one of those that its key takes."),
    "bad-name": Rule("error", "Names are of the characters that Bitbucket, IAM and the inventory take."),
    "bad-uuid": Rule("error", "A UUID is written `{8-4-4-4-12}` in lower-case hex, quoted, with its braces."),
    "bad-account-id": Rule("error", "An account id is 12 digits, quoted."),
    "bad-duration": Rule("error", "A session lasts from 1h to 12h, written 1h, 90m, 5400s or in seconds."),
    "bad-audience": Rule("error", "An audience is a literal of 1 to 150 characters."),
    "bad-address": Rule("error", "A source address is a network in CIDR form without host bits."),
    "bad-vpc-endpoint": Rule("error", "A VPC endpoint is named by its id: `vpce-` and 8 or 17 hex digits."),
    "bad-thumbprint": Rule("error", "A thumbprint is the SHA-1 of a certificate, 40 hex digits."),
    "bad-tag": Rule("error", "Tags are what IAM takes, unique ignoring case."),
    "bad-arn": Rule(
        "error", "A policy or role is named by `aws:`, `account:` or its ARN, of this partition and account."
    ),
    "reserved-name": Rule("error", "Nothing is called what the program calls something of its own."),
    "bad-variable": Rule("error", "Only the inventory's variables stand in double braces."),
    "bad-policy-document": Rule("error", "A permission policy follows IAM's grammar for identity-based policies."),
    "bad-condition-value": Rule("error", "The value of a condition is one that its operator can compare with."),
    "trust-kind": Rule("error", "A trust entry is exactly one of its three kinds."),
    "partition-region": Rule("error", "A region belongs to the account's partition."),
    "family-not-bound": Rule("error", "The trust of a role family says which of its items each role is for."),
    "pair-not-bound": Rule("error", "A role with a plan role trusts steps of deployment environments alone."),
    # References
    "unknown-workspace": Rule("error", "A workspace that is named is declared.", of_absence=True),
    "unknown-repository": Rule("error", "A repository that is named is declared.", of_absence=True),
    "unknown-environment": Rule("error", "A deployment environment that is named is declared.", of_absence=True),
    "unknown-account": Rule(
        "error", "An account that is named is declared, and selected where it is overridden.", of_absence=True
    ),
    "unknown-permission-policy": Rule("error", "An inline policy that is named is declared.", of_absence=True),
    "unknown-role": Rule("error", "A role that may reach the state is declared.", of_absence=True),
    "unknown-audience": Rule(
        "error", "An audience that a trust accepts is one that its workspace declares.", of_absence=True
    ),
    "lock-mismatch": Rule("error", "Inventory and inventory.lock.yaml give the same UUID to the same name."),
    "needs-lock": Rule("error", "What the inventory leaves open is answered by inventory.lock.yaml.", of_absence=True),
    # What AWS answered, by the lock
    "oidc-provider-missing": Rule("error", "An OIDC provider that is only referred to is there."),
    "oidc-provider-audience": Rule(
        "error", "An OIDC provider that is adopted or referred to has the audiences that roles accept."
    ),
    "unchecked-audience": Rule(
        "error", "No audience is added to an OIDC provider that opens roles of others without their being accepted."
    ),
    "missing-policy": Rule("error", "Managed policies and permissions boundaries are there."),
    "oidc-provider-exists": Rule("warning", "An OIDC provider that is to be created is not somebody else's already."),
    "role-name-taken": Rule("warning", "No role of somebody else has the name of a role."),
    "quota-mismatch": Rule("warning", "Quotas are no larger than AWS says."),
    # Access
    "admin-access": Rule("error", "Admin access says why: `dangerously_allow_admin`."),
    "whole-workspace-expires": Rule("error", "Trust of a whole workspace ends on a day."),
    "whole-workspace-renamed": Rule("error", "Trust of a whole workspace is trust in its slug of today alone."),
    "whole-workspace-admin": Rule("error", "Trust of a whole workspace and admin access do not go together."),
    "deploying-role": Rule("error", "No role is a deploying role of its account, or allows to become or change it."),
    "changes-access": Rule(
        "error", "No role can change who may assume roles of the inventory, or what these may do: its own access least."
    ),
    "state-backend": Rule("error", "No role reaches the state of the program but those that are named for it."),
    "partition-resource": Rule("error", "Resources of a permission policy are of the account's partition."),
    "override-conflict": Rule("error", "One account is matched by one override of a role at most."),
    "previous-key": Rule("error", "A previous key is nobody's key any more, and one entry's alone."),
    "role-name-conflict": Rule("error", "Names of roles are unique in an account, ignoring case."),
    # Guardrails
    "guardrail-selects-nothing": Rule(
        "error", "What guardrails name is there: accounts, files, folders.", of_absence=True
    ),
    "guardrail-boundary": Rule("error", "A role has the permissions boundary that guardrails ask for."),
    "guardrail-managed-policy": Rule("error", "A role has only managed policies that guardrails allow."),
    "guardrail-action": Rule("error", "Inline policies of a role allow only what guardrails let them."),
    "guardrail-session": Rule("error", "Sessions of a role are no longer than guardrails let them be."),
    "guardrail-trust": Rule("error", "A role trusts no more than guardrails let it."),
    "guardrail-required": Rule("error", "A role has the settings and tags that guardrails require."),
    "delegation-file": Rule("error", "Where guardrails delegate folders, every file is in one, or is the platform's."),
    "delegation-section": Rule("error", "A file in a delegated folder has only the sections that its folder may have."),
    "delegation-name": Rule("error", "Roles and permission policies in a delegated folder have names that it may use."),
    "delegation-path": Rule("error", "Roles in a delegated folder have IAM paths that it may use."),
    "delegation-account": Rule("error", "Roles in a delegated folder are for accounts that it may select."),
    "delegation-repository": Rule(
        "error", "A delegated folder declares and trusts only its repositories, by UUIDs that others confirm."
    ),
    "delegation-policy": Rule("error", "Roles in a delegated folder use permission policies that are theirs to use."),
    "delegation-admin": Rule("error", "No role in a delegated folder has admin access."),
    # Limits, days and what is left over
    "size-limit": Rule("error", "What is rendered fits into IAM's limits."),
    "session-without-addresses": Rule("error", "A session is bound to source addresses that the role has."),
    "privilege-escalation": Rule(
        "warning", "No permission policy opens a known way to more than it gives: to pass any role, to become any user."
    ),
    "unknown-permissions": Rule(
        "warning",
        "A role with a policy of the account's own, which nobody here can read, has a permissions boundary.",
        of_absence=True,
    ),
    "account-resource": Rule(
        "warning", "Resources of IAM are of an account in which a role has the policy.", of_absence=True
    ),
    "unknown-service": Rule("warning", "Actions of a permission policy are of services that AWS documents."),
    "unknown-action": Rule("warning", "An action, or a pattern of actions, matches one that AWS documents."),
    "unknown-condition-key": Rule("warning", "A condition tests a key that AWS documents."),
    "resource-mismatch": Rule("warning", "The actions and the resources of a statement fit each other."),
    "contradictory-conditions": Rule("warning", "The conditions of a statement can hold together."),
    "denied-anyway": Rule("warning", "What a permission policy allows is not wholly denied by the same one."),
    # Wide, unused or about to end
    "whole-workspace-trust": Rule("warning", "Trust names repositories, not a whole workspace."),
    "repository-wide-trust": Rule("warning", "Trust of a repository names its deployment environments."),
    "production-outside-environments": Rule(
        "warning", "An account labelled for production is trusted to named deployment environments alone."
    ),
    "further-audiences": Rule(
        "warning", "Steps ask for no audience besides their workspace's own: STS refuses a token with two."
    ),
    "wide-network": Rule(
        "warning", "A network of `source_ips` is no wider than an organisation's own: /16, or /32 of IPv6."
    ),
    "private-network": Rule("warning", "A network of `source_ips` is public: AWS sees no other."),
    "shared-addresses": Rule("warning", "Source addresses are one's own, not those of all customers of Bitbucket."),
    "previous-name": Rule("warning", "A role under a new key keeps the name that it has in IAM."),
    "expires-soon": Rule("warning", "A role, or trust in a previous slug, has more than 14 days left."),
    "expired": Rule("warning", "A role, or trust in a previous slug, is not past its last day."),
    "restrictions-check-old": Rule(
        "warning", "Somebody has looked at an environment's deployment restrictions in the last 180 days."
    ),
    "selects-no-account": Rule(
        "warning", "A role is for some account, and every pattern of accounts matches one.", of_absence=True
    ),
    "unused-workspace": Rule("warning", "A workspace is trusted by a role, or kept by an account.", of_absence=True),
    "unused-repository": Rule("warning", "A repository is trusted by a role.", of_absence=True),
    "unused-environment": Rule("warning", "A deployment environment is trusted by a role.", of_absence=True),
    "unused-permission-policy": Rule("warning", "A permission policy is on a role.", of_absence=True),
    "stale-lock": Rule(
        "warning", "inventory.lock.yaml answers the inventory as it is, and nothing else.", of_absence=True
    ),
    "unused-allow": Rule("warning", "What `allow` silences is there."),
}


DISCREPANCY_RULES: dict[str, Rule] = {
    "not-in-bitbucket": Rule("error", "What the inventory names is in Bitbucket."),
    "wrong-uuid": Rule("error", "A UUID of the inventory is that of the name beside it."),
    "made-anew": Rule("error", "A name is still the one that was locked."),
    "two-names": Rule("error", "Two names of the inventory are two things in Bitbucket."),
    "moved": Rule("error", "A repository is in the workspace that the inventory says."),
    "workspace-renamed": Rule("error", "A workspace still has the slug that its issuer is named by."),
    "renamed": Rule("warning", "Repositories and deployment environments are still called so."),
    "pinned-thumbprint": Rule(
        "warning", "A pinned thumbprint is in the chain that the issuer presents, for more than 60 days yet."
    ),
    "auto-changed": Rule("error", "`oidc_provider: auto` comes to what it came to before."),
    "issuer-unreachable": Rule("warning", "The issuer of a workspace can be reached."),
}
"""What the world outside says otherwise than the inventory and its lock. A file alone cannot break these rules."""


TRUST_RULES: dict[str, Rule] = {
    "json-syntax": Rule("error", "The file is one JSON document, each key once."),
    "bad-trust-policy": Rule("error", "A trust policy follows IAM's grammar."),
    "wrong-action": Rule("error", "A statement for tokens is about sts:AssumeRoleWithWebIdentity."),
    "wrong-issuer": Rule("error", "The OIDC provider is that of the workspace's issuer, character by character."),
    "other-account": Rule("error", "The OIDC provider is one of the role's own account."),
    "two-issuers": Rule("error", "One statement names one issuer, in its principal and in its condition keys."),
    "everybody": Rule("error", "The principal is an OIDC provider, not everybody."),
    "other-principal": Rule("warning", "Nobody but pipelines may assume the role."),
    "denial": Rule("warning", "What may assume the role is said by what is allowed."),
    "no-audience": Rule("error", "The audience is compared."),
    "other-audience": Rule("warning", "The audience is the workspace's own, or one that steps ask for."),
    "wrong-audience": Rule("error", "An audience is written as Bitbucket writes it."),
    "no-repository": Rule("error", "The subject is compared, and names a repository by its UUID."),
    "wrong-subject": Rule("error", "A subject pattern matches subjects that Bitbucket issues."),
    "policy-variable": Rule("error", "Subject and audience are compared with values that stand in the policy."),
    "wildcard-under-equals": Rule("error", "Patterns with wildcards are compared by StringLike."),
    "one-run": Rule("error", "The end of a subject pattern is a wildcard: the step's UUID is new at every run."),
    "open-end": Rule("warning", "A UUID in a subject pattern has its braces, and a colon follows it."),
    "void-check": Rule("error", "No condition holds because its key is missing, or of all but a few values."),
    "set-operator": Rule("warning", "Set operators are for keys with several values."),
    "dead-key": Rule("error", "Conditions compare keys that AWS has for Bitbucket's tokens."),
}
"""Of trust policies that somebody else wrote, in the order of a statement."""


def rule_of(rule_id: str) -> Rule:
    """Return a rule of any of the tables by its id; an id that is in two of them has the same level in both."""
    return next(table[rule_id] for table in (RULES, DISCREPANCY_RULES, TRUST_RULES) if rule_id in table)
