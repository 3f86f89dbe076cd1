"""What replaces, what stays and which calls are made: as the official AWS provider does it.

The modules of `sandbox/aws_provider` name the source of each behaviour.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from oidc.errors import AwsError
from sandbox.aws_provider import SmallAwsProvider
from sandbox.aws_provider.account import connect
from sandbox.aws_provider.retries import AwsRetries
from sandbox.engine.plugin import Plugin
from sandbox.engine.values import UNKNOWN
from tests.sandbox.managed_resources import (
    EXCLUSIVE,
    ISSUER,
    OIDC,
    POLICY,
    READ,
    ROLE,
    TRUST,
    Managed,
    configure,
    configured,
    role_inputs,
)

TAGS = json.dumps({"tags": {"Team": "core", "App": "x"}})


class Calls(list[str]):
    """The names of the IAM calls of a provider, in their order."""

    @contextmanager
    def during(self) -> Iterator["Calls"]:
        self.clear()
        yield self


@pytest.fixture
def recorded(endpoint: str, loop: asyncio.AbstractEventLoop) -> tuple[Plugin, Calls]:
    calls = Calls()

    def recording(configuration: Any, retries: AwsRetries) -> Any:
        client = connect(configuration, retries)
        client.meta.events.register("before-call.iam", lambda model, **_: calls.append(model.name))
        return client

    return configure(Plugin(SmallAwsProvider(connect=recording), loop), endpoint), calls


def policies(iam: Any, *names: str) -> list[str]:
    return [str(iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(READ))["Policy"]["Arn"]) for name in names]


@pytest.mark.parametrize("change", [{"name": "other"}, {"path": "/x/"}])
def test_a_replaced_role_that_was_given_its_name_is_deleted_first(plugin: Plugin, change: dict[str, object]) -> None:
    inputs = role_inputs(f"replaced-by-{next(iter(change))}")
    found = Managed(plugin, ROLE.format("replaced"), **inputs).diff(**{**inputs, **change})
    assert found.replaces == tuple(change)
    assert found.delete_before_replace


def test_a_replaced_role_without_a_name_of_its_own_is_deleted_last(plugin: Plugin) -> None:
    inputs = {"assumeRolePolicy": json.dumps(TRUST)}
    found = Managed(plugin, ROLE.format("made-up"), **inputs).diff(**inputs, path="/x/")
    assert found.replaces == ("path",)
    assert not found.delete_before_replace


@pytest.mark.parametrize("change", [{"name": "q"}, {"role": UNKNOWN}])
def test_a_replaced_inline_policy_is_deleted_first(plugin: Plugin, change: dict[str, object]) -> None:
    role = f"of-policies-{next(iter(change))}"
    Managed(plugin, ROLE.format(role), **role_inputs(role))
    inputs: dict[str, object] = {"name": "p", "role": role, "policy": json.dumps(READ)}
    found = Managed(plugin, POLICY.format("p"), **inputs).diff(**{**inputs, **change})
    assert found.replaces == tuple(change)
    assert found.delete_before_replace


def test_replaced_attachments_and_oidc_providers_are_deleted_last(plugin: Plugin) -> None:
    Managed(plugin, ROLE.format("attached"), **role_inputs("attached"))
    attachments = Managed(plugin, EXCLUSIVE.format("x"), roleName="attached", policyArns=[])
    found = attachments.diff(roleName="other", policyArns=[])
    assert (found.replaces, found.delete_before_replace) == (("roleName",), False)
    url = f"https://{ISSUER.format('moved')}"
    oidc_provider = Managed(plugin, OIDC.format("moved"), url=url, clientIdLists=["a"], thumbprintLists=["a" * 40])
    found = oidc_provider.diff(url=f"{url}/", clientIdLists=["a"])
    assert (found.replaces, found.delete_before_replace) == (("url",), False)


@pytest.mark.parametrize("left_out", [{}, {"thumbprintLists": []}])
def test_thumbprints_that_are_taken_out_of_the_inputs_stay_and_are_no_change(
    plugin: Plugin, iam: Any, left_out: dict[str, object]
) -> None:
    url = f"https://{ISSUER.format(f'kept-{len(left_out)}')}"
    one = Managed(plugin, OIDC.format("kept"), url=url, clientIdLists=["a"], thumbprintLists=["a" * 40])
    assert not one.diff(url=url, clientIdLists=["a"], **left_out).changes
    one.update(url=url, clientIdLists=["a", "b"], **left_out)
    assert one.outputs["thumbprintLists"] == ["a" * 40]
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=one.id)["ThumbprintList"] == ["a" * 40]
    one.delete()


def test_thumbprints_are_a_list_and_audiences_a_set(plugin: Plugin) -> None:
    first, second = "a" * 40, "b" * 40
    inputs: dict[str, object] = {"url": f"https://{ISSUER.format('order')}", "clientIdLists": ["a", "b"]}
    one = Managed(plugin, OIDC.format("order"), **inputs, thumbprintLists=[first, second])
    found = one.diff(**{**inputs, "clientIdLists": ["b", "a"]}, thumbprintLists=[second, first])
    assert found.properties == ("thumbprintLists",)
    one.update(**inputs, thumbprintLists=[second, first])
    assert one.outputs["thumbprintLists"] == [second, first]


def test_attachments_are_added_before_others_are_taken_away(recorded: tuple[Plugin, Calls], iam: Any) -> None:
    plugin, calls = recorded
    old, new = policies(iam, "before", "after")
    Managed(plugin, ROLE.format("swap"), **role_inputs("swap"))
    one = Managed(plugin, EXCLUSIVE.format("swap"), roleName="swap", policyArns=[old])
    with calls.during():
        one.update(roleName="swap", policyArns=[new])
    assert [call for call in calls if "RolePolicy" in call] == ["AttachRolePolicy", "DetachRolePolicy"]


def test_a_role_is_read_with_its_policies_and_changed_by_one_call_for_each_property(
    recorded: tuple[Plugin, Calls], iam: Any
) -> None:
    plugin, calls = recorded
    role = Managed(plugin, ROLE.format("calls"), **role_inputs("calls"))
    iam.put_role_policy(RoleName="calls", PolicyName="inline", PolicyDocument=json.dumps(READ))
    reading = ["GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies"]
    with calls.during():
        assert role.refresh()
    assert calls == reading
    with calls.during():
        role.update(**role_inputs("calls", description="d", maxSessionDuration=7200))
    assert calls == ["UpdateRoleDescription", "UpdateRole", *reading]


def test_a_role_leaves_instance_profiles_and_its_managed_policies_before_its_inline_ones(
    recorded: tuple[Plugin, Calls], iam: Any
) -> None:
    plugin, calls = recorded
    role = Managed(plugin, ROLE.format("leaving"), **role_inputs("leaving"))
    [arn] = policies(iam, "leaving")
    iam.attach_role_policy(RoleName="leaving", PolicyArn=arn)
    iam.put_role_policy(RoleName="leaving", PolicyName="inline", PolicyDocument=json.dumps(READ))
    iam.create_instance_profile(InstanceProfileName="machine")
    iam.add_role_to_instance_profile(InstanceProfileName="machine", RoleName="leaving")
    with calls.during():
        role.delete()
    assert calls == [
        "ListInstanceProfilesForRole", "RemoveRoleFromInstanceProfile", "ListAttachedRolePolicies", "DetachRolePolicy",
        "ListRolePolicies", "DeleteRolePolicy", "DeleteRole",
    ]  # fmt: skip
    assert not role.refresh()


@pytest.mark.parametrize("put", ["put_role_policy", "attach_role_policy"])
def test_a_role_with_policies_stays_without_force_detach(plugin: Plugin, iam: Any, put: str) -> None:
    name = f"stays-{put.partition('_')[0]}"
    role = Managed(plugin, ROLE.format(name), **role_inputs(name, forceDetachPolicies=False))
    [arn] = policies(iam, name)
    document: dict[str, str] = {"PolicyName": "inline", "PolicyDocument": json.dumps(READ)}
    getattr(iam, put)(RoleName=name, **(document if put == "put_role_policy" else {"PolicyArn": arn}))
    with pytest.raises(AwsError, match="AWS refused DeleteRole: DeleteConflict"):
        role.delete()
    assert role.refresh()


def test_a_description_or_boundary_that_is_removed_goes_in_place(plugin: Plugin, iam: Any) -> None:
    [boundary] = policies(iam, "removed-boundary")
    role = Managed(plugin, ROLE.format("bare"), **role_inputs("bare", description="d", permissionsBoundary=boundary))
    found = role.diff(**role_inputs("bare"))
    assert (set(found.properties), found.replaces) == ({"description", "permissionsBoundary"}, ())
    role.update(**role_inputs("bare"))
    assert (role.outputs["description"], role.outputs["permissionsBoundary"]) == ("", "")
    assert role.refresh()
    assert not role.diff(**role_inputs("bare")).changes


def test_default_tags_are_in_tags_all_alone(endpoint: str, loop: asyncio.AbstractEventLoop, iam: Any) -> None:
    plugin = configured(endpoint, loop, defaultTags=TAGS)
    own = role_inputs("tagged", tags={"App": "y"})
    role = Managed(plugin, ROLE.format("tagged"), **own)
    assert role.inputs["tagsAll"] == role.outputs["tagsAll"] == {"Team": "core", "App": "y"}
    assert role.outputs["tags"] == {"App": "y"}
    assert role.refresh()
    assert not role.diff(**own).changes
    iam.untag_role(RoleName="tagged", TagKeys=["Team"])
    assert role.refresh()
    assert role.diff(**own).properties == ("tagsAll",)
    role.update(**own)
    assert role.outputs["tagsAll"] == {"Team": "core", "App": "y"}
    assert role.diff(**role_inputs("tagged")).properties == ("tags", "tagsAll")


def test_changed_default_tags_change_every_resource_in_place(endpoint: str, loop: asyncio.AbstractEventLoop) -> None:
    role = Managed(configured(endpoint, loop, defaultTags=TAGS), ROLE.format("retagged"), **role_inputs("retagged"))
    role.plugin = configured(endpoint, loop)
    found = role.diff(**role_inputs("retagged"))
    assert (found.properties, found.replaces) == (("tagsAll",), ())
    role.update(**role_inputs("retagged"))
    assert role.outputs["tagsAll"] == {}


def test_tags_that_are_not_known_yet_leave_tags_all_unknown(endpoint: str, loop: asyncio.AbstractEventLoop) -> None:
    plugin = configured(endpoint, loop, defaultTags=TAGS)
    checked = plugin.check(ROLE.format("x"), {}, role_inputs("x", tags={"App": UNKNOWN}))
    assert checked["tagsAll"] == UNKNOWN


def gone_role(plugin: Plugin, iam: Any) -> Managed:
    role = Managed(plugin, ROLE.format("gone"), **role_inputs("gone"))
    iam.delete_role(RoleName="gone")
    return role


def gone_policy(plugin: Plugin, iam: Any) -> Managed:
    Managed(plugin, ROLE.format("holder"), **role_inputs("holder"))
    policy = Managed(plugin, POLICY.format("gone"), role="holder", name="p", policy=json.dumps(READ))
    iam.delete_role_policy(RoleName="holder", PolicyName="p")
    iam.delete_role(RoleName="holder")
    return policy


def gone_attachments(plugin: Plugin, iam: Any) -> Managed:
    Managed(plugin, ROLE.format("emptied"), **role_inputs("emptied"))
    attachments = Managed(plugin, EXCLUSIVE.format("gone"), roleName="emptied", policyArns=[])
    iam.delete_role(RoleName="emptied")
    return attachments


def gone_oidc_provider(plugin: Plugin, iam: Any) -> Managed:
    url = f"https://{ISSUER.format('gone')}"
    one = Managed(plugin, OIDC.format("gone"), url=url, clientIdLists=["a"], thumbprintLists=["a" * 40])
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=one.id)
    return one


@pytest.mark.parametrize("gone", [gone_role, gone_policy, gone_attachments, gone_oidc_provider])
def test_what_somebody_deleted_is_read_as_gone_and_deleted_without_an_error(
    plugin: Plugin, iam: Any, gone: Callable[[Plugin, Any], Managed]
) -> None:
    one = gone(plugin, iam)
    assert not one.refresh()
    one.delete()
