"""Permission policies, by name: what a role may do, as inline policy of the role."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from config.allow import Allow
from config.faults import fault
from config.models.base import InventoryModel
from config.policy_schema import POLICY_DOCUMENT
from config.scalars import Description, Text, describe
from config.variables import check_all_variables, strings_in, variables_in
from config.written import Named, exactly_one, example
from config.yaml_document import Path

_VERSIONS = ("2012-10-17", "2008-10-17")
_ACTION = re.compile(r"[A-Za-z0-9*?{}_-]+:[A-Za-z0-9*?{}_-]+", re.ASCII)
_RESOURCE = re.compile(r"(?:arn|\$\{|\{\{).*:.*", re.DOTALL)
_FORMS = {
    "Action": (_ACTION, "SERVICE:ACTION, such as s3:GetObject, or *"),
    "Resource": (_RESOURCE, "an ARN, such as arn:aws:s3:::bucket/*, or *"),
}
"""What AWS takes as an action and as a resource, besides ``*``; variables may stand for any part."""
_POLICY_TEXT = re.compile("[\t\n\r -\u00ff]*")
_STATEMENT_KEYS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})


_DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"}],
}


class PermissionPolicy(InventoryModel):
    """A permission policy: a document here, or in a JSON file."""

    model_config = ConfigDict(json_schema_extra=exactly_one([["document"], ["file"]]))

    expected = "a permission policy: {file: …} or {document: {…}}"

    description: Annotated[Description | None, example("Files of the site", since="0.1")] = None
    """For readers of the inventory."""
    file: Annotated[Text | None, example("policies/publish-site.json", since="0.1")] = None
    """A JSON file, relative to this file, inside the inventory folder."""
    document: Annotated[dict[str, Any] | None, Named(POLICY_DOCUMENT), example(_DOCUMENT, since="0.1")] = None
    """The policy itself: Version and Statement."""
    allow: Annotated[Allow, example({"expired": "kept for the auditors until spring"}, since="0.1")] = Field(
        default_factory=dict
    )
    """Warnings that are accepted here: {RULE-ID: reason}."""

    @cached_property
    def variables(self) -> frozenset[str]:
        """The names in double braces in the document: ``{"account_id"}``. Many roles share it, and ask."""
        return frozenset().union(*(variables_in(text) for text in strings_in(self.document)))

    @field_validator("document", mode="before")
    @classmethod
    def _an_identity_policy(cls, value: Any) -> Any:  # noqa: ANN401 - what YAML holds
        return checked_policy_document(value)

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Self:
        if (self.file is None) == (self.document is None):
            found = "neither `file` nor `document`" if self.file is None else "both `file` and `document`"
            raise fault("bad-policy-document", f"{found}", "give the policy once: in a file, or here")
        return self


def checked_policy_document(value: Any) -> dict[str, Any]:  # noqa: ANN401 - parsed JSON or YAML
    """Return an identity-based policy; raise the fault ``bad-policy-document`` where IAM's grammar has none like it.

    An unquoted ``Version`` is a date to YAML, and is taken for the text it looks like.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    if not isinstance(value, Mapping):
        raise _bad((), f"expected a policy document, found {describe(value)}", "write {Version: …, Statement: […]}")
    _check_characters((), value)
    if not isinstance(value.get("Id", ""), str):
        raise _bad(("Id",), f"Id is {describe(value['Id'])}", "write text, or leave it out")
    version = value.get("Version")
    if str(version) not in _VERSIONS:
        raise _bad(("Version",), f"Version is {describe(version)}", 'write Version: "2012-10-17"')
    if unknown := sorted(value.keys() - {"Version", "Id", "Statement"}):
        raise _bad((unknown[0],), f"`{unknown[0]}` is not part of a policy", "write Version and Statement")
    statements = value.get("Statement")
    if not statements:
        raise _bad((), "it has no statement", "add `Statement:` with at least one")
    if isinstance(statements, list | tuple):
        _check_statements([(("Statement", position), statement) for position, statement in enumerate(statements)])
    else:
        _check_statements([(("Statement",), statements)])
    check_all_variables(value)
    return {**value, "Version": str(version)}


def _check_statements(statements: Sequence[tuple[Path, Any]]) -> None:
    sids: set[str] = set()
    for at, statement in statements:
        _check_statement(at, statement)
        sid = statement.get("Sid", "")
        if not isinstance(sid, str) or not re.fullmatch(r"[A-Za-z0-9]*", sid, re.ASCII):
            raise _bad((*at, "Sid"), f"Sid is {describe(sid)}", "use letters and digits only")
        if sid and sid in sids:
            raise _bad((*at, "Sid"), f"Sid {sid} stands twice", "give each statement a Sid of its own, or none")
        sids.add(sid)


def _check_statement(at: Path, statement: Any) -> None:  # noqa: ANN401 - parsed JSON or YAML
    if not isinstance(statement, Mapping):
        raise _bad(at, f"a statement is {describe(statement)}", "write {Effect: …, Action: …, Resource: …}")
    if unknown := sorted(statement.keys() - _STATEMENT_KEYS):
        reason = "a permission policy never says who" if "Principal" in unknown[0] else "no such element"
        hint = f"use {', '.join(sorted(_STATEMENT_KEYS))}"
        raise _bad((*at, unknown[0]), f"a statement has `{unknown[0]}`: {reason}", hint)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _bad((*at, "Effect"), f"Effect is {describe(statement.get('Effect'))}", "write Allow or Deny")
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (one in statement) == (other in statement):
            found = f"both {one} and {other}" if one in statement else f"neither {one} nor {other}"
            raise _bad(at, f"a statement has {found}", "use exactly one of the two")
        key = one if one in statement else other
        _check_texts((*at, key), statement[key], *_FORMS[one])
    _check_condition((*at, "Condition"), statement.get("Condition", {}))


def _check_condition(at: Path, condition: Any) -> None:  # noqa: ANN401 - parsed JSON or YAML
    if not isinstance(condition, Mapping) or not all(isinstance(tests, Mapping) for tests in condition.values()):
        raise _bad(at, "not a condition", "write {OPERATOR: {KEY: VALUE}}")
    for operator, tests in condition.items():
        for key, value in tests.items():
            values = value if isinstance(value, list | tuple) else [value]
            if not values or not all(_is_scalar(item) for item in values):
                hint = "write a value or a list of values, dates quoted"
                raise _bad((*at, operator, key), f"the condition on {key} is {describe(value)}", hint)


def _is_scalar(value: Any) -> bool:  # noqa: ANN401 - parsed JSON or YAML
    return isinstance(value, str | int | bool) or (isinstance(value, float) and math.isfinite(value))


def _check_characters(at: Path, value: Any) -> None:  # noqa: ANN401 - parsed JSON or YAML
    """IAM takes Latin-1 without control characters, tab and line ends aside (API_PutRolePolicy)."""
    if isinstance(value, str) and not _POLICY_TEXT.fullmatch(value):
        raise _bad(at, "a character that IAM takes in no policy", "use Latin-1 characters")
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_characters((*at, key), key)
            _check_characters((*at, key), item)
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_characters((*at, index), item)


def _check_texts(at: Path, value: Any, form: re.Pattern[str], looks: str) -> None:  # noqa: ANN401 - parsed JSON or YAML
    values = value if isinstance(value, list | tuple) else [value]
    if not values or not all(isinstance(item, str) and item for item in values):
        raise _bad(at, f"{at[-1]} is {describe(value)}", "write text or a list of texts")
    for item in values:
        if item.strip("*") and not form.fullmatch(item):
            raise _bad(at, f"{item} is not what AWS takes as {at[-1]}", f"write {looks}")


def _bad(at: Path, message: str, hint: str) -> Exception:
    return fault("bad-policy-document", message, hint, at)
