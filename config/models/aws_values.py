"""Values of AWS: the form of each, and the fault of a value with another form."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from config.findings import fault
from config.json_schema_hints import NO_VARIABLES, Looks, Named, ignoring_case, text_like
from config.known_names import meant_region
from config.models.scalars import describe, parse_text
from config.variables import not_replaced
from config.yaml.characters import as_it_looks
from oidc import limits
from oidc.identifiers import ACCOUNT_ID_PATTERN


def _account_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        raise fault("bad-account-id", f"YAML read an unquoted account id as the number {value}", "quote its 12 digits")
    text = parse_text(value)
    if ACCOUNT_ID_PATTERN.fullmatch(text) is None:
        digits = re.sub(r"[\s\"'-]", "", as_it_looks(text))
        meant = digits if ACCOUNT_ID_PATTERN.fullmatch(digits) else "012345678901"
        raise fault("bad-account-id", f"not an AWS account id: {text!r}", f'write its 12 digits, quoted: "{meant}"')
    return text


_DURATION = re.compile(r"([0-9]{1,6})([hms])", re.ASCII)
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def _session_seconds(value: object) -> int:
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        seconds = int(match[1]) * _SECONDS[match[2]]
    elif isinstance(value, int) and not isinstance(value, bool):
        seconds = value
    else:
        duration = value if isinstance(value, str) else describe(value)
        raise fault("bad-duration", f"not a duration: {duration}", "write 1h, 90m, 5400s or a number of seconds")
    if not limits.SESSION_SECONDS_MIN <= seconds <= limits.SESSION_SECONDS_MAX:
        raise fault(
            "bad-duration", f"{value} is {seconds} seconds, and IAM takes 3600 to 43200", "choose from 1h to 12h"
        )
    return seconds


REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", re.ASCII)
"""The form of a region: ``eu-west-1``."""


def _region(value: object) -> str:
    text = parse_text(value)
    if REGION.fullmatch(text) is None:
        meant = meant_region(text)
        hint = f"write {meant}" if meant is not None else "write the name of a region, such as eu-west-1"
        raise fault("bad-value", f"not an AWS region: {text!r}", hint)
    return text


def parse_vpc_endpoint(value: object) -> str:
    """Parse the id of a VPC endpoint, ``vpce-0123456789abcdef0``; raises the fault ``bad-vpc-endpoint``."""
    text = parse_text(value)
    if limits.VPC_ENDPOINT_ID.fullmatch(text) is None:
        lower = text.strip().lower()
        meant = lower if limits.VPC_ENDPOINT_ID.fullmatch(lower) else "vpce- and its 8 or 17 hex digits"
        raise fault("bad-vpc-endpoint", f"not the id of a VPC endpoint: {text!r}", f"write {meant}")
    return text


_AWS_PATHS = ("aws-service-role", "aws-reserved")
"""First parts of paths that only AWS uses: for service-linked roles, and for roles of IAM Identity Center
(https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html,
https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html)."""


def _path(value: object) -> str:
    text = parse_text(value)
    if limits.ROLE_PATH.fullmatch(text) is None or "//" in text or len(text) > limits.ROLE_PATH_CHARS:
        if len(text) > limits.ROLE_PATH_CHARS:
            raise fault("bad-name", f"an IAM path of {len(text)} characters", "shorten it: IAM takes 512")
        slashed = re.sub("/+", "/", f"/{text}/")
        hint = f"write {slashed}" if limits.ROLE_PATH.fullmatch(slashed) else "use printable ASCII"
        raise fault("bad-name", f"not an IAM path: {text!r}", f"{hint}; a path begins and ends with a slash")
    parts = text.split("/")
    if text.lower().startswith(tuple(f"/{part}/" for part in _AWS_PATHS)):
        message = f"IAM keeps the path /{parts[1]}/ for roles that AWS creates"
        raise fault("bad-name", message, "write another path, such as /bitbucket/")
    if "." in parts or ".." in parts:
        message = f"not an IAM path: {text!r} has the part `{'..' if '..' in parts else '.'}`"
        raise fault("bad-name", message, "write the path without it: IAM has no folder above or below")
    return text


def _role_name(value: object) -> str:
    text = parse_text(value)
    if limits.ROLE_NAME.fullmatch(text) is None:
        hint = "use 1 to 64 letters, digits and +=,.@_-"
        if "/" in text:
            hint += "; put folders into `path`; use {{repository_name}} for a repository without its workspace"
        raise fault("bad-name", f"not an IAM role name: {text!r}, {len(text)} characters", hint)
    return text


_NO_PATH_OF_AWS = rf"(?!/(?:{'|'.join(map(ignoring_case, _AWS_PATHS))})/)"
_HOURS_LIKE = r"0*(?:[1-9]|1[0-2])h"
_MINUTES_LIKE = r"0*(?:[6-9][0-9]|[1-6][0-9]{2}|7[01][0-9]|720)m"
_SECONDS_LIKE = r"0*(?:3[6-9][0-9]{2}|[4-9][0-9]{3}|[1-3][0-9]{4}|4[0-2][0-9]{3}|43[01][0-9]{2}|43200)s"
_SESSION = "1h, 90m, 5400s or a number of seconds, from 1h to 12h"
_SESSION_FORMS = [
    text_like(f"{_HOURS_LIKE}|{_MINUTES_LIKE}|{_SECONDS_LIKE}", _SESSION),
    {"type": "integer", "minimum": limits.SESSION_SECONDS_MIN, "maximum": limits.SESSION_SECONDS_MAX},
]

AccountIdText = Annotated[
    str,
    BeforeValidator(_account_id),
    Looks("account id", '12 digits, quoted: "012345678901"', "012345678901", ACCOUNT_ID_PATTERN),
]
SessionSeconds = Annotated[
    int, BeforeValidator(_session_seconds), Looks("duration", _SESSION, "1h", None, {"anyOf": _SESSION_FORMS})
]
Region = Annotated[
    str,
    BeforeValidator(_region),
    Looks("region", "an AWS region, such as eu-west-1", "eu-west-1", REGION),
]
VpcEndpointId = Annotated[
    str,
    BeforeValidator(parse_vpc_endpoint),
    Looks("VPC endpoint", "vpce- and 8 or 17 hex digits", "vpce-0123456789abcdef0", limits.VPC_ENDPOINT_ID),
]
RolePath = Annotated[
    str,
    BeforeValidator(_path),
    Looks(
        "IAM path",
        "printable ASCII that begins and ends with a slash, without variables; not a path that only AWS uses",
        "/bitbucket/",
        rf"{NO_VARIABLES}{_NO_PATH_OF_AWS}/(?:(?!\.\.?/)[!-.0-~]+/)*",
        {"maxLength": limits.ROLE_PATH_CHARS},
    ),
]
RoleName = Annotated[
    str,
    BeforeValidator(_role_name),
    Looks("role name", "1 to 64 letters, digits and +=,.@_-", "payments-deploy", limits.ROLE_NAME),
]
TrustPolicyChars = Annotated[
    int, Field(strict=True, ge=limits.TRUST_POLICY_CHARS.default, le=limits.TRUST_POLICY_CHARS.most)
]


RESERVED_TAGS = frozenset({"managedby", "managedbystack"})
"""Tags that the program sets on every resource (``components``), in lower case."""


def tag_problem(key: str, value: object) -> tuple[str, str] | None:
    """Return the message and hint for a faulty tag, or ``None``."""
    if not isinstance(value, str):
        return f"the value of tag {key} is {describe(value)}", "quote it"
    if limits.TAG_KEY.fullmatch(key) is None:
        return f"not a tag key: {key!r}", "use 1 to 128 letters, digits, spaces and _.:/=+-@, not beginning with `aws:`"
    if limits.TAG_VALUE.fullmatch(value) is None:
        return f"not a tag value: {value!r}", "use at most 256 letters, digits, spaces and _.:/=+-@"
    return None


def _tags(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise fault("wrong-type", f"expected tags, found {describe(value)}", "write {Key: value}")
    seen: dict[str, str] = {}
    for key, text in value.items():
        if isinstance(text, str) and "{{" in text:
            raise not_replaced(text, (key,))
        if problem := tag_problem(key, text):
            raise fault("bad-tag", *problem, at=(key,))
        if (first := seen.setdefault(key.lower(), key)) != key:
            raise fault("bad-tag", f"{key} and {first} are one key to IAM, which ignores case", "keep one", at=(key,))
        if key.lower() in RESERVED_TAGS:
            message = f"the program itself sets the tag {key}, to show who manages a resource"
            raise fault("bad-tag", message, "remove it", (key,))
    if len(value) > limits.TAGS_PER_RESOURCE - len(RESERVED_TAGS):
        message = f"{len(value)} tags, but IAM takes {limits.TAGS_PER_RESOURCE}, including {len(RESERVED_TAGS)} of ours"
        raise fault("bad-tag", message, "remove some")
    return dict(value)


_TAG_CHARACTER = r"""[^\x00-\x1f!"#$%&'()*,;<>?\[\\\]^`{|}~]"""
"""The ASCII characters of ``limits.TAG_KEY``, and all others: patterns of JSON Schema do not know Unicode's letters."""
_RESERVED_LIKE = "|".join([f"{ignoring_case('aws')}:", *(f"{ignoring_case(word)}$" for word in sorted(RESERVED_TAGS))])
_SCHEMA = {
    "title": "tags",
    "description": "Tags of IAM: {KEY: value}, unique ignoring case.",
    "examples": [{"Service": "payments"}],
    "type": "object",
    "propertyNames": text_like(
        rf"(?!{_RESERVED_LIKE}){_TAG_CHARACTER}{{1,128}}",
        "1 to 128 letters, digits, spaces and _.:/=+-@, neither `aws:` nor a tag that the program sets",
    ),
    "additionalProperties": text_like(
        rf"{_TAG_CHARACTER}{{0,256}}", "at most 256 letters, digits, spaces and _.:/=+-@, quoted"
    ),
    "maxProperties": limits.TAGS_PER_RESOURCE - len(RESERVED_TAGS),
}

Tags = Annotated[dict[str, str], BeforeValidator(_tags), Named(_SCHEMA)]
