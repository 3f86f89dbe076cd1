"""Whatever an inventory holds, it compiles or gives findings; it never raises."""

import random
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.compile import compile_plan
from config.load import load_inventory
from tests.config.changed_inventories import mutated


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_a_changed_inventory_compiles_or_gives_findings(tmp_path: Path, rng: random.Random) -> None:
    (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(mutated(rng), sort_keys=False, allow_unicode=True))
    compiled = compile_plan(load_inventory(tmp_path))
    assert compiled.plan is not None or compiled.findings
    for finding in compiled.findings:
        assert "\n" not in str(finding)
        assert "\x1b" not in str(finding)
