"""A state, as Pulumi stores and exports it, becomes values; whatever is encrypted stays unknown."""

import gzip
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.state import UNKNOWN, PendingOperation, read_state
from oidc.errors import StateError

STACK = "urn:pulumi:prod::bitbucket-aws-oidc::pulumi:pulumi:Stack::bitbucket-aws-oidc-prod"
ROLE = "urn:pulumi:prod::bitbucket-aws-oidc::a:b:C$aws:iam/role:Role::prod/shop::deploy"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}
PASSPHRASE = {"type": "passphrase", "state": {"salt": "v1:salt"}}


def deployment(**changed: Any) -> dict[str, Any]:
    return {
        "manifest": {"time": "2026-11-29T01:52:29.381759316Z", "magic": "m", "version": "3.276.0"},
        "secrets_providers": PASSPHRASE,
        "resources": [
            {"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False, "outputs": {"planDigest": "sha256:1"}},
            {
                "urn": ROLE,
                "type": "aws:iam/role:Role",
                "custom": True,
                "id": "shop-deploy",
                "inputs": {"tags": SECRET, "nested": [{"value": SECRET}]},
                "protect": True,
            },
        ],
        "pending_operations": [
            {"resource": {"urn": ROLE, "type": "aws:iam/role:Role", "custom": True}, "type": "creating"}
        ],
        **changed,
    }


def stored(latest: object, version: object = 3) -> bytes:
    return json.dumps({"version": version, "checkpoint": {"stack": "organization/p/prod", "latest": latest}}).encode()


def exported(latest: object) -> bytes:
    return json.dumps({"version": 3, "deployment": latest}, indent=4).encode()


def test_a_stored_state_is_read_whole() -> None:
    state = read_state("prod", stored(deployment()))
    assert state.saved == datetime(2026, 11, 29, 1, 52, 29, 381759, UTC)
    assert state.secrets_provider == PASSPHRASE
    assert state.plan_digest == "sha256:1"
    assert state.pending == (PendingOperation(ROLE, "aws:iam/role:Role", "creating"),)
    _, role = state.resources
    assert (role.id, role.name, role.is_protected, role.is_external) == (
        "shop-deploy",
        "prod/shop::deploy",
        True,
        False,
    )


def test_secrets_are_unknown_wherever_they_are() -> None:
    role = read_state("prod", stored(deployment())).resources[1]
    assert role.inputs == {"tags": UNKNOWN, "nested": [{"value": UNKNOWN}]}


def test_file_export_and_compressed_file_say_the_same() -> None:
    text = stored(deployment())
    assert (
        read_state("prod", text)
        == read_state("prod", exported(deployment()))
        == read_state("prod", gzip.compress(text))
    )


@pytest.mark.parametrize("latest", [None, {}, {"manifest": {"time": "0001-01-01T00:00:00Z"}, "metadata": {}}])
def test_a_stack_without_any_update_is_empty(latest: object) -> None:
    state = read_state("prod", stored(latest))
    assert (state.saved, state.resources, state.pending, state.plan_digest) == (None, (), (), None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b"\x1f\x8b\x08", "not complete gzip"),
        (gzip.compress(stored(deployment()))[:-9], "not complete gzip"),
        (b"\x28\xb5\x2f\xfd\x00", "Zstandard"),
        (stored(deployment(), version=2), "version 2"),
        (stored(deployment(resources=[{"type": "a:b:C"}])), "not of the form"),
        (stored(deployment(resources=7)), "not of the form"),
        (stored(deployment(manifest={"time": "yesterday"})), "not of the form"),
    ],
)
def test_any_other_text_is_refused(text: bytes, says: str) -> None:
    with pytest.raises(StateError, match=says):
        read_state("prod", text)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_whatever_a_part_of_a_state_is_it_is_read_or_refused(data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(sorted(deployment())))
    text = stored(deployment(**{part: data.draw(ANYTHING)}))
    with suppress(StateError):
        read_state("prod", text)
