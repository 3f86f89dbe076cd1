"""What auto comes to follows from who owns what is there, and stays."""

from typing import Any

import pytest

from access.oidc_providers import resolved_use
from config.lock.models import LockedOidcProvider
from config.models.account import OidcProviderMode

AUTO, ADOPT = OidcProviderMode.AUTO, OidcProviderMode.ADOPT


def locked(state: Any, use: Any = None) -> LockedOidcProvider:
    return LockedOidcProvider(state=state).model_copy(update={"use": use})


@pytest.mark.parametrize(
    ("owner", "use"),
    [
        (None, "create"),
        ("unknown", "adopt"),
        ("this_program", "adopt"),
        ("cloudformation", "reference"),
        ("terraform", "reference"),
    ],
)
def test_auto_without_a_lock_follows_from_the_owner(owner: Any, use: str) -> None:
    assert resolved_use(AUTO, owner, None) == use


@pytest.mark.parametrize(
    ("before", "owner"),
    [
        (locked("absent", "create"), None),
        (locked("absent", "create"), "this_program"),
        (locked("present", "create"), "this_program"),
        (locked("absent"), "this_program"),
        (locked("present", "adopt"), "unknown"),
        (locked("present", "adopt"), "this_program"),
        (locked("present"), "unknown"),
        (locked("present", "reference"), "terraform"),
        (locked("present", "reference"), "cloudformation"),
    ],
)
def test_auto_stays_what_it_came_to(before: LockedOidcProvider, owner: Any) -> None:
    former = before.use or ("adopt" if before.state == "present" else "create")
    assert resolved_use(AUTO, owner, before) == former


@pytest.mark.parametrize(
    ("before", "owner", "use"),
    [
        (locked("absent", "create"), "unknown", "adopt"),
        (locked("present", "create"), "terraform", "reference"),
        (locked("present", "adopt"), None, "create"),
        (locked("present", "adopt"), "cloudformation", "reference"),
        (locked("present", "reference"), None, "create"),
        (locked("present", "reference"), "unknown", "adopt"),
        (locked("present", "reference"), "this_program", "adopt"),
    ],
)
def test_auto_decides_again_if_the_oidc_provider_no_longer_fits(
    before: LockedOidcProvider, owner: Any, use: str
) -> None:
    assert resolved_use(AUTO, owner, before) == use


def test_an_explicit_adoption_is_remembered_for_a_change_to_create() -> None:
    create = OidcProviderMode.CREATE
    assert resolved_use(ADOPT, "unknown", None) == "adopt"
    assert resolved_use(ADOPT, None, None) is None
    assert resolved_use(create, "unknown", locked("present", "adopt")) == "adopt"
    assert resolved_use(create, "unknown", locked("present")) is None
    assert resolved_use(create, None, locked("present", "adopt")) is None


def test_what_create_made_stays_so_under_auto() -> None:
    made = resolved_use(OidcProviderMode.CREATE, "this_program", None)
    assert made == "create"
    assert resolved_use(AUTO, "this_program", locked("present", made)) == "create"


def test_auto_decides_afresh_where_aws_was_asked_under_another_mode() -> None:
    referred_to = LockedOidcProvider(state="present", owner="terraform")
    assert resolved_use(OidcProviderMode.REFERENCE, "terraform", None) is None
    assert resolved_use(AUTO, "terraform", referred_to) == "reference"
