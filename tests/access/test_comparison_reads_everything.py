"""A comparison reports every field of a plan and every key of a stack file: each is changed in turn."""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from enum import Enum
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import yaml

from access.comparison.compare import compare
from access.comparison.stack_file_changes import stack_file_changes
from access.comparison.view import PlanView
from access.plan import AccessPlan, AccountCredentials, AccountPlan, AsIs, OidcProviderPlan, RolePlan, TrustPlan
from access.stacks import TakenStackChange, stack_changes, take
from config.project_file import PROJECT, settings_parts
from config.stack_file import parse_stack_file
from oidc.iam.document import PolicyDocument
from tests.access.plans_in_full import PARTS, compiled_plan

INVENTORY = """
accounts:
  dev: {id: "111111111111"}
roles:
  r:
    accounts: [dev]
    trust: [{repository: acme/shop, environments: [production]}]
"""
SAMPLES: dict[Any, Any] = {
    str: "x",
    int: 1,
    bool: True,
    date: date(2031, 1, 1),
    AsIs: AsIs("x", date(2031, 1, 1)),
    IPv4Network: IPv4Network("8.8.8.0/24"),
    PolicyDocument: PolicyDocument.of({"Version": "2012-10-17", "Statement": []}),
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> AccessPlan:
    return compiled_plan(tmp_path_factory.mktemp("inventory"), INVENTORY)


def kind_of(hint: Any) -> Any:
    """Return what a field holds beside `None`, with the base type of a new type."""
    if hasattr(hint, "__supertype__"):
        return kind_of(hint.__supertype__)
    if get_origin(hint) in (types.UnionType, typing.Union):
        return kind_of(next(part for part in get_args(hint) if part is not type(None)))
    return hint


def another(value: Any, hint: Any) -> Any:
    """Return another value for a field; a field of an unknown type is a KeyError: add a sample of the type."""
    kind = kind_of(hint)
    if get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum)):
        return next(choice for choice in (get_args(kind) or kind) if choice != value)
    if get_origin(kind) is tuple:
        return value[1:] if value else (another(None, get_args(kind)[0]),)
    if get_origin(kind) is Mapping:
        return {**value, "x": another(None, get_args(kind)[1])}
    if is_dataclass(kind) and kind not in SAMPLES:
        first = fields(kind)[0].name
        return replace(value, **{first: another(getattr(value, first), get_type_hints(kind)[first])})
    if value is None or kind is PolicyDocument:
        return SAMPLES[kind]
    return not value if kind is bool else value + (timedelta(1) if kind is date else SAMPLES[kind])


def with_part(plan: AccessPlan, kind: type, part: Any) -> AccessPlan:
    """Return the plan with another part of a kind, in place of the first."""
    (account,) = plan.accounts
    (role,) = account.roles
    if kind is AccountPlan:
        return AccessPlan((part,))
    changes: dict[type, dict[str, Any]] = {
        AccountCredentials: {"access": part},
        OidcProviderPlan: {"oidc_providers": (part,)},
        RolePlan: {"roles": (part,)},
        TrustPlan: {"roles": (replace(role, trust=(part,)),)},
    }
    return AccessPlan((replace(account, **changes[kind]),))


def part_of(plan: AccessPlan, kind: type) -> Any:
    (account,) = plan.accounts
    (role,) = account.roles
    parts = (account, account.access, *account.oidc_providers, role, *role.trust)
    return next(part for part in parts if isinstance(part, kind))


FIELDS = [(kind, field.name) for kind in PARTS for field in fields(kind)]


def is_reported(before: AccessPlan, after: AccessPlan) -> bool:
    try:
        return bool(compare(PlanView.of(before), PlanView.of(after)).changes)
    except ValueError:
        return True  # a trust policy that its own lines contradict is no plan to compare


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=lambda part: getattr(part, "__name__", part))
def test_a_different_field_of_the_plan_is_reported(plan: AccessPlan, kind: type, name: str) -> None:
    part = part_of(plan, kind)
    changed = replace(part, **{name: another(getattr(part, name), get_type_hints(kind)[name])})
    assert getattr(changed, name) != getattr(part, name)
    other = with_part(plan, kind, changed)
    assert is_reported(plan, other)
    assert is_reported(other, plan)


def test_every_kind_of_part_in_the_plan_is_changed(plan: AccessPlan) -> None:
    def kinds(value: Any) -> Iterator[type]:
        if is_dataclass(value) and type(value).__module__ == AccessPlan.__module__:
            yield type(value)
            for field in fields(value):
                yield from kinds(getattr(value, field.name))
        elif isinstance(value, tuple):
            for item in value:
                yield from kinds(item)

    assert {*kinds(plan)} == {AccessPlan, *PARTS}


PULUMI = {
    "secretsprovider": "awskms://alias/theirs",
    "encryptedkey": "QUFB",
    "encryptionsalt": "v1:AAA",
    "environment": ["theirs"],
    "a-key-that-comes-one-day": {"a": [1]},
}
"""Keys of a stack file: https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file/."""

FOREIGN = {
    "aws:region": "us-east-1",
    "aws:profile": "theirs",
    "pulumi:tags": {"a": "b"},
    f"{PROJECT}:config:config:inventory": "hidden",
    "aws:secretKey": {"secure": "AAA"},
}
ACCOUNTS = {f"{PROJECT}:accounts": ["dev"]}


def own_keys() -> dict[str, object]:
    declared = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.yaml").read_text())["config"]
    values = {"array": ["*"], "boolean": True, "integer": 7, "object": {"a": "b"}, "string": "another"}
    return {f"{PROJECT}:{key}": values[about["type"]] for key, about in declared.items()}


def text(outer: Mapping[str, object], config: Mapping[str, object]) -> bytes:
    return yaml.safe_dump({**outer, "config": {**ACCOUNTS, **config}}).encode()


def stack_file_of(key: str, value: object) -> bytes:
    return text({key: value}, {}) if key in PULUMI else text({}, {key: value})


@pytest.mark.parametrize(("key", "value"), {**PULUMI, **FOREIGN, **own_keys()}.items(), ids=str)
def test_an_added_removed_or_changed_key_of_a_stack_file_is_reported(plan: AccessPlan, key: str, value: object) -> None:
    plain, with_key = text({}, {}), stack_file_of(key, value)
    other = stack_file_of(key, [*value, "more"] if isinstance(value, list) else "other")
    for before, after in ((plain, with_key), (with_key, plain), (with_key, other)):
        (change,) = stack_file_changes(
            {"Pulumi.x.yaml": settings_parts(before)}, {"Pulumi.x.yaml": settings_parts(after)}
        )
        assert key in change.message
        assert change.effect.value == "gain"
        assert "awskms" not in change.message
        assert "AAA" not in change.message
    old, new = (take(parse_stack_file("Pulumi.x.yaml", content, "x"), plan) for content in (plain, with_key))
    (stack,) = stack_changes({"x": new}, {"x": old})
    is_pin = key == f"{PROJECT}:reviewedPlan"  # it pins the reviewed plan, and changes nothing that is applied
    assert stack.change is (TakenStackChange.UNCHANGED if is_pin else TakenStackChange.CHANGED)
    assert any(key in changed for changed in stack.keys) is not is_pin


@pytest.mark.parametrize(
    ("before", "after", "keys"),
    [
        (b"a: 1", b"a: true", ["a"]),
        (b"a: [1, 2]", b"a: [2, 1]", ["a"]),
        (b"a: 1 # x\nb: 2", b"b:   2\na: 1", []),
        (b"", b"config: {}", []),
        (b"config: x", b"config: y", ["config"]),
        (b"[", b"[[", ["the whole file"]),
        (b"[", b"a: 1", ["a", "the whole file"]),
        (b"a: 1", b"a: '1'", []),
        (b"a: &a [*a]", b"a: &a [*a, 1]", ["the whole file"]),
    ],
)
def test_stack_files_are_compared_by_their_content(before: bytes, after: bytes, keys: list[str]) -> None:
    changes = list(stack_file_changes({"f": settings_parts(before)}, {"f": settings_parts(after)}))
    assert [change.message for change in changes] == ([f"f changes {', '.join(keys)}; `up` uses them"] if keys else [])


def test_aliases_that_expand_exponentially_are_not_expanded() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert settings_parts(bomb.encode()).keys() == {"the whole file"}
