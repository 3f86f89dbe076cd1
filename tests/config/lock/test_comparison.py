"""What changed between two locks, in words and as data."""

import pytest

from config.lock import Lock
from config.lock.comparison import compare_locks
from config.yaml.document import read_document
from tests.config.lock.whole_lock import WHOLE

SHOP, NEW = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"


def lock_of(text: str) -> Lock:
    return Lock.model_validate(read_document(text).data)


def changes(before: str, after: str) -> list[str]:
    return [str(change) for change in compare_locks(lock_of(before), lock_of(after))]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (SHOP, NEW, f"repository acme/shop, UUID: now {NEW}, was {SHOP}"),
        ("admin_only: true", "admin_only: false",
         "environment pre production of acme/shop, restrictions, only admins may deploy: now false, was true"),
        ('          staging: "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"\n', "",
         "environment staging of acme/shop, UUID: no longer {5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"),
        ("      - 203.0.113.0/24\n", "", "address ranges of atlassian, networks, 203.0.113.0/24: is gone"),
        ("      - 203.0.113.0/24\n", "      - 203.0.113.0/24\n      - 203.0.113.128/25\n",
         "address ranges of atlassian, networks, 203.0.113.128/25: is new"),
        ("other: absent", "other: present",
         "account prod, OIDC provider of workspace other, state: now present, was absent"),
        ("use: reference", "use: adopt",
         "account prod, OIDC provider of workspace acme, use: now adopt, was reference"),
        ("Owner: \"team platform\"", "cost_centre: \"4711\"\n          Owner: \"team platform\"",
         "account prod, OIDC provider of workspace acme, tags, cost_centre: now 4711"),
        ("policy/ci-boundary\"\n", "policy/ci-boundary\"\n      - \"arn:aws:iam::aws:policy/Some_Access\"\n",
         "account prod, missing policies, arn:aws:iam::aws:policy/Some_Access: is new"),
        ("roles: 1000", "roles: 5000", "account prod, quotas, roles: now 5000, was 1000"),
    ],
)  # fmt: skip
def test_each_changed_fact_is_described_in_words(old: str, new: str, said: str) -> None:
    assert changes(WHOLE, WHOLE.replace(old, new)) == [said]


def test_another_certificate_is_another_chain() -> None:
    (said,) = changes(WHOLE, WHOLE.replace("CN=Some CA", "CN=Another CA"))
    assert said.startswith("issuer of workspace acme, chain: now CN=Another CA (a031")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seen: 2026-11-27", "seen: 2027-01-01"),
        ("not_after: 2027-05-01", "not_after: 2027-08-01"),  # of the host's own certificate
        ("1700000000", "1700000001"),
        ("sha256:0", "sha256:f"),
    ],
)
def test_dates_of_observation_and_digests_are_no_change(old: str, new: str) -> None:
    assert changes(WHOLE, WHOLE.replace(old, new)) == []


def test_a_change_is_shown_as_json() -> None:
    (change,) = compare_locks(lock_of(WHOLE), lock_of(WHOLE.replace(SHOP, NEW)))
    assert change.to_json() == {
        "path": ["workspaces", "acme", "repositories", "shop", "uuid"],
        "change": "changed",
        "before": SHOP,
        "after": NEW,
        "message": f"repository acme/shop, UUID: now {NEW}, was {SHOP}",
    }


def test_every_fact_of_a_lock_is_added_to_and_removed_from_an_empty_one() -> None:
    added = compare_locks(Lock(), lock_of(WHOLE))
    removed = compare_locks(lock_of(WHOLE), Lock())
    assert [change.path for change in added] == [change.path for change in removed]
    assert {change.kind for change in added} == {"added"}
    assert {change.kind for change in removed} == {"removed"}
