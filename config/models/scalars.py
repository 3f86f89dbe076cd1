"""Scalars of the grammar: the form of each, and the fault of a value with another form."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, PlainValidator
from pydantic_core import PydanticCustomError

from config.findings import fault
from config.json_schema_hints import NO_VARIABLES, PRINTABLE, Looks, with_variables
from config.variables import VARIABLES, check_variables, not_replaced
from config.yaml.characters import as_it_looks
from oidc import limits
from oidc.identifiers import SLUG_PATTERN

Network: TypeAlias = IPv4Network | IPv6Network


def parse_text(value: object) -> str:
    """Return a text; raise ``wrong-type`` for a value that YAML read as another type.

    Variables raise ``bad-variable``: they are replaced only in permission policies, ARNs and descriptions.
    """
    if isinstance(value, str):
        if "{{" in value:
            raise not_replaced(value)
        return value
    raise not_text(value)


def not_text(value: object) -> PydanticCustomError:
    """Return the ``wrong-type`` error of a value that YAML read as another type."""
    hint = "write one text here" if isinstance(value, (dict, list)) else "quote the value"
    return fault("wrong-type", f"expected text, found {describe(value)}", hint)


def matching(pattern: re.Pattern[str], rule: str, message: str, hint: str) -> Callable[[object], str]:
    """Return the validator of a text that a pattern matches.

    Args:
        pattern: For the whole text.
        rule: The rule of the fault for another text.
        message: Its message, with ``{}`` or ``{!r}`` for the text: ``not an AWS region: {!r}``.
        hint: Its hint.
    """

    def parse(value: object) -> str:
        text = parse_text(value)
        if pattern.fullmatch(text) is None:
            raise fault(rule, message.format(text), hint)
        return text

    return parse


def describe(value: object) -> str:
    """Return in words how YAML read a value: ``the number 42``, ``a mapping``."""
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


def describe_list(value: object) -> str:
    """Return ``describe`` of a value in place of a list that must not be empty."""
    return "an empty list" if value == [] else describe(value)


def list_hint(value: object, otherwise: str) -> str:
    """Return the hint for a value in place of a list: how to write the list that was meant, else ``otherwise``."""
    text = as_it_looks(value) if isinstance(value, str) else ""
    if re.match(r"-\w", text):
        return "write a space after each dash: `- …`"
    return f"write {text}, in plain characters" if text != value and text.startswith("[") else otherwise


def parse_day(value: object, write: str) -> date:
    """Parse a day, ``2027-01-31``; ``write`` is the hint of the fault ``bad-value`` for anything else."""
    # NOTE: a datetime is a date in Python. It is refused, because the grammar has days and no hours.
    if type(value) is date:
        return value
    if isinstance(value, str):
        try:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
                return date.fromisoformat(value)
        except ValueError:
            pass
    raise fault("bad-value", f"not a day: {value if isinstance(value, str) else describe(value)}", write)


def _last_day(value: object) -> date:
    value = parse_day(value, "write the last day of access, UTC, as 2027-01-31")
    if value.year > 9998:  # noqa: PLR2004 - access ends on the day after, and Python's calendar ends in 9999
        raise fault("bad-value", f"{value} is after the year 9998", "leave `expires` out for access without end")
    return value


def _past_day(value: object) -> date:
    return parse_day(value, "write the day on which somebody checked, as 2026-11-01")


def parse_network(value: object) -> Network:
    """Parse a network in CIDR form, `203.0.113.0/24`, or one address; raises the fault `bad-address`."""
    text = parse_text(value)
    try:
        if "%" not in text:  # only one machine knows its zones; AWS does not
            return ip_network(text)
    except ValueError:
        pass
    try:
        meant = f"write {ip_network(text.partition('%')[0], strict=False)}, or the address without a prefix length"
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


def _reason(value: object) -> str:
    text = parse_text(value)
    if len(text.strip()) < 3:  # noqa: PLR2004 - the shortest possible reason
        raise fault("bad-value", f"not a reason: {text!r}", "say why, in words that a reviewer can judge")
    return text


def _printable(value: object) -> str:
    text = parse_text(value)
    if not text.strip() or not text.isprintable():
        raise fault("bad-value", f"not a line of text: {text!r}", "write printable text on one line")
    return text


def _description(value: object) -> str:
    if not isinstance(value, str):
        raise not_text(value)
    check_variables(value)
    text = value.strip()
    if not text or limits.DESCRIPTION.fullmatch(text) is None:
        hint = "write 1 to 1,000 Latin-1 characters, no control characters"
        raise fault("bad-value", "not a description that IAM takes", hint)
    return text


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_OCTETS = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_NETWORK_LIKE = (
    rf"{_OCTETS}(?:/(?:0*(?:[12]?[0-9]|3[0-2])|{_OCTETS}))?"
    rf"|(?=[^/]*:)[0-9a-fA-F:.]+(?:/0*(?:[1-9]?[0-9]|1[01][0-9]|12[0-8]))?"
)
_DAY_LIKE = r"(?!0000|9999)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"

Text = Annotated[
    str, BeforeValidator(parse_text), Looks("text", "text, without variables", "core", rf"{NO_VARIABLES}[\s\S]*")
]
Line = Annotated[
    str,
    BeforeValidator(_printable),
    Looks(
        "line", "printable text on one line, without variables", "team-payments", rf"{NO_VARIABLES}(?=.*\S){PRINTABLE}+"
    ),
]
Description = Annotated[
    str,
    BeforeValidator(_description),
    Looks(
        "description",
        "1 to 1,000 Latin-1 characters; variables such as {{account}} are replaced",
        "Deploys payments",
        rf"{with_variables(VARIABLES)}\s*(?=\S)[\t\n\r -~¡-ÿ]{{1,1000}}\s*",
    ),
]
Slug = Annotated[
    str,
    BeforeValidator(matching(SLUG_PATTERN, "bad-name", "not a name: {!r}", "use letters, digits, `_`, `.` and `-`")),
    Looks("name", "letters, digits, `_`, `.` and `-`", "payments", SLUG_PATTERN),
]
LastDay = Annotated[
    date,
    BeforeValidator(_last_day),
    Looks("day", "a day, such as 2027-01-31", "2027-01-31", _DAY_LIKE, {"format": "date"}),
]
PastDay = Annotated[
    date,
    BeforeValidator(_past_day),
    Looks("past day", "a past day, such as 2026-11-01", "2026-11-01", _DAY_LIKE, {"format": "date"}),
]
SourceNetwork = Annotated[
    Network,
    PlainValidator(parse_network),
    Looks("network", "a network in CIDR form, such as 203.0.113.0/24, or one address", "203.0.113.0/24", _NETWORK_LIKE),
]
Thumbprint = Annotated[
    str,
    BeforeValidator(parse_thumbprint),
    Looks(
        "thumbprint",
        "the SHA-1 of a certificate: 40 hex digits, no colons",
        "9e99a48a9960b14926bb7f3b02e22da2b0ab7280",
        r"[0-9a-fA-F]{40}",
    ),
]
Reason = Annotated[
    str,
    BeforeValidator(_reason),
    Looks(
        "reason",
        "why, in words that a reviewer can judge",
        "kept for the auditors until spring",
        rf"{NO_VARIABLES}\s*\S[\s\S]+\S\s*",
    ),
]
