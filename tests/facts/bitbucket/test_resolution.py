"""What is made of Bitbucket's answers: UUIDs for the lock, and what is otherwise than inventory and lock say."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from config.lock import Lock
from config.lock.questions import questions_of
from config.models.inventory import Inventory
from facts.bitbucket.answers import RepositoryAnswer
from facts.bitbucket.resolution import Resolved, resolve
from tests.facts.bitbucket.in_memory import InMemory, uuid

ACME, SHOP, PRODUCTION = 1, 2, 3
BITBUCKET: dict[str, Any] = {
    "workspaces": {"acme": ACME},
    "repositories": {"acme/shop": SHOP},
    "environments": {"acme/shop": {"production": PRODUCTION, "staging": 4}},
    "former": {},
}


def inventory(
    workspace: int | None = None,
    shop: int | None = None,
    production: int | None = None,
    slug: str = "acme",
    **more: object,
) -> Inventory:
    """Return one that names the given UUIDs itself, and says more of the workspace."""
    environments = {"production": uuid(production) if production else None}
    repository = {"environments": environments} | ({"uuid": uuid(shop)} if shop else {})
    acme = {"repositories": {"shop": repository}, **more} | ({"uuid": uuid(workspace)} if workspace else {})
    role = {"accounts": ["prod"], "trust": [{"repository": f"{slug}/shop", "environments": ["production"]}]}
    data = {"workspaces": {slug: acme}, "accounts": {"prod": {"id": "222222222222"}}, "roles": {"deploy": role}}
    return Inventory.model_validate(data)


def lock(workspace: int = ACME, shop: int = SHOP, production: int = PRODUCTION) -> Lock:
    repository = {"uuid": uuid(shop), "environments": {"production": uuid(production)}}
    return Lock.model_validate(
        {"workspaces": {"acme": {"uuid": uuid(workspace), "repositories": {"shop": repository}}}}
    )


def resolved(
    written: Inventory, locked: Lock | None = None, accepted: tuple[tuple[str, ...], ...] = (), **otherwise: object
) -> Resolved:
    bitbucket = InMemory(**{**BITBUCKET, **otherwise})
    return resolve(questions_of(written, locked or Lock()), bitbucket, accepted=accepted)


def rules(found: Resolved) -> list[str]:
    return [one.rule for one in found.discrepancies]


def test_names_become_uuids() -> None:
    found = resolved(inventory())
    assert found.discrepancies == ()
    assert Lock(workspaces=found.workspaces) == lock()


def test_what_agrees_with_inventory_and_lock_is_what_each_uuid_is_called() -> None:
    found = resolved(inventory(ACME, SHOP, PRODUCTION), lock())
    assert found.discrepancies == ()
    assert [(one.uuid, one.kind, one.today) for one in found.uuids] == [
        (uuid(ACME), "workspace", "acme"),
        (uuid(SHOP), "repository", "acme/shop"),
        (uuid(PRODUCTION), "deployment environment", "acme/shop/production"),
    ]


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (inventory(workspace=9), f"{uuid(9)} is not workspace acme, which is {uuid(ACME)} in Bitbucket"),
        (inventory(shop=9), f"{uuid(9)} is not repository acme/shop, which is {uuid(SHOP)} in Bitbucket"),
        (inventory(production=4), f"({uuid(4)} is acme/shop/staging)"),
    ],
    ids=["workspace", "repository", "environment that is another one"],
)
def test_a_written_uuid_that_belongs_to_something_else_is_an_error(written: Inventory, says: str) -> None:
    (found,) = resolved(written).discrepancies
    assert (found.rule, found.level) == ("wrong-uuid", "error")
    assert says in found.message


def test_a_written_uuid_of_another_repository_is_told_by_that_ones_name() -> None:
    repositories = {"acme/shop": SHOP, "acme/payments": 9}
    (found,) = resolved(inventory(shop=9), repositories=repositories).discrepancies
    assert found.rule == "wrong-uuid"
    assert f"({uuid(9)} is acme/payments)" in found.message
    assert found.hint == f'write "{uuid(SHOP)}" if you mean acme/shop'


@pytest.mark.parametrize(
    ("locked", "name"),
    [(lock(workspace=9), "acme"), (lock(shop=9), "acme/shop"), (lock(production=9), "acme/shop/production")],
)
def test_a_locked_name_with_another_uuid_was_made_anew_which_is_an_error_until_it_is_accepted(
    locked: Lock, name: str
) -> None:
    (found,) = resolved(inventory(), locked).discrepancies
    assert (found.rule, found.level) == ("made-anew", "error")
    assert f"{name} is {uuid({'acme': ACME, 'acme/shop': SHOP}.get(name, PRODUCTION))} in Bitbucket" in found.message
    assert f"bitbucket-oidc lock --accept {name}" in found.hint
    accepted = resolved(inventory(), locked, accepted=(tuple(name.split("/")),))
    assert accepted.discrepancies == ()
    assert Lock(workspaces=accepted.workspaces) == lock()


def test_accepting_a_repository_accepts_the_environments_in_it() -> None:
    assert rules(resolved(inventory(), lock(shop=8, production=9), accepted=(("acme", "shop"),))) == []


def test_accepting_what_was_not_made_anew_accepts_nothing_in_it() -> None:
    for accepted in (("acme",), ("acme", "shop")):
        assert rules(resolved(inventory(), lock(production=9), accepted=(accepted,))) == ["made-anew"]
    assert rules(resolved(inventory(), lock(shop=8, production=9), accepted=(("acme",),))) == ["made-anew", "made-anew"]


def test_accepting_one_name_accepts_no_other() -> None:
    assert rules(resolved(inventory(), lock(shop=8, production=9), accepted=(("acme", "shop", "production"),))) == [
        "made-anew"
    ]


def test_what_was_made_anew_and_is_written_with_the_old_uuid_is_told_both_ways_out() -> None:
    (found,) = resolved(inventory(shop=9), lock(shop=9)).discrepancies
    assert found.rule == "made-anew"
    assert f"write {uuid(SHOP)} here and run `bitbucket-oidc lock --accept acme/shop`" in found.hint


def test_a_name_that_was_taken_over_after_a_rename_is_told_with_the_present_name_of_the_locked_one() -> None:
    repositories = {"acme/shop": 7, "acme/old-shop": SHOP}
    (found, *_) = resolved(inventory(), lock(), repositories=repositories).discrepancies
    assert found.rule == "made-anew"
    assert f"({uuid(SHOP)} is acme/old-shop)" in found.message


@pytest.mark.parametrize("former", [{}, {"acme/shop": "acme/store"}], ids=["404", "redirect"])
def test_a_renamed_repository_is_followed_by_its_uuid_and_proposed_as_a_change(former: Mapping[str, str]) -> None:
    environments = {"acme/store": {"production": PRODUCTION}}
    store: dict[str, Any] = {"repositories": {"acme/store": SHOP}, "environments": environments, "former": former}
    found = resolved(inventory(), lock(), **store)
    assert [(one.rule, one.level) for one in found.discrepancies] == [("renamed", "warning")]
    assert "acme/store instead of acme/shop" in found.discrepancies[0].hint
    assert Lock(workspaces=found.workspaces) == lock()


def test_the_former_and_the_present_name_of_one_repository_are_one_too_many() -> None:
    written = inventory()
    acme = written.workspaces["acme"]
    both = {**acme.repositories, "store": acme.repositories["shop"]}
    data = written.model_copy(update={"workspaces": {"acme": acme.model_copy(update={"repositories": both})}})
    bitbucket = InMemory(**{**BITBUCKET, "former": {"acme/store": "acme/shop"}})
    found = resolve(questions_of(data, Lock(), everything=True), bitbucket)
    assert rules(found) == ["renamed", "two-names", "two-names"]
    assert f"acme/shop and acme/store are the same in Bitbucket, {uuid(SHOP)}" in found.discrepancies[1].message


def test_a_renamed_environment_is_followed_by_its_uuid() -> None:
    found = resolved(inventory(), lock(), environments={"acme/shop": {"live": PRODUCTION}})
    assert rules(found) == ["renamed"]
    assert Lock(workspaces=found.workspaces) == lock()


def test_a_written_uuid_beside_a_name_that_is_not_there_is_no_rename_unless_it_was_locked() -> None:
    found = resolved(inventory(shop=SHOP), repositories={"acme/payments": SHOP})
    assert rules(found) == ["wrong-uuid"]
    assert "is acme/payments in Bitbucket; Bitbucket has no repository acme/shop" in found.discrepancies[0].message


def test_a_name_that_vanished_is_an_error() -> None:
    assert rules(resolved(inventory(), lock(), repositories={})) == ["not-in-bitbucket"]
    assert rules(resolved(inventory(), lock(), workspaces={}, repositories={})) == ["not-in-bitbucket"]


def test_a_misspelt_environment_is_told_what_there_is() -> None:
    found = resolved(inventory(), environments={"acme/shop": {"Production": PRODUCTION}})
    assert rules(found) == ["not-in-bitbucket"]
    assert found.discrepancies[0].hint == "did you mean `Production`?"


def test_a_renamed_workspace_is_an_error_that_says_what_it_breaks() -> None:
    renamed: dict[str, Any] = {"workspaces": {"acme-inc": ACME}, "repositories": {"acme-inc/shop": SHOP}}
    environments = {"acme-inc/shop": {"production": PRODUCTION}}
    found = resolved(inventory(), lock(), **renamed, environments=environments)
    assert [(one.rule, one.level) for one in found.discrepancies] == [("workspace-renamed", "error")]
    assert "https://api.bitbucket.org/2.0/workspaces/acme-inc/pipelines-config/identity/oidc" in (
        found.discrepancies[0].message
    )


def renamed_inventory() -> Inventory:
    """Return one that goes first in a rename: its key is the slug to come."""
    return inventory(slug="acme-inc", previous_slugs={"acme": {"expires": "2031-01-01"}})


def test_an_inventory_that_goes_first_in_a_rename_finds_the_workspace_by_its_previous_slug() -> None:
    found = resolved(renamed_inventory())
    assert found.discrepancies == ()
    assert found.workspaces == {"acme-inc": lock().workspaces["acme"]}


def test_after_the_rename_the_slug_of_today_is_asked_alone() -> None:
    renamed: dict[str, Any] = {"workspaces": {"acme-inc": ACME, "acme": 9}, "repositories": {"acme-inc/shop": SHOP}}
    environments = {"acme-inc/shop": {"production": PRODUCTION}}
    found = resolved(renamed_inventory(), **renamed, environments=environments)
    assert found.discrepancies == ()
    assert found.workspaces["acme-inc"].uuid == uuid(ACME)


def test_a_slug_that_another_workspace_has_taken_is_an_error() -> None:
    assert rules(resolved(inventory(), lock(), workspaces={"acme": 9, "acme-inc": ACME})) == ["made-anew"]


def test_a_repository_that_moved_to_another_workspace_is_an_error() -> None:
    elsewhere: dict[str, Any] = {"workspaces": {"acme": ACME, "other": 9}, "repositories": {"other/shop": SHOP}}
    found = resolved(inventory(), lock(), **elsewhere)
    assert [(one.rule, one.level) for one in found.discrepancies][-1] == ("moved", "error")
    assert "comes from" not in found.discrepancies[0].message
    assert found.workspaces["acme"].repositories == {}


class TellingNoWorkspace(InMemory):
    def repository(self, workspace: str, name: str) -> RepositoryAnswer | None:
        found = super().repository(workspace, name)
        return found and found.model_copy(update={"workspace": None})


@pytest.mark.parametrize("known", [Lock(), lock()])
def test_a_repository_of_another_workspace_is_an_error_where_its_name_alone_tells_so(known: Lock) -> None:
    elsewhere = {"workspaces": {"acme": ACME, "other": 9}, "repositories": {"other/shop": 5}}
    answering = TellingNoWorkspace(**{**BITBUCKET, **elsewhere, "former": {"acme/shop": "other/shop"}})
    found = resolve(questions_of(inventory(), known), answering)
    assert "moved" in rules(found)
    assert found.workspaces["acme"].repositories == {}


def test_a_repository_whose_answer_names_no_workspace_is_found_by_its_name() -> None:
    found = resolve(questions_of(inventory(), Lock()), TellingNoWorkspace(**BITBUCKET))
    assert found.discrepancies == ()
    assert found.workspaces["acme"].repositories["shop"].uuid == uuid(SHOP)


def test_only_what_roles_use_is_asked_unless_everything_is() -> None:
    written = inventory()
    more = {**written.workspaces["acme"].repositories, "site": written.workspaces["acme"].repositories["shop"]}
    acme = written.workspaces["acme"].model_copy(update={"repositories": more})
    both = written.model_copy(update={"workspaces": {"acme": acme}})
    assert list(questions_of(both, Lock())["acme"].repositories) == ["shop"]
    assert list(questions_of(both, Lock(), everything=True)["acme"].repositories) == ["shop", "site"]


def test_progress_ends_with_all_done() -> None:
    told: list[tuple[int, int]] = []
    bitbucket = InMemory(**BITBUCKET)
    resolve(questions_of(inventory(), Lock()), bitbucket, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_many_repositories_give_the_same_in_whatever_order_the_answers_come() -> None:
    names = [f"r{number}" for number in range(50)]
    declared = {name: {"environments": {"production": None}} for name in names}
    trust = [{"repository": f"acme/{name}", "environments": ["production"]} for name in names]
    data = {
        "workspaces": {"acme": {"repositories": declared}},
        "accounts": {"prod": {"id": "222222222222"}},
        "roles": {"deploy": {"accounts": ["prod"], "trust": trust}},
    }
    many = InMemory(
        {"acme": ACME},
        {f"acme/{name}": 100 + number for number, name in enumerate(names)},
        {f"acme/{name}": {"production": 200 + number} for number, name in enumerate(names[:-1])},
        {},
    )
    questions = questions_of(Inventory.model_validate(data), Lock())
    found = [dataclasses.astuple(resolve(questions, many)) for _ in range(3)]
    assert many.asked.count("acme: all") == 3
    assert found[0] == found[1] == found[2]
    assert list(resolve(questions, many).workspaces["acme"].repositories) == sorted(names)
