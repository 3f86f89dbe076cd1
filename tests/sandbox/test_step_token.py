"""A step by the names that the inventory gives things."""

from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

from config.load import load_inventory
from config.models.inventory import Inventory
from oidc.errors import UsageError
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.running_sandbox import named_step, signed

WIDE = Path(__file__).parent.parent / "fixtures" / "inventories" / "wide"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OWN = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return load_inventory(WIDE).inventory


@pytest.fixture(scope="module")
def bitbucket(tmp_path_factory: pytest.TempPathFactory) -> EmulatedBitbucket:
    return EmulatedBitbucket(tmp_path_factory.mktemp("bitbucket"), [])


def test_a_step_has_the_uuids_of_what_it_is_named_by(inventory: Inventory) -> None:
    step = named_step(inventory, "acme/shop", "production", branch="hotfix")
    assert step.subject.startswith("{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}:{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}:{")
    assert step.branch == "hotfix"
    assert named_step(inventory, "acme/shop", None).environment_uuid is None


@pytest.mark.parametrize(
    ("repository", "environment", "says"),
    [
        ("acme", None, "a repository is WORKSPACE/REPOSITORY"),
        ("acmee/shop", None, "no workspace named `acmee`; did you mean `acme`?"),
        ("acme/shp", None, "no repository in workspace acme named `shp`; did you mean `shop`?"),
        (
            "acme/shop",
            "prodution",
            "no deployment environment in repository acme/shop named `prodution`; did you mean `production`?",
        ),
        ("acme/shop", "qa", "known: production, staging"),
        ("acme/site", "qa", "the inventory has none"),
        ("acme/handbook", None, "repository acme/handbook has no UUID in the inventory"),
        ("acme/shop\x1b[2J", None, "named `shop\\x1b[2J`"),
    ],
)
def test_what_the_inventory_does_not_know_is_refused_with_what_it_knows(
    inventory: Inventory, repository: str, environment: str | None, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        named_step(inventory, repository, environment)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("audiences", "expected"),
    [((), OWN), (("deploy.example",), "deploy.example"), ((OWN, "deploy.example"), [OWN, "deploy.example"])],
)
def test_a_token_has_the_workspaces_own_audience_unless_others_are_asked_for(
    inventory: Inventory, bitbucket: EmulatedBitbucket, audiences: tuple[str, ...], expected: str | list[str]
) -> None:
    token = signed(bitbucket, named_step(inventory, "acme/shop", "staging"), audiences, now=NOW)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == expected
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["iat"] == int(NOW.timestamp())
