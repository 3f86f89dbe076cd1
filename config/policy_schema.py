"""IAM's grammar for identity-based policies as JSON Schema, for editors; ``config.models.permission_policy`` decides.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from typing import Any

from config.variables import FAMILY_VARIABLES, VARIABLES
from config.written import NO_VARIABLES, JsonSchemaValue, exactly_one, text_like, with_variables

_KNOWN = with_variables((*VARIABLES, *FAMILY_VARIABLES))
"""Roles share a document: those of a family may be among them."""
_LATIN = r"[\t\n\r -\u00ff]*"
_TEXT = text_like(rf"{_KNOWN}{_LATIN}", "Latin-1 characters; {{account_id}} and its like are replaced")


def _one_or_more(item: JsonSchemaValue, description: str, example: Any) -> JsonSchemaValue:  # noqa: ANN401 - JSON
    several = {"type": "array", "items": item, "minItems": 1}
    return {"description": description, "examples": [example], "anyOf": [item, several]}


_ACTION = text_like(
    rf"{_KNOWN}(?:\*+|[A-Za-z0-9*?{{}}_-]+:[A-Za-z0-9*?{{}}_-]+)", "SERVICE:ACTION, such as s3:GetObject, or *"
)
_RESOURCE = text_like(
    rf"{_KNOWN}(?=(?:\*+|(?:arn|\$\{{|\{{\{{)[\s\S]*:[\s\S]*)$){_LATIN}",
    "an ARN, such as arn:aws:s3:::bucket/*, or *; {{account_id}} and its like are replaced",
)
_CONDITION_VALUE = {"anyOf": [_TEXT, {"type": ["number", "boolean"]}]}
_CONDITION = {
    "description": "By operator and key, what is compared: {StringEquals: {'aws:PrincipalTag/team': core}}.",
    "examples": [{"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}],
    "type": "object",
    "propertyNames": text_like(_LATIN, "an operator, such as StringEquals"),
    "additionalProperties": {
        "type": "object",
        "propertyNames": text_like(rf"{NO_VARIABLES}{_LATIN}", "a condition key, without variables"),
        "additionalProperties": _one_or_more(_CONDITION_VALUE, "A value or a list of values, dates quoted.", "core"),
    },
}
_STATEMENT = {
    "title": "statement",
    "description": "What is allowed or denied.",
    "type": "object",
    "properties": {
        "Sid": {
            "description": "Names the statement, once in a policy.",
            "examples": ["ReadParameters"],
            **text_like(r"[A-Za-z0-9]*", "letters and digits only"),
        },
        "Effect": {"description": "Allow or Deny.", "examples": ["Allow"], "enum": ["Allow", "Deny"]},
        "Action": _one_or_more(_ACTION, "Actions, with `*` and `?`.", "ssm:GetParameter*"),
        "NotAction": _one_or_more(_ACTION, "All actions but these.", "iam:*"),
        "Resource": _one_or_more(_RESOURCE, "ARNs, with `*` and `?`.", "arn:aws:s3:::site/*"),
        "NotResource": _one_or_more(_RESOURCE, "All resources but these.", "arn:aws:s3:::site/*"),
        "Condition": _CONDITION,
    },
    "required": ["Effect"],
    "additionalProperties": False,
    "allOf": [exactly_one([["NotAction"], ["Action"]]), exactly_one([["NotResource"], ["Resource"]])],
}
POLICY_DOCUMENT: JsonSchemaValue = {
    "title": "policy document",
    "description": "An identity-based policy of IAM.",
    "examples": [
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"}],
        }
    ],
    "type": "object",
    "properties": {
        "Version": {
            "description": "Of the policy language, quoted.",
            "examples": ["2012-10-17"],
            "enum": ["2012-10-17", "2008-10-17"],
        },
        "Id": {"description": "Names the policy.", "examples": ["publish-site"], **_TEXT},
        "Statement": _one_or_more(
            _STATEMENT,
            "A statement, or a list of them.",
            [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"}],
        ),
    },
    "required": ["Version", "Statement"],
    "additionalProperties": False,
}
"""An identity-based policy."""
