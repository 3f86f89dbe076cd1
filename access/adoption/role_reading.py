"""Translate a role to the inventory: its entry, its permission policies and the differences."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from access.adoption.found import FoundAccount, FoundRole
from access.adoption.trust_reading import ReadTrust, read_trust
from access.adoption.workspaces import Workspaces
from access.managed_by import MANAGED_BY
from config.models.aws_values import RESERVED_TAGS
from config.models.defaults import Defaults
from oidc.arn import PARTITION_NAMES
from oidc.identifiers import SLUG_PATTERN
from oidc.source_addresses import SESSION_POLICY_NAME, SourceAddresses

_REVOKES_SESSIONS = "AWSRevokeOlderSessions"

_VARIABLE = re.compile(r"\{\{")
_IAM_POLICY = re.compile(rf"arn:({PARTITION_NAMES}):iam::(aws|[0-9]{{12}}):policy/(.+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ReadRole:
    """A role as the inventory can express it.

    Attributes:
        name: Its name in IAM.
        entry: Its entry in the inventory, without ``accounts`` and ``trust``, which need names.
        trust: The trust that was read.
        documents: Its inline policies by name, as in the inventory.
        notes: Differences from AWS.
    """

    name: str
    entry: Mapping[str, Any]
    trust: ReadTrust
    documents: Mapping[str, Any]
    notes: tuple[str, ...]


def read_role(role: FoundRole, account: FoundAccount, defaults: Defaults, workspaces: Workspaces) -> ReadRole:
    """Translate a role of an account; values equal to the inventory's defaults are left out."""
    trust = read_trust(role.trust_policy, account.id, workspaces.names, workspaces.present)
    notes: list[str] = []
    documents = dict(_documents(role, notes))
    is_bound = _is_bound(role, trust)
    if is_bound:
        del documents[SESSION_POLICY_NAME]
    boundary, session = role.permissions_boundary_arn, role.max_session_duration
    if boundary is None and defaults.permissions_boundary is not None:
        default = defaults.permissions_boundary
        notes.append(f"it has no permissions boundary: `up` sets {default} of the defaults, so it may do less")
    values = {
        "path": role.path if role.path != defaults.path else None,
        "description": role.description if _is_writable(role.description, "description", notes) else None,
        "max_session_duration": session if session != defaults.max_session_duration else None,
        "permissions_boundary": _policy(boundary, account) if boundary is not None else None,
        "managed_policies": sorted(_policy(arn, account) for arn in role.managed_policy_arns),
        "inline_policies": sorted(documents),
        "bind_session": is_bound or None,
        "source_ips": list(trust.source_ips),
        "source_vpces": list(trust.source_vpces),
        "expires": trust.expires,
        "tags": _own_tags(role.tags, notes),
    }
    entry = {"name": role.name} | {key: value for key, value in values.items() if value}
    return ReadRole(role.name, entry, trust, documents, (*trust.notes, *notes))


def revokes_sessions(name: str, document: object) -> bool:
    """Tell whether an inline policy is the one by which AWS revokes sessions; it stays in AWS.

    The name alone does not decide: whoever may write inline policies can give it to a policy that allows something.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html.

    Args:
        name: Of the policy.
        document: Parsed JSON, or any other value if it cannot be parsed.
    """
    if name != _REVOKES_SESSIONS or not isinstance(document, Mapping):
        return False
    statements = document.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    return all(isinstance(statement, Mapping) and statement.get("Effect") == "Deny" for statement in listed)


def _policy(arn: str, account: FoundAccount) -> str:
    """Write a managed policy in a form that is valid in other accounts: ``aws:ReadOnlyAccess``."""
    match = _IAM_POLICY.fullmatch(arn)
    if match is None or match[1] != account.partition.value or match[2] not in ("aws", account.id):
        return arn
    return f"{'aws' if match[2] == 'aws' else 'account'}:{match[3]}"


def _own_tags(tags: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    """Drop tags that AWS or this program puts on a role; IAM ignores the case of their keys."""
    ours = tags.get("ManagedBy") == MANAGED_BY
    own: dict[str, str] = {}
    for key, value in sorted(tags.items()):
        if key.lower() in RESERVED_TAGS:
            if not ours:
                notes.append(f"its tag {key}: {value} is left out: this program sets that tag itself")
        elif not key.startswith("aws:"):
            own[key] = value
    return own


def _is_writable(text: str, what: str, notes: list[str]) -> bool:
    if _VARIABLE.search(text):
        notes.append(f"its {what} is left out: it has double braces, which are variables in the inventory")
        return False
    return bool(text)


def _documents(role: FoundRole, notes: list[str]) -> dict[str, Any]:
    documents: dict[str, Any] = {}
    for name, document in sorted(role.inline_policies.items()):
        if revokes_sessions(name, document):
            continue
        if not isinstance(document, Mapping):
            notes.append(f"its inline policy {name} cannot be read: it stays in AWS, unmanaged")
        elif SLUG_PATTERN.fullmatch(name) is None:
            notes.append(f"its inline policy {name} has a name that cannot be a key: it stays in AWS, unmanaged")
        elif _VARIABLE.search(repr(document)):
            notes.append(f"its inline policy {name} has double braces: it stays in AWS, unmanaged")
        else:
            documents[name] = document
    return documents


def _is_bound(role: FoundRole, trust: ReadTrust) -> bool:
    """Tell whether the role has exactly the inline policy that `bind_session` makes."""
    document = role.inline_policies.get(SESSION_POLICY_NAME)
    if not isinstance(document, Mapping):
        return False
    try:
        networks = sorted(map(ip_network, trust.source_ips), key=lambda network: (network.version, network))
    except ValueError:
        return False
    return document == SourceAddresses(tuple(networks), trust.source_vpces).session_policy().to_json()
