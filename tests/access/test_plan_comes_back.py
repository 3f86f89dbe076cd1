"""Loading what a plan says gives that plan again: the plan says everything about access, and nothing else matters."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.compile import compile_plan
from access.plan_json import plan_json
from config.load import load_inventory
from tests.access.plan_as_inventory import inventories_of, key_of
from tests.sandbox.inventory_sequences import sequence

PROJECT = Path(__file__).parent.parent.parent
SHOWN = [PROJECT / "examples" / "quickstart", PROJECT / "examples" / "inventory-repository" / "inventory"]
EXAMPLES = [*SHOWN, *(PROJECT / "tests" / "fixtures" / "inventories").iterdir()]


def plan_of(path: Path) -> Any:
    compiled = compile_plan(load_inventory(path))
    assert compiled.plan is not None, compiled.findings
    return plan_json(compiled.plan)


def by_arn(role: dict[str, Any]) -> Any:
    return role["arn"]


def assert_comes_back(plan: Any, folder: Path) -> None:
    for account in plan["accounts"]:
        roles = []
        for inventory in inventories_of(account):
            (folder / "again.yaml").write_text(yaml.safe_dump(inventory, sort_keys=False))
            (again,) = plan_of(folder / "again.yaml")["accounts"]
            assert again | {"roles": []} == account | {"roles": []}
            roles += again["roles"]
        expected = [role | {"key": key_of(role)} for role in account["roles"]]
        assert sorted(roles, key=by_arn) == sorted(expected, key=by_arn)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_the_plan_of_an_example_comes_back(example: Path, tmp_path: Path) -> None:
    assert_comes_back(plan_of(example), tmp_path)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_the_plan_of_any_inventory_comes_back(tmp_path: Path, seed: int) -> None:
    inventories = sequence(seed, tmp_path)
    for _ in range(3):
        assert_comes_back(plan_of(next(inventories)), tmp_path)
