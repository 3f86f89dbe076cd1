"""The provider's configuration: the inputs of ``pulumi:providers:aws`` that it implements.

``pulumi_aws`` sends values other than texts as JSON texts; plain values are accepted too.
Behaviour: bridge ``config_encoding.go``.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fleet.pulumi_cli.steps import opened
from oidc.errors import UsageError
from sandbox.engine.values import Properties, folded

IMPLEMENTED = (
    "accessKey", "allowedAccountIds", "assumeRoles", "defaultTags", "endpoints", "maxRetries", "profile", "region",
    "secretKey", "token",
)  # fmt: skip
"""Inputs that the provider acts on, by their names on the wire."""

WITHOUT_EFFECT = (
    "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "skipRequestingAccountId", "version",
    "__internal",
)  # fmt: skip
"""Inputs for checks that this provider does not have, and the package's version."""

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


@dataclass(frozen=True)
class AssumeRole:
    """One role to assume, to reach the account; ``duration`` in seconds, 0 for AWS's default of an hour."""

    role_arn: str
    session_name: str = "pulumi"
    external_id: str = ""
    duration: int = 0


@dataclass(frozen=True)
class Configuration:
    """The account, the credentials and the endpoints of the provider.

    Attributes:
        endpoints: URLs by service: ``{"iam": "http://127.0.0.1:4566"}``.
        default_tags: Tags on every resource; a resource's own tag of the same key wins.
        allowed_account_ids: The accounts that may be changed; empty for any.
        max_retries: How often a throttled call is repeated; 25 by default, as with the official provider.
    """

    region: str
    endpoints: Mapping[str, str]
    profile: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    assume_roles: tuple[AssumeRole, ...] = ()
    allowed_account_ids: tuple[str, ...] = ()
    default_tags: Mapping[str, str] = field(default_factory=dict)
    max_retries: int = 25


def unknown_inputs(inputs: Properties) -> list[str]:
    """List the inputs that the provider does not implement."""
    return [name for name, value in inputs.items() if value is not None and name not in {*IMPLEMENTED, *WITHOUT_EFFECT}]


def in_state(inputs: Properties) -> Properties:
    """Return the inputs as the official provider keeps them in the state: JSON compact, with sorted keys."""
    return {name: value if opened(value) is value else folded(opened(value)) for name, value in inputs.items()}


def differing(old: Properties, new: Properties) -> list[str]:
    """List the inputs that differ in more than the text of their JSON."""
    return [name for name in sorted({*old, *new}) if opened(old.get(name)) != opened(new.get(name))]


def parse(inputs: Properties) -> Configuration:
    """Read the provider's inputs.

    Raises:
        UsageError: An input has the wrong type or form.
    """
    roles = [_role(block) for block in _list(inputs, "assumeRoles")]
    blocks = [block for block in _list(inputs, "endpoints") if isinstance(block, dict)]
    accounts = _list(inputs, "allowedAccountIds")
    tags = _mapping(inputs, "defaultTags").get("tags")
    retries = _unwrapped(inputs, "maxRetries")
    return Configuration(
        region=_text(inputs, "region"),
        endpoints={service: str(url) for block in blocks for service, url in block.items() if url},
        profile=_text(inputs, "profile"),
        access_key=_text(inputs, "accessKey"),
        secret_key=_text(inputs, "secretKey"),
        token=_text(inputs, "token"),
        assume_roles=tuple(roles),
        allowed_account_ids=tuple(map(str, accounts)),
        default_tags={str(key): str(value) for key, value in tags.items()} if isinstance(tags, Mapping) else {},
        max_retries=int(retries) if isinstance(retries, int | float) else 25,
    )


def _unwrapped(inputs: Properties, name: str) -> object:
    value = inputs.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise UsageError(f"AWS provider: {name} is not the JSON text that pulumi_aws sends: {value!r}") from error


def _list(inputs: Properties, name: str) -> list[object]:
    value = _unwrapped(inputs, name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UsageError(f"AWS provider: {name} is not a list")
    return value


def _mapping(inputs: Properties, name: str) -> Mapping[str, object]:
    value = _unwrapped(inputs, name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageError(f"AWS provider: {name} is not a mapping")
    return value


def _text(inputs: Properties, name: str) -> str:
    value = inputs.get(name)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"AWS provider: {name} is not a text")
    return value or ""


def _role(value: object) -> AssumeRole:
    known = {"roleArn", "sessionName", "externalId", "duration"}
    given = {key: item for key, item in value.items() if item} if isinstance(value, Mapping) else {}
    if not given.get("roleArn") or set(given) - known:
        raise UsageError(
            f"AWS provider: assumeRoles needs roleArn, and allows only the keys {', '.join(sorted(known))}"
        )
    return AssumeRole(
        role_arn=str(given["roleArn"]),
        session_name=str(given.get("sessionName", "pulumi")),
        external_id=str(given.get("externalId", "")),
        duration=_seconds(str(given.get("duration", ""))),
    )


def _seconds(duration: str) -> int:
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise UsageError(f"AWS provider: assumeRoles: {duration!r} is not a duration such as 1h or 30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
