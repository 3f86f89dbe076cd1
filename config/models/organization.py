"""Accounts selected in AWS Organizations, by organizational unit and by tags."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, StrictBool

from config.findings import each_once, fault, parse_each
from config.json_schema_hints import EACH_ONCE, Looks, example
from config.models.account import DeployRoleForm
from config.models.base import Distinct, InventoryModel
from config.models.scalars import Text, describe_list, list_hint, parse_text
from oidc.arn import Partition

_ID = r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}"
"""https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html and API_Root.html."""

ID_PATTERN = re.compile(_ID, re.ASCII)
_NAMES_PATTERN = re.compile(r"(?!/)[^\x00-\x1f\x7f-\x9f]{1,700}(?<!/)")


def _organizational_unit(value: object) -> str:
    text = parse_text(value)
    if re.match(r"(?:ou|r)-", text) and ID_PATTERN.fullmatch(text) is None:
        hint = "write it as ou-ab12-11111111, or r-ab12 for the root"
        raise fault("bad-value", f"not the id of an organizational unit: {text!r}", hint)
    if _NAMES_PATTERN.fullmatch(text) is None:
        hint = "write its id, ou-ab12-11111111, or the names from below the root: Workloads/Production"
        raise fault("bad-value", f"not an organizational unit: {text!r}", hint)
    return text


OrganizationalUnit = Annotated[
    str,
    BeforeValidator(_organizational_unit),
    Looks(
        "organizational unit",
        "its id, or the names from below the root to it: Workloads/Production",
        "ou-ab12-11111111",
        rf"{_ID}|(?!/|ou-|r-)(?![\s\S]*\{{\{{)[^\x00-\x1f\x7f-\x9f]{{0,699}}[^/\x00-\x1f\x7f-\x9f]",
    ),
]


_UnitList = Annotated[tuple[OrganizationalUnit, ...], Field(min_length=1), EACH_ONCE]


def _units(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if isinstance(value, list | tuple) and value:
        return each_once(parse_each(value, _organizational_unit))
    message = f"expected organizational units, found {describe_list(value)}"
    raise fault("bad-value", message, list_hint(value, "write [ou-ab12-11111111, …]"))


class Organization(InventoryModel):
    """Accounts of one organization."""

    expected = "an organization: {ou: […], …}"

    ou: Annotated[
        tuple[str, ...],
        PlainValidator(_units, json_schema_input_type=_UnitList),
        example(["ou-ab12-11111111", "Workloads/Production"], since="0.1"),
    ]
    """Organizational units; the root by its id."""
    nested: Annotated[StrictBool, example(value=False, since="0.1")] = True
    """false: not accounts of units below."""
    tags: Annotated[dict[Text, Text], example({"env": "prod"}, since="0.1")] = Field(default_factory=dict)
    """Only accounts with all of these tags."""
    exclude: Annotated[Distinct[Text], example(["999999999999", "sandbox-*"], since="0.1")] = ()
    """Ids, keys or globs of keys to leave out."""
    partition: Annotated[Partition, example("aws-us-gov", since="0.1")] = Partition.AWS
    """Of the organization and its accounts."""
    profile: Annotated[Text | None, example("management", since="0.1")] = None
    """A profile of the AWS configuration that may list them."""
    role: Annotated[DeployRoleForm | None, example("arn:aws:iam::999999999999:role/ListAccounts", since="0.1")] = None
    """A role that may list them, in the management account or a delegated administrator's."""


class AccountsFrom(InventoryModel):
    """The source of accounts that the inventory does not list."""

    expected = "accounts_from: {organization: {ou: […], …}}"

    organization: Annotated[Organization, example({"ou": ["ou-ab12-11111111"]}, since="0.1")]
    """`bitbucket-oidc lock --aws` writes its accounts into the lock."""
