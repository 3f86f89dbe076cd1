"""The digests of a plan include every field and every setting, but neither the path nor the day of the compilation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from enum import Enum
from functools import partial
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from types import NoneType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.digests import AppliedSettings, PlanDigests, as_digest, plan_digests, refuse_another_plan
from access.plan import AccessPlan, AccountCredentials, AccountPlan
from oidc.arn import Partition
from oidc.errors import UnreviewedPlanError, UsageError
from oidc.iam.document import PolicyDocument
from oidc.identifiers import AccountId
from tests.access.plans_in_full import PARTS, compiled_plan

INVENTORY = """
accounts:
  prod:
    id: "222222222222"
    region: eu-west-1
    previous_keys: [live, production]
    deploy_role: {arn: "arn:aws:iam::222222222222:role/D", external_id: e-1, session_name: deploying}
  dev: {id: "111111111111", profile: dev}
permission_policies:
  p: {document: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:Get*", Resource: "*"}]}}
roles:
  r:
    name: kept
    previous_keys: [q]
    accounts: ["*"]
    trust: [{repository: acme/shop, environments: [production]}]
    managed_policies: ["aws:ReadOnlyAccess"]
    inline_policies: [p]
    source_ips: ["203.0.113.0/24", "198.51.100.0/24"]
    expires: 2099-01-31
    tags: {A: b}
"""

SETTINGS = AppliedSettings()


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> AccessPlan:
    return compiled_plan(tmp_path_factory.mktemp("inventory"), INVENTORY)


OTHERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (Enum, lambda value: next(member for member in type(value) if member is not value)),
    (bool, lambda value: not value),
    (int, lambda value: value + 1),
    (date, lambda value: value.replace(year=value.year - 1)),
    (IPv4Network, lambda _: ip_network("192.0.2.0/24")),
    (str, lambda value: value + "x"),
    (tuple, lambda value: value[:-1] or ("x",)),
    (NoneType, lambda _: "x"),
)
"""Another value for each kind that a field of a plan can have; the first that fits."""


def other(value: Any, name: str) -> Any:
    """Return another value of the same kind, for a field of this name."""
    if isinstance(value, Mapping):
        return {**value, "x": PolicyDocument("{}") if name == "inline_policies" else "x"}
    return next(change(value) for kind, change in OTHERS if isinstance(value, kind))


def parts_of(value: Any, at: str) -> Iterator[tuple[str, Any, Callable[[Any], Any]]]:
    """Yield the parts of a value: the place, the part, and a function that replaces the part."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            name = field.name
            put = partial(lambda name, new: replace(value, **{name: new}), name)
            yield f"{type(value).__name__}.{name}", getattr(value, name), put
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield at, item, partial(lambda number, new: (*value[:number], new, *value[number + 1 :]), number)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield at, item, partial(lambda key, new: {**value, key: new}, key)


def changed(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Yield the place of each field at any depth, and the value with that field changed."""
    for where, part, put in parts_of(value, at):
        if not is_dataclass(part):
            yield where, put(other(part, where.partition(".")[2]))
        for deeper, new in changed(part, where):
            yield deeper, put(new)


def test_a_change_of_any_field_gives_other_digests_of_its_account_and_of_the_whole(plan: AccessPlan) -> None:
    before = plan_digests(plan, SETTINGS)
    seen = set()
    for number, account in enumerate(plan.accounts):
        for where, new in changed(account, "AccountPlan"):
            accounts = (*plan.accounts[:number], new, *plan.accounts[number + 1 :])
            after = plan_digests(AccessPlan(accounts), SETTINGS)
            same = [old == new for old, new in zip(before.accounts, after.accounts, strict=True)]
            assert same == [at != number for at in range(len(same))], where
            assert before.digest != after.digest, where
            seen.add(where)
    leaves = {f"{kind.__name__}.{field.name}" for kind in (*PARTS, PolicyDocument) for field in fields(kind)}
    assert leaves - seen == {"AccountPlan.access", "RolePlan.trust_policy"}  # their own fields were changed


def test_a_change_of_any_setting_gives_other_digests(plan: AccessPlan) -> None:
    before = plan_digests(plan, SETTINGS)
    for field in fields(AppliedSettings):
        value = other(getattr(SETTINGS, field.name), field.name)
        after = plan_digests(plan, replace(SETTINGS, **{field.name: value}))
        assert before.digest != after.digest, field.name
        assert not set(before.accounts) & set(after.accounts), field.name


def test_without_an_account_or_with_one_twice_the_digest_of_the_plan_differs_and_those_of_the_others_stay(
    plan: AccessPlan,
) -> None:
    before, prod = plan_digests(plan, SETTINGS), plan_digests(plan.only(frozenset({"prod"})), SETTINGS)
    assert prod.accounts == before.accounts[1:]
    assert prod.digest not in {before.digest, before.accounts[1].digest}
    twice = AccessPlan((*plan.accounts, plan.accounts[0]))
    assert plan_digests(twice, SETTINGS).digest != before.digest


def test_digests_do_not_depend_on_day_and_path(tmp_path: Path) -> None:
    first, second = (
        plan_digests(compiled_plan(tmp_path / name, INVENTORY, date(year, 1, 1)), SETTINGS)
        for name, year in (("a", 2026), ("b", 2098))
    )
    assert first == second


def test_the_digests_are_those_of_format_2() -> None:
    """If this fails, raise the format: an upgrade must not look like a change of the inventory."""
    account = AccountPlan("dev", AccountId("111111111111"), Partition.AWS, None, AccountCredentials(), (), ())
    assert (
        plan_digests(AccessPlan((account,)), SETTINGS).digest
        == "sha256:892a4163a0bf63f8e885b804b0b6bc54f6fe57ca981a02a0516ff03ffb64cbea"
    )


@given(st.text() | st.from_regex(r"sha256:[0-9A-Fa-f]{60,66}\s?"))
def test_a_text_that_is_not_a_digest_is_refused(text: str) -> None:
    sound = len(text) == 71 and text.startswith("sha256:") and set(text[7:]) <= set("0123456789abcdef")
    if sound:
        assert as_digest(text, "--reviewed") == text
        return
    with pytest.raises(UsageError, match=r"^--reviewed: "):
        as_digest(text, "--reviewed")


def test_a_plan_that_was_not_reviewed_is_refused_with_both_digests(plan: AccessPlan) -> None:
    digests: PlanDigests = plan_digests(plan, SETTINGS)
    refuse_another_plan(digests.digest, digests.digest)
    refuse_another_plan(digests.digest, "")
    reviewed = digests.accounts[0].digest
    with pytest.raises(UnreviewedPlanError, match=f"reviewedPlan is {reviewed}.* has the digest {digests.digest}; "):
        refuse_another_plan(digests.digest, reviewed)
