"""Accounts of an organization: which are selected, and under which keys."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.models.organization import Organization
from facts.aws.organization import OrganizationAccount, select

UNITS = Organization(ou=("ou-ab12-11111111",))


def account(number: int, name: str, *, state: str = "ACTIVE", **tags: str) -> OrganizationAccount:
    return OrganizationAccount(f"{number:012d}", name, state, tags)


def keys(accounts: list[OrganizationAccount], organization: Organization = UNITS, **known: Any) -> dict[str, str]:
    selected = select(accounts, organization, **({"listed": {}, "before": {}} | known)).accounts
    return {key: account.id.lstrip("0") for key, account in selected.items()}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("prod", "prod"),
        ("Payments (prod)", "payments-prod"),
        ("  --  ", "account"),
        ("Éclair über", "eclair-uber"),
        ("会计", "account"),
        ("a.b_c", "a-b-c"),
    ],
)
def test_the_key_of_a_new_account_is_its_name(name: str, key: str) -> None:
    assert keys([account(1, name)]) == {key: "1"}


def test_an_account_keeps_the_key_that_the_lock_gives_it() -> None:
    assert keys([account(1, "New name")], before={"000000000001": "old-name"}) == {"old-name": "1"}


def test_two_new_accounts_of_the_same_name_get_their_ids() -> None:
    both = {"shop-000000000001": "1", "shop-000000000002": "2"}
    assert keys([account(1, "shop"), account(2, "Shop")]) == keys([account(2, "Shop"), account(1, "shop")]) == both


def test_a_new_account_never_gets_the_key_of_another() -> None:
    known: dict[str, Any] = {"listed": {"shop": "000000000009"}, "before": {"000000000001": "site"}}
    accounts = [account(1, "renamed"), account(2, "site"), account(3, "shop")]
    assert keys(accounts, **known) == {"site": "1", "site-000000000002": "2", "shop-000000000003": "3"}


def test_accounts_that_the_inventory_lists_are_not_selected_twice() -> None:
    assert keys([account(1, "a"), account(2, "b")], listed={"mine": "000000000001"}) == {"b": "2"}


def test_tags_and_exclusions_select() -> None:
    accounts = [account(1, "a", env="prod"), account(2, "b", env="dev"), account(3, "sandbox-x", env="prod")]
    prod = UNITS.model_copy(update={"tags": {"env": "prod"}})
    assert keys(accounts, prod) == {"a": "1", "sandbox-x": "3"}
    assert keys(accounts, prod.model_copy(update={"exclude": ("sandbox-*",)})) == {"a": "1"}
    assert keys(accounts, prod.model_copy(update={"exclude": ("000000000001",)})) == {"sandbox-x": "3"}


def test_an_inactive_account_is_left_out_with_a_note() -> None:
    accounts = [account(1, "Old", state="SUSPENDED"), account(2, "new"), account(3, "x", state="PENDING_CLOSURE")]
    selection = select(accounts, UNITS, listed={}, before={})
    assert list(selection.accounts) == ["new"]
    assert selection.notes == (
        "account 000000000001 (Old) is left out: it is SUSPENDED",
        "account 000000000003 (x) is left out: it is PENDING_CLOSURE",
    )


def test_valid_tags_become_labels() -> None:
    odd = {"env": "prod", "cost:centre": "1", "empty": "", "v": "{{account}}"}
    selection = select([replace(account(1, "a"), tags=odd)], UNITS, listed={}, before={})
    assert selection.accounts["a"].labels == {"env": "prod", "empty": ""}
    assert selection.notes == ("account 000000000001 (a): its tags cost:centre, v cannot be labels",)


NAMES = st.sampled_from(["shop", "Shop", "site", "shop-000000000001", "", "a b", "a-b"])


@given(names=st.lists(NAMES, max_size=8), later=st.lists(NAMES, max_size=4))
def test_keys_are_unique_and_stay_when_accounts_come_and_are_renamed(names: list[str], later: list[str]) -> None:
    first = keys([account(number, name) for number, name in enumerate(names, 1)])
    assert len(first) == len(names)
    before = {f"{int(number):012d}": key for key, number in first.items()}
    renamed = [account(number, "other") for number in range(1, len(names) + 1)]
    more = [account(number, name) for number, name in enumerate(later, len(names) + 1)]
    second = keys(renamed + more, before=before)
    assert len(second) == len(names) + len(later)
    assert first.items() <= second.items()
