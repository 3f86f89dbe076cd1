"""Read events of CloudTrail: the calls of AssumeRoleWithWebIdentity that it recorded.

The elements of an event are in https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html and
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html. An event holds
no token; of an admitted call it holds credentials, which nothing here reads.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from access.explanation.names import Names
from access.explanation.subjects import subject_parts
from config.findings import one_line
from oidc.bitbucket import default_audience, issuer_url
from oidc.errors import UsageError
from oidc.identifiers import BitbucketUuid, WorkspaceSlug

_EVENT = "AssumeRoleWithWebIdentity"
_IN_ARN = ":oidc-provider/"
_HTTPS = "https://"


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call of AssumeRoleWithWebIdentity.

    Attributes:
        at: Its time, UTC.
        role_arn: The role that it asked for: ``arn:aws:iam::222222222222:role/bitbucket/shop-deploy``.
        subject: Of the token: ``{9a6d6bde-…}:{c2b1a5de-…}:{11111111-…}``.
        issuer: Of the token, with ``https://``, or empty if the event lacks it.
        audience: Of the token, or empty if the event lacks it.
        source_ip: Where the call came from, or ``None`` if it has no address.
        vpc_endpoint: The VPC endpoint that it went through, or ``None``.
        error: ``AccessDenied``, or empty if STS gave credentials.
    """

    at: datetime
    role_arn: str
    subject: str
    issuer: str = ""
    audience: str = ""
    source_ip: str | None = None
    vpc_endpoint: str | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class RepeatedCall:
    """Calls that differ only in their times and in the UUIDs of their steps: the last one, and how many."""

    last: RecordedCall
    times: int


def recorded_calls(text: str) -> tuple[RepeatedCall, ...]:
    """Return the calls in events of CloudTrail, the latest first.

    Args:
        text: One event, a list of events, a log file (``Records``), the answer of ``aws cloudtrail lookup-events``
            (``Events``) or an event of EventBridge (``detail``), as JSON.

    Raises:
        UsageError: It is not JSON, or has no such call.
    """
    try:
        data = json.loads(text)
    except (RecursionError, ValueError):
        raise UsageError("the event is not JSON", do=_GIVE) from None
    calls = [call for event in _events(data) if (call := _call(event)) is not None]
    if not calls:
        raise UsageError(f"there is no call of {_EVENT} with role, subject and time in the event", do=_GIVE)
    groups: dict[object, list[RecordedCall]] = {}
    for call in sorted(calls, key=lambda call: call.at):
        who = ":".join(subject_parts(call.subject) or [call.subject, ""]).rpartition(":")[0]
        key = (call.role_arn, who, call.issuer, call.audience, call.source_ip, call.vpc_endpoint, call.error)
        groups.setdefault(key, []).append(call)
    repeated = [RepeatedCall(calls[-1], len(calls)) for calls in groups.values()]
    return tuple(sorted(repeated, key=lambda group: group.last.at, reverse=True))


_GIVE = "give an event of CloudTrail, or the answer of `aws cloudtrail lookup-events`"


def _events(data: object) -> Iterator[Mapping[str, Any]]:
    """Yield the events in any of the forms; what is in none of them is left out."""
    for event in data if isinstance(data, list) else [data]:
        if not isinstance(event, dict):
            continue
        inner = event.get("Records") or event.get("Events") or event.get("detail")
        if isinstance(event.get("CloudTrailEvent"), str):
            try:
                inner = json.loads(event["CloudTrailEvent"])
            except (RecursionError, ValueError):
                continue
        if isinstance(inner, list | dict):
            yield from _events(inner)
        else:
            yield event


def _call(event: Mapping[str, Any]) -> RecordedCall | None:
    """Return the call of an event; ``None`` for another event, or for one without role, subject or time."""
    if event.get("eventName") != _EVENT:
        return None
    identity, asked, answered = (
        _part(event, name) for name in ("userIdentity", "requestParameters", "responseElements")
    )
    provider = _text(identity, "identityProvider") or _text(answered, "provider")
    subject = _text(identity, "userName") or _text(answered, "subjectFromWebIdentityToken")
    # The id of the principal is `PROVIDER:AUDIENCE:SUBJECT`.
    principal = _text(identity, "principalId")
    named = principal.removeprefix(f"{provider}:").removesuffix(f":{subject}")
    audience = _text(answered, "audience") or ("" if named == principal else named)
    role_arn, at = _text(asked, "roleArn"), _time(_text(event, "eventTime"))
    if not role_arn or not subject or at is None:
        return None
    issuer = provider.partition(_IN_ARN)[2] if _IN_ARN in provider else provider.removeprefix(_HTTPS)
    return RecordedCall(
        at, role_arn, subject, f"{_HTTPS}{issuer}" if issuer else "", audience,
        _address(_text(event, "sourceIPAddress")), _text(event, "vpcEndpointId") or None, _text(event, "errorCode"),
    )  # fmt: skip


def _part(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = event.get(name)
    return part if isinstance(part, dict) else {}


def _text(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name)
    return value if isinstance(value, str) else ""


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _address(text: str) -> str | None:
    """Return an address; AWS services have a name in its place, such as ``AWS Internal``."""
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def claims_of_call(call: RecordedCall, names: Names) -> tuple[dict[str, Any], Sequence[str]]:
    """Return the claims of the token of a call, and notes on those that the event lacks.

    Args:
        call: The call.
        names: Names of the inventory. They tell the workspace of a repository.

    Raises:
        UsageError: The event lacks the issuer or the audience, and the inventory has no repository of the subject.
    """
    if call.issuer and call.audience:
        return {"iss": call.issuer, "aud": call.audience, "sub": call.subject}, ()
    slug = names.repositories.get(call.subject.partition(":")[0], "").partition("/")[0]
    uuid = next((uuid for uuid, name in names.workspaces.items() if name == slug), "")
    if not uuid:
        what = f"the event has no {'issuer' if not call.issuer else 'audience'}, and the inventory has no repository of"
        raise UsageError(f"{what} the subject {one_line(call.subject)}", do="give the claims: --claims")
    own = {"iss": issuer_url(WorkspaceSlug(slug)), "aud": default_audience(BitbucketUuid(uuid)), "sub": call.subject}
    lacking = " and ".join(name for name, value in (("issuer", call.issuer), ("audience", call.audience)) if not value)
    claims = own | {name: value for name, value in (("iss", call.issuer), ("aud", call.audience)) if value}
    return claims, (f"the event has no {lacking}: the workspace's own is taken",)
