"""The text of a policy document: its size as AWS counts it, and its JSON without a key given twice."""

import json
from typing import Any

from sandbox.emulated_aws.query import RefusalError


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
        RefusalError: It is no JSON object, or an object in it has a key twice.
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
