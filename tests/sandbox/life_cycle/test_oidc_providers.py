"""The life of an OIDC provider: made, adopted, referred to, protected, let go of; on each engine."""

from collections.abc import Callable

import pytest

from oidc.errors import OutsideWorldError
from sandbox.run import Action
from tests.sandbox.life_cycle.one_stack import AUDIENCE, OneStack, did

ADOPTED = ("import", "OpenIdConnectProvider", "prod/acme")
LET_GO = ("discard", "OpenIdConnectProvider", "prod/acme")
BY_HAND = {
    "ClientIDList": [AUDIENCE, "theirs.example"],
    "ThumbprintList": ["b" * 40],
    "Tags": [{"Key": "Owner", "Value": "network-team"}],
}


@pytest.fixture
def adopting(stack: OneStack) -> OneStack:
    stack.made_by_hand(AUDIENCE, "theirs.example")
    return stack.with_mode("adopt")


def test_adopting_changes_nothing_neither_at_first_nor_later(adopting: OneStack) -> None:
    assert ADOPTED in did(adopting.preview())
    assert ADOPTED in did(adopting.up())
    assert adopting.oidc_provider() == BY_HAND
    with adopting.iam() as iam:
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=adopting.arn, ClientID="new.example")
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=adopting.arn, ThumbprintList=["c" * 40])
    assert did(adopting.up()) == set()
    assert adopting.oidc_provider() == {
        **BY_HAND, "ClientIDList": [AUDIENCE, "theirs.example", "new.example"], "ThumbprintList": ["c" * 40],
    }  # fmt: skip


def test_what_was_adopted_stays_when_nothing_needs_it_any_more(adopting: OneStack) -> None:
    adopting.up()
    adopting.inventory["roles"].clear()
    assert did(adopting.up()) == {
        LET_GO,
        ("delete", "Role", "prod/shop-deploy"),
        ("delete", "RolePolicyAttachmentsExclusive", "prod/shop-deploy"),
    }
    assert adopting.oidc_provider() == BY_HAND


def test_what_was_adopted_stays_when_the_stack_is_destroyed(adopting: OneStack) -> None:
    adopting.up()
    assert LET_GO in did(adopting.destroy())
    assert adopting.oidc_provider() == BY_HAND
    assert adopting.roles() == set()


@pytest.mark.parametrize("first", ["create", "adopt"])
def test_from_managing_an_oidc_provider_to_referring_to_it_and_back_nothing_changes_in_aws(
    first: str, stack: OneStack
) -> None:
    if first == "adopt":
        stack.made_by_hand(AUDIENCE)
    stack.with_mode(first).up()
    before = stack.oidc_provider()
    assert did(stack.with_mode("reference").up()) == set()
    assert stack.oidc_provider() == before
    assert did(stack.with_mode("adopt").up()) == {ADOPTED}
    assert stack.oidc_provider() == before


def test_from_adopting_to_creating_it_becomes_what_the_inventory_says(adopting: OneStack) -> None:
    adopting.up()
    summary = adopting.with_mode("create").up()
    assert did(summary) == {("update", "OpenIdConnectProvider", "prod/acme")}
    changes = next(step.changes for step in summary.steps if step.operation == "update")
    assert changes.keys() == {"clientIdLists", "tags", "tagsAll", "thumbprintLists"}
    found = adopting.oidc_provider()
    assert found is not None
    assert found["ClientIDList"] == [AUDIENCE]
    assert found["ThumbprintList"] != ["b" * 40]


@pytest.mark.parametrize("mode", ["adopt", "reference"])
def test_what_is_not_there_stops_the_run_before_any_role_trusts_it(mode: str, stack: OneStack) -> None:
    with pytest.raises(OutsideWorldError, match="does not exist"):
        stack.with_mode(mode).act(
            Action.UP, lambda iam: iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=stack.arn)
        )
    assert stack.roles() == set()


def test_a_protected_oidc_provider_is_not_deleted_but_can_be_let_go_of(stack: OneStack) -> None:
    stack.config = {"bitbucket-aws-oidc:protectOidcProviders": "true"}
    stack.up()
    before = stack.oidc_provider()
    roles = stack.inventory["roles"].copy()
    stack.inventory["roles"].clear()
    with pytest.raises(OutsideWorldError, match="protect"):
        stack.up()
    with pytest.raises(OutsideWorldError, match="protect"):
        stack.destroy()
    assert stack.oidc_provider() == before
    stack.inventory["roles"] |= roles
    stack.with_mode("reference").up()
    assert did(stack.destroy()) >= {("delete", "Role", "prod/shop-deploy")}
    assert stack.oidc_provider() == before


def test_two_stacks_share_an_account_and_its_oidc_provider(new_stack: Callable[..., OneStack]) -> None:
    first = new_stack("first")
    second = new_stack("second", first.account_id).with_mode("reference")
    second.inventory["roles"] = {"shop-plan": second.inventory["roles"].pop("shop-deploy")}
    first.up()
    before = first.oidc_provider()
    second.up()
    assert did(first.up()) == did(second.up()) == set()
    assert first.roles() == {"shop-deploy", "shop-plan"}
    second.destroy()
    assert first.roles() == {"shop-deploy"}
    assert first.oidc_provider() == before
    assert did(first.up()) == set()
