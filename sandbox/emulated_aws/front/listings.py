"""Gaps of ministack's ListRoles and GetAccountAuthorizationDetails: they have no pages, and their fields are not AWS's.

ListRoles gives neither tags nor a permissions boundary, and a description only if the role has one.
GetAccountAuthorizationDetails gives roles and users with their boundaries, but no description and no session duration.
The type of a boundary is ``Policy``, as real AWS answers and API_AttachedPermissionsBoundary.html says in its text.
Two gaps are left: its managed policies have no dates and counts, and no policy of AWS is among them. Sources:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html,
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html and
https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleDetail.html.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step, success

_NAMESPACE = "{https://iam.amazonaws.com/doc/2010-05-08/}"
_DEFAULT_PAGE, _LARGEST_PAGE = 100, 1000


class _Item(NamedTuple):
    """A member of a list; items sort as their position does: ``"2/shop-deploy"``."""

    position: str
    list_name: str
    element: ET.Element


async def role_listing(call: AwsCall, proceed: Proceed) -> Answer:
    """Answer ListRoles: sorted by name, a page at a time."""
    return await _paged(call, proceed, {"Roles": "RoleName"}, _as_listed)


def authorization_details(inner: Inner) -> Step:
    """Make the step for GetAccountAuthorizationDetails: a page has members of all four lists together."""
    lists = {
        "UserDetailList": "UserName",
        "GroupDetailList": "GroupName",
        "RoleDetailList": "RoleName",
        "Policies": "Arn",
    }

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        records = {"UserDetailList": inner.user, "RoleDetailList": inner.role}

        def complete(item: _Item) -> None:
            if item.list_name in records:
                name = _text(item.element, lists[item.list_name])
                _add_boundary(item.element, records[item.list_name](call.account, name) or {})

        return await _paged(call, proceed, lists, complete)

    return step


async def _paged(
    call: AwsCall, proceed: Proceed, lists: Mapping[str, str], complete: Callable[[_Item], None]
) -> Answer:
    """Answer with one page of ministack's lists.

    Args:
        call: The call.
        proceed: The continuation.
        lists: The names of the lists in their order, each with the element that its members are sorted by.
        complete: Makes a member as AWS gives it.
    """
    size, after = _page_size(call), _marker(call)
    status, headers, body = await proceed(call)
    if status != HTTPStatus.OK:
        return status, headers, body
    following = [item for item in _items(body, lists) if item.position > after]
    page, more = following[:size], ""
    if len(following) > size:
        more = f"<Marker>{urlsafe_b64encode(page[-1].position.encode()).decode()}</Marker>"
    for item in page:
        complete(item)
    parts = {name: "".join(_written(item.element) for item in page if item.list_name == name) for name in lists}
    rendered = "".join(f"<{name}>{members}</{name}>" for name, members in parts.items())
    return success(call.action, f"{rendered}<IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}")


def _items(body: bytes, lists: Mapping[str, str]) -> list[_Item]:
    answer = ET.fromstring(body)  # noqa: S314 - ministack's own answer
    for element in answer.iter():
        element.tag = element.tag.removeprefix(_NAMESPACE)
    return sorted(
        _Item(f"{number}/{_text(member, name)}", list_name, member)
        for number, (list_name, name) in enumerate(lists.items())
        for member in answer.iterfind(f".//{list_name}/member")
    )


def _page_size(call: AwsCall) -> int:
    asked = call.params.get("MaxItems", str(_DEFAULT_PAGE))
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked) <= _LARGEST_PAGE):
        raise RefusalError("ValidationError", f"Value '{asked}' at 'maxItems' must be from 1 to {_LARGEST_PAGE}")
    return int(asked)


def _marker(call: AwsCall) -> str:
    """Return the last position of the page before; the empty string for the first page."""
    try:
        return urlsafe_b64decode(call.params.get("Marker", "")).decode()
    except ValueError as error:
        raise RefusalError("ValidationError", "Invalid Marker.") from error


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(name, "")


def _as_listed(item: _Item) -> None:
    role = item.element
    for absent in (*role.findall("Tags"), *(text for text in role.findall("Description") if not text.text)):
        role.remove(absent)


def _add_boundary(element: ET.Element, record: Mapping[str, Any]) -> None:
    if boundary := record.get("PermissionsBoundary"):
        text = (
            "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>"
            f"<PermissionsBoundaryArn>{escape(str(boundary))}</PermissionsBoundaryArn></PermissionsBoundary>"
        )
        element.append(ET.fromstring(text))  # noqa: S314 - as above, with its own record


def _written(element: ET.Element) -> str:
    return ET.tostring(element, encoding="unicode")
