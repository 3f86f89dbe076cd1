"""Whatever an inventory holds, it compiles or gives findings; it never raises."""

import copy
import random
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.compile import Compiled, compile_plan
from config.load import load_inventory

INVENTORIES = Path(__file__).parent.parent / "fixtures" / "inventories"
SOUND = [yaml.safe_load((INVENTORIES / name / "inventory.yaml").read_text()) for name in ("wide", "families")]
DELEGATED = INVENTORIES / "delegated"

ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, float("nan"), 10**30, date(2030, 1, 1), [], {}, [[]], {"[key]": 1}, ["*"], [None]),
    *(
        "",
        " ",
        "*",
        "{{role}}",
        "{{x}}",
        "{{repository}}",
        "${aws:x}",
        "\x1b[31m",
        "é",
        "{}",
        "..",
        "<<",
        "atlassian",
        "fetch",
        "x" * 300,
    ),
]


def places(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(data, dict):
        for key, value in data.items():
            yield from places(value, (*at, key))
    if isinstance(data, list):
        for index, value in enumerate(data):
            yield from places(value, (*at, index))


def mutated(rng: random.Random, sound: Any) -> Any:
    data = copy.deepcopy(sound)
    for _ in range(rng.randint(1, 3)):
        *path, last = rng.choice([at for at in places(data) if at])
        holder = data
        for part in path:
            holder = holder[part]
        match rng.randint(0, 3):
            case 0:
                del holder[last]
            case 1 if isinstance(holder, dict):
                holder[rng.choice(["[key]", "x", "*", "uuid", "trust", "\x1b"])] = holder.pop(last)
            case 2:
                holder[last] = copy.deepcopy(rng.choice([sound[key] for key in sound]))
            case _:
                holder[last] = rng.choice(ODD)
    return data


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.randoms(use_true_random=False))
def test_a_changed_inventory_compiles_or_gives_findings(tmp_path: Path, rng: random.Random) -> None:
    (tmp_path / "inventory.yaml").write_text(
        yaml.safe_dump(mutated(rng, rng.choice(SOUND)), sort_keys=False, allow_unicode=True)
    )
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
