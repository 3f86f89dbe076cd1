"""Groups of changes: each change is in one group, and the words of a group name exactly its roles and accounts."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.comparison.changes import Cell, Change, Comparison, Effect
from access.comparison.compare import compare
from access.comparison.extent import Part
from access.comparison.groups import ChangeGroup, groups
from access.comparison.view import PlanView
from access.compile import compile_plan
from config.load import load_inventory
from config.models.family import family_of

REPOSITORIES = [f"acme/svc-{number}" for number in range(4)]
ROLES = [*(f"deploy[{repository}]" for repository in REPOSITORIES), "read", "write", None]
MESSAGES = ["policy {arn} is attached", "{repository} may now assume it", "account {account}", "sessions last longer"]


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """Comparisons of a family, two plain roles and the accounts, in which any cells may be missing or changed."""
    cells = [(f"account-{number}", role) for number in range(draw(st.integers(1, 5))) for role in ROLES]
    sides = [draw(st.sets(st.sampled_from(cells))) for _ in range(2)]
    known = sorted(sides[0] | sides[1], key=str)
    changes = {
        _change(draw, cell)
        for _ in range(draw(st.integers(1, 3)))
        for cell in draw(st.sets(st.sampled_from(known)) if known else st.just(set[Cell]()))
    }
    ordered = sorted(changes, key=str)
    random.Random(draw(st.integers(0, 9))).shuffle(ordered)
    return Comparison(tuple(ordered), 0, 0, (), frozenset(sides[0]), frozenset(sides[1]))


def _change(draw: st.DrawFn, cell: Cell) -> Change:
    account, role = cell
    identity = account[-1] * 12
    repository = role.partition("[")[2][:-1] if role and "[" in role else "acme/other"
    values = {"arn": f"arn:aws:iam::{identity}:policy/ci", "repository": repository, "account": account}
    message = draw(st.sampled_from(MESSAGES)).format(**values)
    own = (("account", account), ("account_id", identity), ("role", family_of(role or "x")), ("repository", repository))
    return Change("kind", draw(st.sampled_from([Effect.GAIN, Effect.LOSS])), account, role, None, message, own=own)


def whole(group: ChangeGroup, comparison: Comparison) -> set[Cell]:
    """Return everything of the group's families, on the sides that have all of its roles."""
    cells = {(change.account or "", change.role) for change in group.changes}
    before, after = comparison.cells_before, comparison.cells_after
    side = after if cells <= after else before if cells <= before else before | after
    names: set[str | None] = {*(role.name for role in group.roles)} or {None}
    return {cell for cell in side if (cell[1] and family_of(cell[1])) in names}


def of_part(part: Part, among: set[Cell]) -> Iterator[Cell]:
    return (cell for cell in among if part.account in (None, cell[0]) and (part.role in (None, cell[1])))


@settings(max_examples=100, deadline=None)
@given(comparisons())
def test_each_change_is_in_one_group_whose_words_name_exactly_its_cells(comparison: Comparison) -> None:
    made = groups(comparison)
    assert sorted(map(str, comparison.changes)) == sorted(str(change) for group in made for change in group.changes)
    for group in made:
        cells = {(change.account or "", change.role) for change in group.changes}
        assert group.accounts == tuple(sorted({account for account, _ in cells}))
        assert {role.name for role in group.roles} == {family_of(role) for _, role in cells if role}
        if len(cells) == 1:
            continue
        among = whole(group, comparison)
        if len(group.accounts) == 1 and group.roles:
            among = {cell for cell in among if cell[0] == group.accounts[0]}
        exceptions = {cell for part in group.exceptions for cell in of_part(part, among)}
        only = {cell for part in group.only for cell in of_part(part, among)}
        assert cells == (only or among - exceptions)
        assert not (exceptions and only)
        assert len(exceptions) < len(cells)


@settings(max_examples=100, deadline=None)
@given(comparisons())
def test_a_groups_message_with_the_values_of_a_change_is_the_message_of_that_change(comparison: Comparison) -> None:
    for group in groups(comparison):
        assert len({(change.kind, change.effect) for change in group.changes}) == 1
        for change in group.changes:
            message = group.message
            for name, value in change.own:
                message = message.replace(f"{{{{{name}}}}}", value)
            assert message == change.message


def test_a_text_that_looks_like_a_variable_is_not_taken_for_one() -> None:
    texts = {"a": "description {{account}}", "b": "description b"}
    changes = [Change("k", Effect.NONE, key, "r", None, texts[key], own=(("account", key),)) for key in texts]
    assert [group.message for group in groups(Comparison(tuple(changes), 2, 2, ()))] == list(texts.values())


WORDS = ["a", "acme", "acme/shop", "shop", "shop-x", "111", "111-x", "role", "account", "repository", "a b", "{", "}"]
NAMES = ("account", "account_id", "region", "role", "repository", "repository_name", "environment")
OWN = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(WORDS)).map(lambda own: tuple(own.items()))
HOSTILE = st.builds(
    lambda account, role, words, own: Change("k", Effect.GAIN, account, role, None, " ".join(words), own=own),
    st.sampled_from("pq"), st.sampled_from(["d[a]", "d[b]", "e", None]),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), OWN,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(HOSTILE, min_size=1, max_size=4, unique=True))
def test_no_names_of_roles_and_accounts_make_a_group_say_another_thing(changes: list[Change]) -> None:
    for group in groups(Comparison(tuple(changes), 0, 0, ())):
        for change in group.changes:
            message = group.message
            for name, value in change.own:
                message = message.replace(f"{{{{{name}}}}}", value)
            assert change.message in (message, group.message)


INVENTORY = """
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments: {production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}
      site:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c02}"
        environments: {production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e04}"}
accounts:
  production: {id: "111111111111", region: eu-west-1, labels: {kind: new}}
  test: {id: "222222222222", region: eu-west-1, labels: {kind: new}}
  old: {id: "333333333333", region: eu-central-1, labels: {kind: old}}
permission_policies:
  p:
    document:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Action: ["ecs:UpdateService"]
          Resource: "arn:aws:ecs:{{region}}:{{account_id}}:service/{{repository_name}}"
roles:
  deploy:
    for_each: {repository: [acme/shop, acme/site]}
    name: "{{repository_name}}-deploy"
    accounts: ["*"]
    trust: [{repository: "{{repository}}", environments: [production]}]
    managed_policies: ["account:ci"]
"""


Changed = Callable[[str, str], list[tuple[str, int, str, tuple[Part, ...]]]]


@pytest.fixture
def changed(tmp_path: Path) -> Changed:
    """Compare INVENTORY with another text in place of one of its texts."""

    def plan(text: str) -> PlanView:
        (tmp_path / "inventory.yaml").write_text(text)
        result = compile_plan(load_inventory(tmp_path / "inventory.yaml"))
        assert result.plan is not None, result.findings
        return PlanView.of(result.plan)

    def compared(old: str, new: str) -> list[tuple[str, int, str, tuple[Part, ...]]]:
        assert old in INVENTORY
        made = groups(compare(plan(INVENTORY), plan(INVENTORY.replace(old, new))))
        return [(group.kind, group.cell_count, group.message, group.exceptions) for group in made]

    return compared


def test_one_policy_of_a_family_is_one_gain_and_one_loss(changed: Changed) -> None:
    assert changed('"account:ci"', '"account:cd"') == [
        ("managed-policy-attached", 6, "managed policy arn:aws:iam::{{account_id}}:policy/cd is attached", ()),
        ("managed-policy-detached", 6, "managed policy arn:aws:iam::{{account_id}}:policy/ci is detached", ()),
    ]


def test_permissions_that_name_region_account_and_repository_are_alike(changed: Changed) -> None:
    resource = "arn:aws:ecs:{{region}}:{{account_id}}:service/{{repository_name}}"
    assert changed('["account:ci"]', '["account:ci"]\n    inline_policies: [p]') == [
        ("permission-gained", 6, f"inline policy p now allows ecs:UpdateService; Resource {resource}", ())
    ]


def test_an_account_named_like_an_environment_stays_in_the_group(changed: Changed) -> None:
    outside = "{{repository}}, deployment environment production may no longer assume it (environment-bound)"
    new = changed("environments: [production]", "steps: all_including_environments")
    every = "{{repository}}, every step, deployment environments included may now assume it (repository-wide)"
    assert new == [("trust-gained", 6, every, ())]
    lost = changed('accounts: ["*"]', "accounts: [old]")
    assert ("trust-lost", 4, outside, (Part("old", None),)) in lost


def test_the_account_to_which_a_change_does_not_apply_is_named(changed: Changed) -> None:
    boundary = "overrides: {production: {max_session_duration: 2h}, test: {max_session_duration: 2h}}"
    assert changed('["account:ci"]', f'["account:ci"]\n    {boundary}') == [
        ("session-longer", 4, "sessions last up to 120 minutes (was 60)", (Part("old", None),))
    ]
