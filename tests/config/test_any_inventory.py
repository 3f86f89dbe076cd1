"""Whatever an inventory holds, it compiles or gives findings; it never raises."""

import random
import shutil
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.compile import Compiled, compile_plan
from config.load import load_inventory
from tests.config.changed_inventories import mutated

INVENTORIES = Path(__file__).parent.parent / "fixtures" / "inventories"
DELEGATED = INVENTORIES / "delegated"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_a_changed_inventory_compiles_or_gives_findings(tmp_path: Path, rng: random.Random) -> None:
    (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(mutated(rng), sort_keys=False, allow_unicode=True))
    compiled = compile_plan(load_inventory(tmp_path))
    assert_told(compiled)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_changed_guardrails_hold_or_give_findings(tmp_path: Path, rng: random.Random) -> None:
    folder = Path(shutil.copytree(DELEGATED, tmp_path / "inventory", dirs_exist_ok=True))
    guardrails = yaml.safe_load((DELEGATED / "guardrails.yaml").read_text())
    text = yaml.safe_dump({"guardrails": mutated(rng, guardrails["guardrails"])}, sort_keys=False, allow_unicode=True)
    (folder / "guardrails.yaml").write_text(text)
    assert_told(compile_plan(load_inventory(folder)))


def assert_told(compiled: Compiled) -> None:
    assert compiled.plan is not None or compiled.findings
    for finding in compiled.findings:
        assert "\n" not in str(finding)
        assert "\x1b" not in str(finding)
