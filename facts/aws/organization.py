"""Which accounts an organization has in some organizational units, with their tags."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from access.owners import tags_of
from config.models.organization import ID_PATTERN, Organization
from facts.aws.callers import Caller
from facts.aws.failures import explained
from oidc.errors import AwsError

_MAY_LIST = "give it the policy that `bitbucket-oidc deploy-policy --organization` prints, in the management account"
_ACTIVE = "ACTIVE"


@dataclass(frozen=True, slots=True, order=True)
class OrganizationAccount:
    """An account of an organization.

    Attributes:
        id: Twelve digits.
        name: ``Payments (prod)``.
        state: ``ACTIVE``, ``SUSPENDED``, ``PENDING_CLOSURE`` and so on.
        tags: By key; empty for one that is not active.
    """

    id: str
    name: str
    state: str
    tags: Mapping[str, str]

    @property
    def is_active(self) -> bool:
        """Whether roles can be made in it."""
        return self.state == _ACTIVE


def list_accounts(caller: Caller, organization: Organization) -> tuple[OrganizationAccount, ...]:
    """Return the accounts of the organizational units that are named, sorted by id, whatever their state and tags.

    Raises:
        AwsError: There is no such organizational unit, or the organization cannot be asked.
    """
    client = caller.client("organizations")
    with explained("which accounts the organization has", denied=_MAY_LIST):
        found: dict[str, Mapping[str, Any]] = {}
        for unit in _units(client, organization):
            found.update((str(one["Id"]), one) for one in _pages(client, "list_accounts_for_parent", "Accounts", unit))
        return tuple(_account(client, one) for _, one in sorted(found.items()))


def _account(client: Any, found: Mapping[str, Any]) -> OrganizationAccount:  # noqa: ANN401 - botocore's, made at run time
    # `Status` is what `State` was called before: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    state = str(found.get("State") or found["Status"])
    asked = state == _ACTIVE
    tags = _pages(client, "list_tags_for_resource", "Tags", found["Id"], by="ResourceId") if asked else []
    return OrganizationAccount(str(found["Id"]), str(found["Name"]), state, tags_of(tags))


def _units(client: Any, organization: Organization) -> Iterator[str]:  # noqa: ANN401 - as above
    """Yield the ids of the units that are named and, unless told otherwise, of those below, each once."""
    done: set[str] = set()
    waiting = [_id_of(client, unit) for unit in organization.ou]
    while waiting:
        unit = waiting.pop()
        if unit in done:
            continue
        done.add(unit)
        yield unit
        if organization.nested:
            waiting += [str(one["Id"]) for one in _below(client, unit)]


def _id_of(client: Any, unit: str) -> str:  # noqa: ANN401 - as above
    """Return the id of a unit that is named by it, or by the names on the way to it."""
    if ID_PATTERN.fullmatch(unit):
        return unit
    (root,) = client.list_roots()["Roots"]
    found = str(root["Id"])
    for name in unit.split("/"):
        below = {str(one["Name"]): str(one["Id"]) for one in _below(client, found)}
        if name not in below:
            known = ", ".join(sorted(below)) or "none"
            what = f"the organization has no unit {unit!r}: there is no {name!r}, and the units there are {known}"
            raise AwsError(what, do="correct `ou` under `accounts_from`, or name the unit by its id")
        found = below[name]
    return found


def _below(client: Any, parent: str) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401 - as above
    return _pages(client, "list_organizational_units_for_parent", "OrganizationalUnits", parent)


def _pages(client: Any, operation: str, key: str, of: str, *, by: str = "ParentId") -> list[Mapping[str, Any]]:  # noqa: ANN401 - as above
    try:
        return [one for page in client.get_paginator(operation).paginate(**{by: of}) for one in page[key]]
    except client.exceptions.ParentNotFoundException as error:
        what = f"the organization has no organizational unit {of}"
        raise AwsError(what, do="correct `ou` under `accounts_from`") from error
