"""AWS accounts, and the credentials that the program uses in them."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator

from config.allow import Allow
from config.findings import each_once, fault, parse_each
from config.json_schema_hints import EACH_ONCE, Looks, Or, example
from config.models.aws_values import AccountIdText, Region, RoleName, TrustPolicyChars
from config.models.base import Distinct, DistinctList, InventoryModel, short_form
from config.models.bitbucket_values import WorkspaceSlugText
from config.models.guardrail_values import PolicyGlob
from config.models.scalars import Reason, Slug, Text, describe, list_hint, matching, parse_text
from config.policy.reference import RoleArn
from oidc import limits
from oidc.arn import Partition


class AccountsByLabel(InventoryModel):
    """Accounts that have all of the given labels."""

    expected = "accounts: [KEY, …] or {labels: {…}, exclude: […]}"

    labels: Annotated[dict[Slug, Text], Field(min_length=1), example({"env": "prod"}, since="0.1")]
    """All of them."""
    exclude: Annotated[Distinct[Text], example(["legacy-*"], since="0.1")] = ()
    """Keys or globs to leave out."""


_ACCOUNTS = "write [KEY, …] or {labels: {…}}"


_LABEL = re.compile(r"\s*(?:(?:labels?|tags?)\b\s*[:=.]?)?\s*([A-Za-z0-9_.-]+)\s*[:=]+\s*([^\s:=]+)\s*")
"""A label as people write it in place of a key: ``label:env=prod``, ``env=prod``, ``labels.env: prod``."""


_KEY_OR_GLOB = re.compile(r"[A-Za-z0-9_.*]+[A-Za-z0-9_.*-]*", re.ASCII)
_EVERY = ("*", "all", "any", "every")


def _by_label(labels: Mapping[str, str]) -> str:
    inner = ", ".join(f"{key}: {value}" for key, value in labels.items())
    return f"to select by label, write `accounts: {{labels: {{{inner}}}}}`"


def _labels_meant(value: object) -> str | None:
    """Return the hint for a label in another form than that of the grammar; ``None`` for anything else."""
    if isinstance(value, str):
        match = _LABEL.fullmatch(value)
        return _by_label({match[1]: match[2]}) if match is not None else None
    if not isinstance(value, dict) or not value:
        return None
    labels = value["labels"] if value.keys() == {"labels"} and isinstance(value["labels"], dict) else value
    is_labels = not labels.keys() & {"labels", "label", "exclude"}
    texts = all(isinstance(part, str) for part in (*labels, *labels.values()))
    return _by_label(labels) if is_labels and texts else None


def _parse_account(value: object) -> str:
    # No key has a colon or an equals sign, so neither has a glob of keys.
    if (hint := _labels_meant(value)) is not None:
        raise fault("wrong-type", "expected a key or a glob of accounts, found a label", hint)
    if isinstance(value, int) and value >= _LEAST_ID:
        raise fault("wrong-type", f"expected a key, found the number {value}", "write the account's key, not its id")
    return parse_text(value)


_LEAST_ID = 10**9
"""Ids have 12 digits, of which the first ones may be zeros that YAML drops."""


def _parse_accounts(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    if isinstance(value, list | tuple):
        return each_once(parse_each(value, _parse_account))
    by_label = _labels_meant(value) if not isinstance(value, dict) or "labels" not in value else None
    if by_label is not None:
        raise fault("wrong-type", "expected accounts, found a label", by_label)
    if isinstance(value, dict):
        return AccountsByLabel.model_validate(value)
    hint = list_hint(value, _ACCOUNTS)
    if isinstance(value, str) and _KEY_OR_GLOB.fullmatch(value):
        hint = f"write [{value}]" if value.lower() not in _EVERY else 'write ["*"] for every account'
    raise fault("wrong-type", f"expected accounts, found {describe(value)}", hint)


_AccountList = Annotated[tuple[Text, ...], EACH_ONCE]
Accounts = Annotated[
    tuple[str, ...] | AccountsByLabel,
    PlainValidator(_parse_accounts, json_schema_input_type=_AccountList | AccountsByLabel),
]
"""Keys or globs of accounts, or {labels: …, exclude: …}."""


class OidcProviderMode(StrEnum):
    """Where OIDC providers come from: made here, left to their owner, taken into the stack, or chosen by the lock."""

    CREATE = "create"
    REFERENCE = "reference"
    ADOPT = "adopt"
    AUTO = "auto"


_EXTERNAL_ID = "2 to 1,224 letters, digits and _+=,.@:/\\-"
_SESSION_NAME = "2 to 64 letters, digits and _+=,.@-"
ExternalId = Annotated[
    str,
    # The message does not repeat the value, which some people treat as a secret.
    BeforeValidator(matching(limits.EXTERNAL_ID, "bad-value", "not an external id", f"use {_EXTERNAL_ID}")),
    Looks("external id", _EXTERNAL_ID, "b7f3a2c1", limits.EXTERNAL_ID),
]
SessionName = Annotated[
    str,
    BeforeValidator(matching(limits.SESSION_NAME, "bad-value", "not a session name: {!r}", f"use {_SESSION_NAME}")),
    Looks("session name", _SESSION_NAME, "access-of-pipelines", limits.SESSION_NAME),
]


class DeployRole(InventoryModel):
    """The role that the program assumes in an account; the short form is its ARN."""

    expected = "a deploying role: its ARN, or {arn: …, external_id: …, session_name: …}"

    arn: Annotated[RoleArn, example("arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy", since="0.1")]
    """May contain variables."""
    external_id: Annotated[ExternalId | None, example("b7f3a2c1", since="0.1")] = None
    """sts:ExternalId, if the role's trust policy requires it."""
    session_name: Annotated[SessionName | None, example("access-of-pipelines", since="0.1")] = None
    """Shown in CloudTrail; by default bitbucket-aws-oidc."""


DeployRoleForm = Annotated[DeployRole, short_form("arn"), Or(RoleArn)]


class Quotas(InventoryModel):
    """Quotas that AWS raised in an account."""

    trust_policy_chars: Annotated[TrustPolicyChars, example(4096, since="0.1")] = limits.TRUST_POLICY_CHARS.default
    """Characters of a trust policy."""
    managed_policies_per_role: Annotated[int, example(25, since="0.1")] = Field(
        default=limits.MANAGED_POLICIES_PER_ROLE.default, strict=True, ge=1, le=limits.MANAGED_POLICIES_PER_ROLE.most
    )
    """Managed policies of one role."""
    roles: Annotated[int, example(5000, since="0.1")] = Field(
        default=limits.ROLES_PER_ACCOUNT.default, strict=True, ge=1, le=limits.ROLES_PER_ACCOUNT.most
    )
    """Roles in the account."""
    oidc_providers: Annotated[int, example(300, since="0.1")] = Field(
        default=limits.OIDC_PROVIDERS_PER_ACCOUNT.default, strict=True, ge=1, le=limits.OIDC_PROVIDERS_PER_ACCOUNT.most
    )
    """OIDC providers in the account."""


class Account(InventoryModel):
    """An AWS account."""

    expected = 'an account: {id: "012345678901", …}'
    of_text = '{id: "TEXT"}'

    id: Annotated[AccountIdText, example("222222222222", since="0.1")]
    """Its id, quoted."""
    partition: Annotated[Partition, example("aws-us-gov", since="0.1")] = Partition.AWS
    """Its partition."""
    region: Annotated[Region | None, example("eu-west-1", since="0.1")] = None
    """For {{region}} and the AWS provider; IAM itself has no regions."""
    deploy_role: Annotated[
        DeployRoleForm | None, example("arn:aws:iam::222222222222:role/PulumiDeploy", since="0.1")
    ] = None
    """The role to assume in the account, with the credentials of `profile` if both are set."""
    profile: Annotated[Text | None, example("prod", since="0.1")] = None
    """A named profile of the AWS configuration."""
    previous_keys: Annotated[DistinctList[Slug], example(["production"], since="0.1")] = ()
    """Former keys; resources that stacks created under them stay unchanged."""
    labels: Annotated[dict[Slug, Text], example({"env": "prod", "team": "core"}, since="0.1")] = Field(
        default_factory=dict
    )
    """For selecting accounts; never put on resources."""
    oidc_provider: Annotated[OidcProviderMode | None, example("reference", since="0.1")] = None
    """Where its OIDC providers come from."""
    keep_oidc_providers: Annotated[Distinct[WorkspaceSlugText], example(["acme"], since="0.1")] = ()
    """Workspaces whose OIDC provider it has even if none of its roles trusts them."""
    accept_unchecked_roles: Annotated[
        dict[RoleName, Reason], example({"legacy-deploy": "is deleted in March"}, since="0.1")
    ] = Field(default_factory=dict)
    """Roles of others that check no audience, so an added one may open them: {NAME: reason}."""
    attachable_policies: Annotated[DistinctList[PolicyGlob], example(["aws:*ReadOnly*"], since="0.2")] = ()
    """Managed policies that the deploying role may attach; [] for exactly those that roles of this account have."""
    quotas: Annotated[Quotas, example({"trust_policy_chars": 4096}, since="0.1")] = Quotas()
    """Raised quotas, in place of those in the lock."""
    allow: Allow = Field(default_factory=dict)
    """Accepted warnings: {RULE-ID: reason}."""
