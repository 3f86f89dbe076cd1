"""Permission policies, by name: what a role may do, as inline policy of the role."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from config.allow import Allow
from config.faults import fault
from config.models.base import InventoryModel
from config.policy_schema import POLICY_DOCUMENT
from config.scalars import Description, Text, describe
from config.variables import strings_in, variables_in
from config.written import Named, exactly_one, example

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
    def _a_mapping(cls, value: Any) -> Any:  # noqa: ANN401 - what YAML holds
        """Take any mapping: ``config.policy_documents`` judges what is in it, all faults at once."""
        if not isinstance(value, Mapping):
            hint = "write {Version: …, Statement: […]}"
            raise fault("bad-policy-document", f"expected a policy document, found {describe(value)}", hint)
        return value

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Self:
        if (self.file is None) == (self.document is None):
            found = "neither `file` nor `document`" if self.file is None else "both `file` and `document`"
            raise fault("bad-policy-document", f"{found}", "give the policy once: in a file, or here")
        return self
