"""Changes of stacks: whatever moves, no account changes unseen."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from access.digests import AccountDigest
from access.stacks import TakenStack, TakenStackChange, stack_changes
from config.stack_file import fleet_stack
from oidc.identifiers import AccountId

Side = Mapping[str, tuple[str, str]]
"""The stack and the digest of each account, by its id."""

SIDES = st.dictionaries(
    st.sampled_from([f"{number:012}" for number in range(1, 5)]),
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["sha256:1", "sha256:2"])),
)


def taken(side: Side) -> dict[str, TakenStack]:
    stacks: dict[str, list[AccountDigest]] = {}
    for account, (stack, digest) in sorted(side.items()):
        stacks.setdefault(stack, []).append(AccountDigest(f"key-{account}", AccountId(account), digest))
    return {
        stack: TakenStack(
            fleet_stack(stack, "inventory", None, None),
            " ".join(account.digest + account.id for account in accounts),
            tuple(account.key for account in accounts),
            account_digests=tuple(accounts),
        )
        for stack, accounts in stacks.items()
    }


@given(SIDES, SIDES)
def test_every_account_is_in_a_change_with_its_digests_before_and_after(before: Side, after: Side) -> None:
    changes = stack_changes(taken(after), taken(before))
    for account in before.keys() | after.keys():
        digests = [side[account][1] if account in side else None for side in (before, after)]
        of_account = [(change, each) for change in changes for each in change.accounts if each.id == account]
        assert of_account
        assert {(each.base_digest, each.digest) for _, each in of_account} == {tuple(digests)}
        if before.get(account) != after.get(account):
            assert any(change.change is not TakenStackChange.UNCHANGED for change, _ in of_account)


@given(SIDES)
def test_equal_sides_have_no_changes(side: Side) -> None:
    changes = stack_changes(taken(side), taken(side))
    assert {change.change for change in changes} <= {TakenStackChange.UNCHANGED}
    assert not any(change.former for change in changes)
    assert all(account.digest == account.base_digest for change in changes for account in change.accounts)


@given(SIDES, SIDES)
def test_a_stack_that_the_base_may_have_had_is_never_called_new(before: Side, after: Side) -> None:
    changes = stack_changes(taken(after), taken(before), base_fault="a finding")
    assert TakenStackChange.ADDED not in {change.change for change in changes}
