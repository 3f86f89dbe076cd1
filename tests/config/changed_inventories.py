"""A sound inventory with a few things changed at random, most of them for the worse."""

import copy
import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import yaml

INVENTORIES = Path(__file__).parent.parent / "fixtures" / "inventories"
SOUND = [yaml.safe_load((INVENTORIES / name / "inventory.yaml").read_text()) for name in ("wide", "families")]

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


def mutated(rng: random.Random, of: Any = None) -> Any:
    sound = rng.choice(SOUND) if of is None else of
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
