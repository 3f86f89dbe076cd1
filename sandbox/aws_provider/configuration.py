"""The provider's configuration: the inputs of ``pulumi:providers:aws`` that it implements.

In ``pulumi_aws`` everything that is no text travels as JSON text; values that are not wrapped are taken as well.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from oidc.errors import UsageError
from sandbox.engine.values import Properties

IMPLEMENTED = (
    "accessKey", "allowedAccountIds", "assumeRoles", "defaultTags", "endpoints", "maxRetries", "profile", "region",
    "secretKey", "token",
)  # fmt: skip
"""Inputs that the provider acts on, by their names on the wire."""

WITHOUT_EFFECT = (
    "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "skipRequestingAccountId", "version",
    "__internal",
)  # fmt: skip
"""Inputs about checks that this provider does not make, and the package's version."""

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


@dataclass(frozen=True)
class AssumeRole:
    """One role to assume on the way into the account; ``duration`` in seconds, 0 for AWS's default of an hour."""

    role_arn: str
    session_name: str = "pulumi"
    external_id: str = ""
    duration: int = 0


@dataclass(frozen=True)
class Configuration:
    """Which account the provider works in, as whom, and where its AWS stands.

    Attributes:
        endpoints: Service names to URLs, such as ``{"iam": "http://127.0.0.1:4566"}``.
        default_tags: Tags on every resource; a resource's own of the same key win.
        allowed_account_ids: Accounts that may be touched; empty for any.
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
    max_retries: int = 2


def unknown_inputs(inputs: Properties) -> list[str]:
    """List the inputs that the provider does not implement."""
    return [name for name, value in inputs.items() if value is not None and name not in {*IMPLEMENTED, *WITHOUT_EFFECT}]


def parse(inputs: Properties) -> Configuration:
    """Read the provider's inputs.

    Raises:
        UsageError: one has not the shape it should have.
    """
    roles = [_role(one) for one in _list(inputs, "assumeRoles")]
    blocks = [one for one in _list(inputs, "endpoints") if isinstance(one, dict)]
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
        allowed_account_ids=tuple(str(one) for one in accounts),
        default_tags={str(key): str(value) for key, value in tags.items()} if isinstance(tags, Mapping) else {},
        max_retries=int(retries) if isinstance(retries, int | float) else 2,
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
    found = _unwrapped(inputs, name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise UsageError(f"AWS provider: {name} is no list")
    return found


def _mapping(inputs: Properties, name: str) -> Mapping[str, object]:
    found = _unwrapped(inputs, name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise UsageError(f"AWS provider: {name} is no mapping")
    return found


def _text(inputs: Properties, name: str) -> str:
    found = inputs.get(name)
    if found is not None and not isinstance(found, str):
        raise UsageError(f"AWS provider: {name} is no text")
    return found or ""


def _role(value: object) -> AssumeRole:
    known = {"roleArn", "sessionName", "externalId", "duration"}
    given = {key: one for key, one in value.items() if one} if isinstance(value, Mapping) else {}
    if not given.get("roleArn") or set(given) - known:
        raise UsageError(
            f"AWS provider: assumeRoles needs roleArn, and takes no other keys than {', '.join(sorted(known))}"
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
        raise UsageError(f"AWS provider: assumeRoles: {duration!r} is no duration such as 1h or 30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
