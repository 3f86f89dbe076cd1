"""Gap: ministack lists all roles of an account at once, and their tags with them. AWS lists pages, and no tags.

Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html ("MaxItems … If you do not include this
parameter, the number of items defaults to 100"; "this operation does not return … PermissionsBoundary, RoleLastUsed,
Tags").
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from xml.etree import ElementTree as ET

from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, Call, Proceed, RefusalError, Step, success

_NAMESPACE = "{https://iam.amazonaws.com/doc/2010-05-08/}"
_DEFAULT_PAGE, _LARGEST_PAGE = 100, 1000


def role_listing(_inner: Inner) -> Step:
    """Make the step for ListRoles: sorted by name, a page at a time."""

    async def step(call: Call, proceed: Proceed) -> Answer:
        status, headers, body = await proceed(call)
        if status != 200:  # noqa: PLR2004 - HTTP
            return status, headers, body
        size, after = _page_size(call), _marker(call)
        found = ET.fromstring(body).iterfind(f".//{_NAMESPACE}Roles/{_NAMESPACE}member")  # noqa: S314 - ministack's own answer
        roles = sorted(((_name(role), role) for role in found), key=lambda one: one[0])
        rest = [(name, role) for name, role in roles if name > after]
        page = rest[:size]
        more = ""
        if len(rest) > size:
            more = f"<Marker>{urlsafe_b64encode(page[-1][0].encode()).decode()}</Marker>"
        members = "".join(_without_tags(role) for _, role in page)
        truncated = str(bool(more)).lower()
        return success(call.action, f"<Roles>{members}</Roles><IsTruncated>{truncated}</IsTruncated>{more}")

    return step


def _page_size(call: Call) -> int:
    asked = call.params.get("MaxItems", str(_DEFAULT_PAGE))
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked) <= _LARGEST_PAGE):
        raise RefusalError("ValidationError", f"Value '{asked}' at 'maxItems' must be from 1 to {_LARGEST_PAGE}")
    return int(asked)


def _marker(call: Call) -> str:
    """Return the name that the page before ended with; the empty string is before all names."""
    try:
        return urlsafe_b64decode(call.params.get("Marker", "")).decode()
    except ValueError as error:
        raise RefusalError("ValidationError", "Invalid Marker.") from error


def _name(role: ET.Element) -> str:
    return role.findtext(f"{_NAMESPACE}RoleName", "")


def _without_tags(role: ET.Element) -> str:
    for tags in role.findall(f"{_NAMESPACE}Tags"):
        role.remove(tags)
    for element in role.iter():
        element.tag = element.tag.removeprefix(_NAMESPACE)
    return ET.tostring(role, encoding="unicode")
