"""Permission policies, and IAM's grammar for them as JSON Schema for editors; ``config.policy.documents`` decides.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from config.allow import Allow
from config.findings import fault
from config.json_schema_hints import (
    NO_VARIABLES,
    JsonSchemaValue,
    Named,
    exactly_one,
    example,
    text_like,
    with_variables,
)
from config.models.base import InventoryModel, a_list
from config.models.scalars import Description, Slug, Text, describe
from config.variables import FAMILY_VARIABLES, VARIABLES, strings_in, variables_in

_KNOWN = with_variables((*VARIABLES, *FAMILY_VARIABLES))
"""Roles share a document, and some of them may belong to a family."""
_LATIN = r"[\t\n\r -\u00ff]*"
_TEXT = text_like(rf"{_KNOWN}{_LATIN}", "Latin-1 characters; variables such as {{account_id}} are replaced")


def _one_or_more(item: JsonSchemaValue, description: str, example: Any) -> JsonSchemaValue:  # noqa: ANN401 - JSON
    several = {"type": "array", "items": item, "minItems": 1}
    return {"description": description, "examples": [example], "anyOf": [item, several]}


_ACTION = text_like(
    rf"{_KNOWN}(?:\*+|[A-Za-z0-9*?{{}}_-]+:[A-Za-z0-9*?{{}}_-]+)", "SERVICE:ACTION, such as s3:GetObject, or *"
)
_RESOURCE = text_like(
    rf"{_KNOWN}(?=(?:\*+|(?:arn|\$\{{|\{{\{{)[\s\S]*:[\s\S]*)$){_LATIN}",
    "an ARN, such as arn:aws:s3:::bucket/*, or *; variables such as {{account_id}} are replaced",
)
_CONDITION_VALUE = {"anyOf": [_TEXT, {"type": ["number", "boolean"]}]}
_CONDITION = {
    "description": "Compared values by operator and key: {StringEquals: {'aws:PrincipalTag/team': core}}.",
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
    "description": "Allows or denies actions on resources.",
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
_DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"}],
}
POLICY_DOCUMENT: JsonSchemaValue = {
    "title": "policy document",
    "description": "An identity-based policy of IAM.",
    "examples": [_DOCUMENT],
    "type": "object",
    "properties": {
        "Version": {
            "description": "Version of the policy language, quoted.",
            "examples": ["2012-10-17"],
            "enum": ["2012-10-17", "2008-10-17"],
        },
        "Id": {"description": "Names the policy.", "examples": ["publish-site"], **_TEXT},
        "Statement": _one_or_more(
            _STATEMENT,
            "A statement, or a list of them.",
            _DOCUMENT["Statement"],
        ),
    },
    "required": ["Version", "Statement"],
    "additionalProperties": False,
}
"""An identity-based policy."""


class PermissionPolicy(InventoryModel):
    """A permission policy: a document here, or in a JSON file."""

    model_config = ConfigDict(json_schema_extra=exactly_one([["document"], ["file"]]))

    expected = "a permission policy: {file: …} or {document: {…}}"
    of_text = "{file: TEXT}"

    description: Annotated[Description | None, example("Files of the site", since="0.1")] = None
    """For readers of the inventory."""
    file: Annotated[Text | None, example("policies/publish-site.json", since="0.1")] = None
    """A JSON file, relative to this file, inside the inventory folder."""
    document: Annotated[dict[str, Any] | None, Named(POLICY_DOCUMENT), example(_DOCUMENT, since="0.1")] = None
    """The policy itself."""
    allow: Allow = Field(default_factory=dict)
    """Accepted warnings: {RULE-ID: reason}."""

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names in double braces in the document: ``{"account_id"}``. Cached, because many roles share it."""
        return frozenset().union(*(variables_in(text) for text in strings_in(self.document)))

    @field_validator("document", mode="before")
    @classmethod
    def _a_mapping(cls, value: Any) -> Any:  # noqa: ANN401 - what YAML holds
        """Accept any mapping; ``config.policy.documents`` reports all faults inside it at once."""
        if not isinstance(value, Mapping):
            hint = "write {Version: …, Statement: […]}"
            raise fault("bad-policy-document", f"expected a policy document, found {describe(value)}", hint)
        return value

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Self:
        if (self.file is None) == (self.document is None):
            keys = "neither `file` nor `document`" if self.file is None else "both `file` and `document`"
            raise fault("bad-policy-document", keys, "give the policy once: in a file, or here")
        return self


_NAME_ITS_KEY = "put the document under `permission_policies`, and write its key here: [KEY]"


def _policy_key(value: object) -> object:
    if isinstance(value, dict):
        raise fault("wrong-type", "expected the key of a permission policy, found a document", _NAME_ITS_KEY)
    if isinstance(value, str) and value.startswith(("arn:", "aws:", "account:")):
        raise fault("bad-name", f"{value} is a managed policy", "put it under `managed_policies`")
    return value


def _policy_keys(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if isinstance(value, dict):
        raise fault("wrong-type", "expected keys of permission policies, found a mapping", _NAME_ITS_KEY)
    return a_list(value)


PolicyKeys = Annotated[tuple[Annotated[Slug, BeforeValidator(_policy_key)], ...], BeforeValidator(_policy_keys)]
"""Keys of permission policies, as roles have them."""
