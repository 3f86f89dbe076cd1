"""Read a rendered trust policy strictly: anything that this program does not write itself is a flaw.

A statement has exactly these elements: ``Allow``, the OIDC provider of one issuer in the role's
own account, ``sts:AssumeRoleWithWebIdentity``, and a condition with ``aud`` by ``StringEquals``, ``sub`` by
``StringLike``, and at most a place and an end. It has no denial, no second principal, no set operator and no
``…IfExists``. Set operators and ``…IfExists`` may hold when a key is missing
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).

The module reads the text itself. A key that appears twice in an object is a flaw. RFC 8259, section 4, does not say
which of the two counts, so IAM may use the one that the review does not show.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from access.exactness.call_conditions import EVERYWHERE, CallConditions

_PLACES = (("IpAddress", "aws:SourceIp"), ("StringEquals", "aws:SourceVpce"))
_END = ("DateLessThan", "aws:CurrentTime")


class FlawError(Exception):
    """A policy has an element that this program never renders."""


@lru_cache(maxsize=1024)
def rendered_patterns(text: str, oidc_providers: str) -> Mapping[CallConditions, set[str]]:
    """Return the subject patterns that a trust policy admits, for each set of conditions on a call.

    Roles of an account often have equal policies, so recent results are cached.

    Args:
        text: The trust policy as IAM gets it.
        oidc_providers: Prefix of the ARN of an OIDC provider: ``arn:aws:iam::222222222222:oidc-provider/``.

    Raises:
        FlawError: It has an element, operator or key that it must not have, or lacks one.
    """
    document = _parsed(text)
    if document.keys() != {"Version", "Statement"} or document["Version"] != "2012-10-17":
        raise FlawError(f"the policy has {', '.join(document)} and version {document.get('Version')}")
    if not isinstance(document["Statement"], list):
        raise FlawError("the policy has no list of statements")
    admitted: dict[CallConditions, set[str]] = {}
    for index, statement in enumerate(document["Statement"]):
        try:
            calls, patterns = _statement(statement, oidc_providers)
        except FlawError as flaw:
            raise FlawError(f"statement {index}: {flaw}") from None
        for conditions in calls:
            admitted.setdefault(conditions, set()).update(patterns)
    return admitted


def bound_places(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the networks and VPC endpoints that a session policy allows; it denies calls from anywhere else.

    The policy has one statement with only these elements. Calls that AWS services make for the role are not denied
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html).

    Raises:
        FlawError: The policy has any other form.
    """
    document = _parsed(text)
    statements = document.get("Statement")
    if document.keys() != {"Version", "Statement"} or document["Version"] != "2012-10-17":
        raise FlawError(f"the policy has {', '.join(document)} and version {document.get('Version')}")
    if not isinstance(statements, list) or len(statements) != 1 or not isinstance(statements[0], Mapping):
        raise FlawError("the policy has not one statement")
    condition = statements[0].get("Condition")
    elements = {name: value for name, value in statements[0].items() if name not in ("Sid", "Condition")}
    if elements != {"Effect": "Deny", "Action": "*", "Resource": "*"} or not isinstance(condition, Mapping):
        raise FlawError(f"it is {statements[0]!r}")
    tests = _tests(condition)
    if tests.pop(("BoolIfExists", "aws:ViaAWSService"), None) != ["false"]:
        raise FlawError("it does not compare aws:ViaAWSService")
    networks = frozenset(tests.pop(("NotIpAddress", "aws:SourceIp"), ()))
    endpoints = frozenset(tests.pop(("StringNotEquals", "aws:SourceVpce"), ()))
    if tests:
        raise FlawError(f"its condition has {', '.join(f'{operator} of {key}' for operator, key in tests)}")
    return networks, endpoints


def _parsed(text: str) -> Mapping[str, Any]:
    """Parse a policy document; a key that appears twice in one object is a flaw."""
    try:
        document = _DECODER.decode(text)
    except ValueError as error:
        raise FlawError(f"the policy is not JSON: {error}") from None
    if not isinstance(document, Mapping):
        raise FlawError("the policy is not an object")
    return document


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        keys = [key for key, _ in pairs]
        raise FlawError(f"{min(key for key in keys if keys.count(key) > 1)} appears twice in one object")
    return parsed


_DECODER = json.JSONDecoder(object_pairs_hook=_each_once)


def _statement(statement: object, oidc_providers: str) -> tuple[list[CallConditions], list[str]]:
    if not isinstance(statement, Mapping) or statement.keys() != {"Effect", "Principal", "Action", "Condition"}:
        raise FlawError(f"it is {statement!r}")
    if statement["Effect"] != "Allow" or statement["Action"] != "sts:AssumeRoleWithWebIdentity":
        raise FlawError(f"it says {statement['Effect']} {statement['Action']}")
    principal = statement["Principal"]
    arn = principal.get("Federated") if isinstance(principal, Mapping) and len(principal) == 1 else None
    if not isinstance(arn, str) or not arn.startswith(oidc_providers):
        raise FlawError(f"its principal is {principal}")
    issuer = arn.removeprefix(oidc_providers)
    tests = _tests(statement["Condition"])
    audiences = tests.pop(("StringEquals", f"{issuer}:aud"), None)
    patterns = tests.pop(("StringLike", f"{issuer}:sub"), None)
    if not audiences or not patterns:
        raise FlawError(f"it does not compare {'sub' if audiences else 'aud'}")
    until = tests.pop(_END, [""])
    places = [(key, frozenset(tests.pop((operator, key)))) for operator, key in _PLACES if (operator, key) in tests]
    if tests or len(places) > 1 or len(until) > 1:
        shown = [f"{operator} of {key}" for operator, key in tests] or [key for key, _ in places] or until
        raise FlawError(f"its condition has {', '.join(shown)}")
    place = places[0] if places else EVERYWHERE
    return [CallConditions(issuer, audience, place, until[0]) for audience in audiences], patterns


def _tests(condition: Any) -> dict[tuple[str, str], list[str]]:  # noqa: ANN401 - parsed JSON
    """Return the compared values by operator and key."""
    try:
        return {(operator, key): _texts(values) for operator, keys in condition.items() for key, values in keys.items()}
    except AttributeError:
        raise FlawError(f"its condition is {condition!r}") from None


def _texts(values: object) -> list[str]:
    """Return the values of a key; a policy variable is a flaw, since AWS replaces it."""
    listed = values if isinstance(values, list) else [values]
    texts = [value for value in listed if isinstance(value, str) and "${" not in value]
    if len(texts) < len(listed):
        raise FlawError(f"it compares with {values!r}")
    return texts
