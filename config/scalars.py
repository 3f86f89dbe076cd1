"""The single values of the grammar: what each looks like, and what is said of one that does not."""

import re
from collections.abc import Mapping
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from config.faults import fault
from config.variables import check_variables, not_replaced
from oidc import limits
from oidc.identifiers import ACCOUNT_ID_PATTERN, SLUG_PATTERN, UUID_PATTERN, WORKSPACE_SLUG_PATTERN, accepted_spelling

Network: TypeAlias = IPv4Network | IPv6Network


def parse_text(value: object) -> str:
    """Return text; refuse what YAML read as something else, before any other check can misread it.

    Variables are refused, too: they are replaced in permission policies, ARNs and descriptions alone.
    """
    if isinstance(value, str):
        if "{{" in value:
            raise not_replaced(value)
        return value
    raise fault("wrong-type", f"expected text, found {describe(value)}", "quote the value")


def describe(value: object) -> str:
    """Say what YAML made of a value, in words: ``the number 42``, ``a mapping``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"{str(value).lower()}, which is how YAML reads yes, no, on and off"
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        ((int, float), f"the number {value}"),
        (date, f"the date {value}"),
        (Mapping, "a mapping"),
        ((list, tuple), "a list"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), f"`{value}`")


def _uuid(value: object) -> str:
    if isinstance(value, Mapping):
        raise fault(
            "bad-uuid", "an unquoted UUID is a YAML mapping: braces open one", 'quote it, with its braces: "{…}"'
        )
    text = parse_text(value)
    if UUID_PATTERN.fullmatch(text) is None:
        meant = accepted_spelling(text)
        hint = f'write "{meant}"' if meant else 'write it as "{8-4-4-4-12}" in lower-case hex, quoted, braces included'
        raise fault("bad-uuid", f"not a UUID as Bitbucket writes it: {text}", hint)
    return text


def _slug(value: str) -> str:
    if SLUG_PATTERN.fullmatch(value) is None:
        raise fault("bad-name", f"not a name: {value!r}", "use letters, digits, `_`, `.` and `-`")
    return value


def _workspace_slug(value: str) -> str:
    if WORKSPACE_SLUG_PATTERN.fullmatch(value) is None:
        lower = value.lower()
        hint = f"write `{lower}`" if WORKSPACE_SLUG_PATTERN.fullmatch(lower) else "use a-z, 0-9, `_`, `.` and `-`"
        raise fault("bad-name", f"not the slug of a workspace: {value!r}", f"{hint}, as in bitbucket.org/SLUG")
    return value


def _environment_name(value: str) -> str:
    if not value.strip() or value != value.strip() or not value.isprintable():
        raise fault(
            "bad-name", f"not the name of a deployment environment: {value!r}", "write it as Bitbucket shows it"
        )
    return value


def _account_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        raise fault("bad-account-id", f"YAML read an unquoted account id as the number {value}", "quote its 12 digits")
    text = parse_text(value)
    if ACCOUNT_ID_PATTERN.fullmatch(text) is None:
        raise fault("bad-account-id", f"not an AWS account id: {text!r}", 'write its 12 digits, quoted: "012345678901"')
    return text


_DURATION = re.compile(r"([0-9]{1,6})([hms])", re.ASCII)
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def _session_seconds(value: object) -> int:
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        seconds = int(match[1]) * _SECONDS[match[2]]
    elif isinstance(value, int) and not isinstance(value, bool):
        seconds = value
    else:
        found = value if isinstance(value, str) else describe(value)
        raise fault("bad-duration", f"not a duration: {found}", "write 1h, 90m, 5400s or a number of seconds")
    if not limits.SESSION_SECONDS_MIN <= seconds <= limits.SESSION_SECONDS_MAX:
        raise fault(
            "bad-duration", f"{value} is {seconds} seconds, and IAM takes 3600 to 43200", "choose from 1h to 12h"
        )
    return seconds


def _day(value: object) -> date:
    # NOTE: a datetime is a date in Python, and is refused: access ends with a day, not at an hour.
    if type(value) is date:
        return value
    if isinstance(value, str):
        try:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
                return date.fromisoformat(value)
        except ValueError:
            pass
    found = value if isinstance(value, str) else describe(value)
    raise fault("bad-value", f"not a day: {found}", "write the last day of access, UTC, as 2027-01-31")


def _last_day(value: date) -> date:
    if value.year > 9998:  # noqa: PLR2004 - the end of access is the day after, and Python's calendar ends in 9999
        raise fault(
            "bad-value", f"{value} is no day that anybody will see", "leave `expires` out for access without end"
        )
    return value


def _audience(value: object) -> str:
    text = parse_text(value)
    if not 1 <= len(text) <= limits.AUDIENCE_CHARS or not text.isascii() or not text.isprintable() or " " in text:
        raise fault(
            "bad-audience", f"not an audience: {text!r}", "write 1 to 150 printable ASCII characters, no spaces"
        )
    if "*" in text or "${" in text:
        # IAM would read ${…} as a policy variable, and a reader would take * for a wildcard.
        raise fault("bad-audience", f"an audience is compared as a literal: {text}", "write it without `*` and `${`")
    return text


def parse_network(value: object) -> Network:
    """Parse a network in CIDR form, `203.0.113.0/24`, or one address; raises the fault `bad-address`."""
    text = parse_text(value)
    try:
        if "%" not in text:  # a zone of one machine's own means nothing to AWS
            return ip_network(text)
    except ValueError:
        pass
    try:
        meant = f"write {ip_network(text.partition('%')[0], strict=False)}, or the one address alone"
    except ValueError:
        meant = "write a network in CIDR form, such as 203.0.113.0/24"
    raise fault("bad-address", f"not a network: {text}", meant)


def parse_thumbprint(value: object) -> str:
    """Parse 40 hex digits into lower case; raises the fault `bad-thumbprint`."""
    text = parse_text(value)
    if re.fullmatch(r"[0-9a-fA-F]{40}", text, re.ASCII) is None:
        plain = text.replace(":", "").lower()
        meant = f"write {plain}" if re.fullmatch(r"[0-9a-f]{40}", plain, re.ASCII) else "write 40 hex digits, no colons"
        raise fault("bad-thumbprint", f"not a SHA-1 thumbprint: {text}", meant)
    return text.lower()


def _region(value: object) -> str:
    text = parse_text(value)
    if re.fullmatch(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", text, re.ASCII) is None:
        raise fault("bad-value", f"not an AWS region: {text!r}", "write it as eu-west-1")
    return text


def _path(value: object) -> str:
    text = parse_text(value)
    if limits.ROLE_PATH.fullmatch(text) is None or "//" in text or len(text) > limits.ROLE_PATH_CHARS:
        slashed = f"/{text.strip('/')}/"
        hint = (
            f"write {slashed}" if limits.ROLE_PATH.fullmatch(slashed) else "use printable ASCII, at most 512 characters"
        )
        raise fault("bad-name", f"not an IAM path: {text!r}", f"{hint}; a path begins and ends with a slash")
    return text


def _role_name(value: object) -> str:
    text = parse_text(value)
    if limits.ROLE_NAME.fullmatch(text) is None:
        hint = "use 1 to 64 letters, digits and +=,.@_-"
        if "/" in text:
            hint += "; folders belong into `path`, and {{repository_name}} is a repository without its workspace"
        raise fault("bad-name", f"not a name of an IAM role: {text!r}, {len(text)} characters", hint)
    return text


def _reason(value: object) -> str:
    text = parse_text(value)
    if len(text.strip()) < 3:  # noqa: PLR2004 - the shortest thing that could be a reason; empty ones are none
        raise fault("bad-value", f"no reason: {text!r}", "say why, in words that a reviewer can judge")
    return text


def _printable(value: object) -> str:
    text = parse_text(value)
    if not text.strip() or not text.isprintable():
        raise fault("bad-value", f"not a line of text: {text!r}", "write printable text on one line")
    return text


def _description(value: object) -> str:
    if not isinstance(value, str):
        raise fault("wrong-type", f"expected text, found {describe(value)}", "quote the value")
    check_variables(value)
    text = value.strip()
    if not text or limits.DESCRIPTION.fullmatch(text) is None:
        raise fault(
            "bad-value",
            "not a description that IAM takes",
            "write 1 to 1,000 Latin-1 characters, no control characters",
        )
    return text


Text = Annotated[str, BeforeValidator(parse_text)]
Line = Annotated[str, BeforeValidator(_printable)]
Description = Annotated[str, BeforeValidator(_description)]
Uuid = Annotated[str, BeforeValidator(_uuid)]
Slug = Annotated[str, BeforeValidator(parse_text), AfterValidator(_slug)]
WorkspaceSlugText = Annotated[str, BeforeValidator(parse_text), AfterValidator(_workspace_slug)]
EnvironmentName = Annotated[str, BeforeValidator(parse_text), AfterValidator(_environment_name)]
AccountIdText = Annotated[str, BeforeValidator(_account_id)]
SessionSeconds = Annotated[int, BeforeValidator(_session_seconds)]
LastDay = Annotated[date, BeforeValidator(_day), AfterValidator(_last_day)]
Audience = Annotated[str, BeforeValidator(_audience)]
SourceNetwork = Annotated[Network, PlainValidator(parse_network)]
Region = Annotated[str, BeforeValidator(_region)]
RolePath = Annotated[str, BeforeValidator(_path)]
RoleName = Annotated[str, BeforeValidator(_role_name)]
Reason = Annotated[str, BeforeValidator(_reason)]
TrustPolicyChars = Annotated[int, Field(strict=True, ge=limits.TRUST_POLICY_CHARS, le=limits.TRUST_POLICY_CHARS_MAX)]
