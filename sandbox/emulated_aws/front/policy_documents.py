"""Gap: ministack stores any text as a policy. AWS checks the policy grammar, and limits the size.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html. It is not checked whether the
principals of a trust policy exist, since the sandbox has only the accounts of one inventory.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from oidc.iam.operators import operator_of
from oidc.limits import INLINE_POLICY_CHARS_PER_ROLE, TRUST_POLICY_CHARS
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step
from sandbox.emulated_aws.settings import EmulatorSettings


def counted_characters(document: str) -> int:
    """Count characters without white space.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    return sum(not character.isspace() for character in document)


def malformed(message: str) -> RefusalError:
    """Return the refusal of a policy document that breaks the policy grammar."""
    return RefusalError("MalformedPolicyDocument", message)


def parse_document(text: str) -> dict[str, Any]:
    """Read a policy document as JSON.

    Raises:
        RefusalError: The text is not a JSON object, or an object in it has a key twice.
    """
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except ValueError as error:
        raise malformed("This policy contains invalid Json") from error
    if not isinstance(document, dict):
        raise malformed("Syntax errors in policy.")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise malformed("Syntax errors in policy.")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_DOCUMENT_KEYS = {"Version", "Id", "Statement"}
_VERSIONS = {"2012-10-17", "2008-10-17"}
_STATEMENT_KEYS = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition"}
_PRINCIPALS = {
    "AWS": re.compile(
        r"\*|[0-9]{12}|arn:aws[a-z-]*:(?:iam|sts)::[0-9]{12}:(?:root|(?:user|role|assumed-role|federated-user)/.+)|A[A-Z0-9]{20}"
    ),
    "Federated": re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(?:oidc|saml)-provider/.+|[a-z0-9-]+(?:\.[a-z0-9-]+)+"),
    "Service": re.compile(r"[A-Za-z0-9.-]+\.amazonaws\.(?:com(?:\.cn)?|eu)"),
    "CanonicalUser": re.compile(r"[0-9a-f]{64}"),
}


def trust_policies(settings: EmulatorSettings) -> Step:
    """Make the step for CreateRole and UpdateAssumeRolePolicy."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        parameter = "AssumeRolePolicyDocument" if call.action == "CreateRole" else "PolicyDocument"
        text = call.params[parameter]
        check_trust_policy(text)
        quota = settings.quota_of(call.account, TRUST_POLICY_CHARS)
        if counted_characters(text) > quota:
            raise RefusalError("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {quota}", 409)
        return await proceed(call)

    return step


def check_trust_policy(text: str) -> None:
    """Check a trust policy against the grammar.

    Raises:
        RefusalError: ``MalformedPolicyDocument``, with the first fault.
    """
    document = parse_document(text)
    if document.keys() - _DOCUMENT_KEYS or document.get("Version", "2008-10-17") not in _VERSIONS:
        raise malformed("Syntax errors in policy.")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise malformed("Syntax errors in policy.")
    for statement in statements:
        _check_statement(statement)
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if len(set(sids)) < len(sids):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")


def _check_statement(statement: object) -> None:
    if not isinstance(statement, dict):
        raise malformed("Syntax errors in policy.")
    for prohibited in ("Resource", "NotResource"):
        if prohibited in statement:
            raise malformed(f"Has prohibited field {prohibited}")
    if statement.keys() - _STATEMENT_KEYS or statement.get("Effect") not in ("Allow", "Deny"):
        raise malformed("Syntax errors in policy.")
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or re.fullmatch(r"[0-9A-Za-z]*", sid, re.ASCII) is None:
        raise malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
            "[0-9A-Za-z]*"
        )
    _check_actions(statement)
    _check_principals(statement)
    _check_condition(statement.get("Condition", {}))


def _texts(value: object) -> list[str]:
    """Return one or several non-empty texts as a list; an empty list for any other value."""
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str) and text]
    return texts if len(texts) == len(values) else []


def _check_actions(statement: Mapping[str, Any]) -> None:
    given = [key for key in ("Action", "NotAction") if key in statement]
    if not given:
        raise malformed("Missing required field Action")
    actions = _texts(statement[given[0]])
    if len(given) > 1 or not actions:
        raise malformed("Syntax errors in policy.")
    if not all(re.fullmatch(r"\*|sts:[A-Za-z*?]+", action, re.IGNORECASE | re.ASCII) for action in actions):
        raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def _check_principals(statement: Mapping[str, Any]) -> None:
    if "NotPrincipal" in statement:
        return  # ministack refuses these with AWS's message
    if "Principal" not in statement:
        raise malformed("Missing required field Principal")
    principal = statement["Principal"]
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal:
        raise malformed("Invalid principal in policy.")
    for kind, value in principal.items():
        pattern, names = _PRINCIPALS.get(kind), _texts(value)
        if pattern is None or not names:
            raise malformed(f'Invalid principal in policy: "{kind}"')
        for name in names:
            if pattern.fullmatch(name) is None:
                raise malformed(f'Invalid principal in policy: "{kind}":"{name}"')


def _check_condition(condition: object) -> None:
    if not isinstance(condition, dict):
        raise malformed("Syntax errors in policy.")
    for operator, tests in condition.items():
        if operator_of(operator) is None:
            raise malformed(f"Invalid Condition type : {operator}.")
        if not isinstance(tests, dict) or not tests:
            raise malformed("Syntax errors in policy.")
        for key, values in tests.items():
            _check_test(key, values)


def _check_test(key: str, values: object) -> None:
    if ":" not in key:
        raise malformed(f"Condition keys must begin with a vendor prefix: {key}")
    listed = values if isinstance(values, list) else [values]
    if not listed or not all(isinstance(value, str | bool | int | float) for value in listed):
        raise malformed("Syntax errors in policy.")


def inline_policy_size(inner: Inner) -> Step:
    """Make the step for PutRolePolicy."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        role_name = call.params["RoleName"]
        role = inner.role(call.account, role_name)
        if role is not None:
            documents = {**role["InlinePolicies"], call.params["PolicyName"]: call.params["PolicyDocument"]}
            if sum(map(counted_characters, documents.values())) > INLINE_POLICY_CHARS_PER_ROLE:
                raise RefusalError(
                    "LimitExceeded",
                    f"Maximum policy size of {INLINE_POLICY_CHARS_PER_ROLE} bytes exceeded for role {role_name}",
                    409,
                )
        return await proceed(call)

    return step
