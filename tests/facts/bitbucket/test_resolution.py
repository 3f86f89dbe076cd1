"""Bitbucket's answers give UUIDs for the lock, and differences from inventory and lock."""

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
    """Return an inventory with the given UUIDs and further keys of the workspace."""
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
    declared: Inventory, locked: Lock | None = None, accepted: tuple[tuple[str, ...], ...] = (), **otherwise: object
) -> Resolved:
    bitbucket = InMemory(**{**BITBUCKET, **otherwise})
    return resolve(questions_of(declared, locked or Lock()), bitbucket, accepted=accepted)


def rules(result: Resolved) -> list[str]:
    return [fault.rule for fault in result.discrepancies]


def test_names_become_uuids() -> None:
    result = resolved(inventory())
    assert result.discrepancies == ()
    assert Lock(workspaces=result.workspaces) == lock()


def test_each_uuid_is_shown_with_its_name_in_bitbucket() -> None:
    result = resolved(inventory(ACME, SHOP, PRODUCTION), lock())
    assert result.discrepancies == ()
    assert [(named.uuid, named.kind, named.today) for named in result.uuids] == [
        (uuid(ACME), "workspace", "acme"),
        (uuid(SHOP), "repository", "acme/shop"),
        (uuid(PRODUCTION), "deployment environment", "acme/shop/production"),
    ]


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        (inventory(workspace=9), f"{uuid(9)} is not workspace acme, which is {uuid(ACME)} in Bitbucket"),
        (inventory(shop=9), f"{uuid(9)} is not repository acme/shop, which is {uuid(SHOP)} in Bitbucket"),
        (inventory(production=4), f"({uuid(4)} is acme/shop/staging)"),
    ],
    ids=["workspace", "repository", "environment that is another one"],
)
def test_a_declared_uuid_of_something_else_is_an_error(declared: Inventory, says: str) -> None:
    (fault,) = resolved(declared).discrepancies
    assert (fault.rule, fault.level) == ("wrong-uuid", "error")
    assert says in fault.message


def test_for_a_declared_uuid_of_another_repository_that_repository_is_named() -> None:
    repositories = {"acme/shop": SHOP, "acme/payments": 9}
    (fault,) = resolved(inventory(shop=9), repositories=repositories).discrepancies
    assert fault.rule == "wrong-uuid"
    assert f"({uuid(9)} is acme/payments)" in fault.message
    assert fault.hint == f'write "{uuid(SHOP)}" if you mean acme/shop'


@pytest.mark.parametrize(
    ("locked", "name"),
    [(lock(workspace=9), "acme"), (lock(shop=9), "acme/shop"), (lock(production=9), "acme/shop/production")],
)
def test_another_uuid_than_the_locked_one_is_an_error_until_it_is_accepted(locked: Lock, name: str) -> None:
    (fault,) = resolved(inventory(), locked).discrepancies
    assert (fault.rule, fault.level) == ("made-anew", "error")
    assert f"{name} is {uuid({'acme': ACME, 'acme/shop': SHOP}.get(name, PRODUCTION))} in Bitbucket" in fault.message
    assert f"bitbucket-oidc lock --accept {name}" in fault.hint
    accepted = resolved(inventory(), locked, accepted=(tuple(name.split("/")),))
    assert accepted.discrepancies == ()
    assert Lock(workspaces=accepted.workspaces) == lock()


def test_accepting_a_repository_accepts_the_environments_in_it() -> None:
    assert rules(resolved(inventory(), lock(shop=8, production=9), accepted=(("acme", "shop"),))) == []


def test_accepting_an_unchanged_name_accepts_nothing_in_it() -> None:
    for accepted in (("acme",), ("acme", "shop")):
        assert rules(resolved(inventory(), lock(production=9), accepted=(accepted,))) == ["made-anew"]
    assert rules(resolved(inventory(), lock(shop=8, production=9), accepted=(("acme",),))) == ["made-anew", "made-anew"]


def test_accepting_a_name_accepts_no_other() -> None:
    assert rules(resolved(inventory(), lock(shop=8, production=9), accepted=(("acme", "shop", "production"),))) == [
        "made-anew"
    ]


def test_the_hint_for_a_declared_old_uuid_has_both_changes() -> None:
    (fault,) = resolved(inventory(shop=9), lock(shop=9)).discrepancies
    assert fault.rule == "made-anew"
    assert f"write {uuid(SHOP)} here and run `bitbucket-oidc lock --accept acme/shop`" in fault.hint


def test_for_a_name_taken_over_after_a_rename_the_new_name_of_the_locked_uuid_is_shown() -> None:
    repositories = {"acme/shop": 7, "acme/old-shop": SHOP}
    (fault, *_) = resolved(inventory(), lock(), repositories=repositories).discrepancies
    assert fault.rule == "made-anew"
    assert f"({uuid(SHOP)} is acme/old-shop)" in fault.message


@pytest.mark.parametrize("former", [{}, {"acme/shop": "acme/store"}], ids=["404", "redirect"])
def test_a_renamed_repository_is_followed_by_its_uuid_and_proposed_as_a_change(former: Mapping[str, str]) -> None:
    environments = {"acme/store": {"production": PRODUCTION}}
    store: dict[str, Any] = {"repositories": {"acme/store": SHOP}, "environments": environments, "former": former}
    result = resolved(inventory(), lock(), **store)
    assert [(fault.rule, fault.level) for fault in result.discrepancies] == [("renamed", "warning")]
    assert "acme/store instead of acme/shop" in result.discrepancies[0].hint
    assert Lock(workspaces=result.workspaces) == lock()


def test_the_old_and_the_current_name_of_the_same_repository_are_an_error() -> None:
    declared = inventory()
    acme = declared.workspaces["acme"]
    both = {**acme.repositories, "store": acme.repositories["shop"]}
    data = declared.model_copy(update={"workspaces": {"acme": acme.model_copy(update={"repositories": both})}})
    bitbucket = InMemory(**{**BITBUCKET, "former": {"acme/store": "acme/shop"}})
    result = resolve(questions_of(data, Lock(), everything=True), bitbucket)
    assert rules(result) == ["renamed", "two-names", "two-names"]
    assert f"acme/shop and acme/store are the same in Bitbucket, {uuid(SHOP)}" in result.discrepancies[1].message


def test_a_renamed_environment_is_followed_by_its_uuid() -> None:
    result = resolved(inventory(), lock(), environments={"acme/shop": {"live": PRODUCTION}})
    assert rules(result) == ["renamed"]
    assert Lock(workspaces=result.workspaces) == lock()


def test_a_declared_uuid_of_a_missing_name_is_a_rename_only_if_it_was_locked() -> None:
    result = resolved(inventory(shop=SHOP), repositories={"acme/payments": SHOP})
    assert rules(result) == ["wrong-uuid"]
    assert "is acme/payments in Bitbucket; Bitbucket has no repository acme/shop" in result.discrepancies[0].message


def test_a_name_that_vanished_is_an_error() -> None:
    assert rules(resolved(inventory(), lock(), repositories={})) == ["not-in-bitbucket"]
    assert rules(resolved(inventory(), lock(), workspaces={}, repositories={})) == ["not-in-bitbucket"]


def test_for_a_misspelt_environment_the_nearest_name_is_suggested() -> None:
    result = resolved(inventory(), environments={"acme/shop": {"Production": PRODUCTION}})
    assert rules(result) == ["not-in-bitbucket"]
    assert result.discrepancies[0].hint == "did you mean `Production`?"


def test_a_renamed_workspace_is_an_error_that_says_what_it_breaks() -> None:
    renamed: dict[str, Any] = {"workspaces": {"acme-inc": ACME}, "repositories": {"acme-inc/shop": SHOP}}
    environments = {"acme-inc/shop": {"production": PRODUCTION}}
    result = resolved(inventory(), lock(), **renamed, environments=environments)
    assert [(fault.rule, fault.level) for fault in result.discrepancies] == [("workspace-renamed", "error")]
    assert "https://api.bitbucket.org/2.0/workspaces/acme-inc/pipelines-config/identity/oidc" in (
        result.discrepancies[0].message
    )


def renamed_inventory() -> Inventory:
    """Return an inventory that is renamed before Bitbucket: its key is the new slug."""
    return inventory(slug="acme-inc", previous_slugs={"acme": {"expires": "2031-01-01"}})


def test_a_workspace_renamed_first_in_the_inventory_is_looked_up_by_its_previous_slug() -> None:
    result = resolved(renamed_inventory())
    assert result.discrepancies == ()
    assert result.workspaces == {"acme-inc": lock().workspaces["acme"]}


def test_after_the_rename_only_the_current_slug_is_looked_up() -> None:
    renamed: dict[str, Any] = {"workspaces": {"acme-inc": ACME, "acme": 9}, "repositories": {"acme-inc/shop": SHOP}}
    environments = {"acme-inc/shop": {"production": PRODUCTION}}
    result = resolved(renamed_inventory(), **renamed, environments=environments)
    assert result.discrepancies == ()
    assert result.workspaces["acme-inc"].uuid == uuid(ACME)


def test_a_slug_that_another_workspace_has_taken_is_an_error() -> None:
    assert rules(resolved(inventory(), lock(), workspaces={"acme": 9, "acme-inc": ACME})) == ["made-anew"]


def test_a_repository_that_moved_to_another_workspace_is_an_error() -> None:
    elsewhere: dict[str, Any] = {"workspaces": {"acme": ACME, "other": 9}, "repositories": {"other/shop": SHOP}}
    result = resolved(inventory(), lock(), **elsewhere)
    assert [(fault.rule, fault.level) for fault in result.discrepancies][-1] == ("moved", "error")
    assert "comes from" not in result.discrepancies[0].message
    assert result.workspaces["acme"].repositories == {}


class TellingNoWorkspace(InMemory):
    def repository(self, workspace: str, name: str) -> RepositoryAnswer | None:
        answer = super().repository(workspace, name)
        return answer and answer.model_copy(update={"workspace": None})


@pytest.mark.parametrize("known", [Lock(), lock()])
def test_a_repository_whose_full_name_is_in_another_workspace_is_an_error(known: Lock) -> None:
    elsewhere = {"workspaces": {"acme": ACME, "other": 9}, "repositories": {"other/shop": 5}}
    answering = TellingNoWorkspace(**{**BITBUCKET, **elsewhere, "former": {"acme/shop": "other/shop"}})
    result = resolve(questions_of(inventory(), known), answering)
    assert "moved" in rules(result)
    assert result.workspaces["acme"].repositories == {}


def test_a_repository_whose_answer_has_no_workspace_is_accepted_by_its_full_name() -> None:
    result = resolve(questions_of(inventory(), Lock()), TellingNoWorkspace(**BITBUCKET))
    assert result.discrepancies == ()
    assert result.workspaces["acme"].repositories["shop"].uuid == uuid(SHOP)


def test_only_what_roles_use_is_asked_unless_everything_is() -> None:
    declared = inventory()
    more = {**declared.workspaces["acme"].repositories, "site": declared.workspaces["acme"].repositories["shop"]}
    acme = declared.workspaces["acme"].model_copy(update={"repositories": more})
    both = declared.model_copy(update={"workspaces": {"acme": acme}})
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
    result = [dataclasses.astuple(resolve(questions, many)) for _ in range(3)]
    assert many.asked.count("acme: all") == 3
    assert result[0] == result[1] == result[2]
    assert list(resolve(questions, many).workspaces["acme"].repositories) == sorted(names)
