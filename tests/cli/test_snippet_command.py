"""snippet asks for what is ambiguous and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cli.main import run

Inventory = Callable[..., Path]
TWO = (
    "roles: {r: {accounts: [dev, prod], trust: [{repository: acme/shop, environments: [production]}]}, "
    "q: {accounts: [prod], trust: [{repository: acme/shop, environments: [production]}]}}\n"
)


def test_what_is_unambiguous_may_be_left_out(write_inventory: Inventory, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["snippet", str(write_inventory(TWO)), "--role", "q"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert list(yaml.safe_load(captured.out)) == ["pipelines"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "which role? add --role: q, r"),
        (["--role", "r"], "which account of this role? add --account: dev, prod"),
        (["--role", "r", "--account", "prd"], "no account of this role named `prd`; did you mean `prod`?"),
        (["--role", "q", "--repository", "acme/shp"], "named `acme/shp`; did you mean `acme/shop`?"),
    ],
)
def test_what_is_missing_or_unknown_is_said(
    write_inventory: Inventory, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert run(["snippet", str(write_inventory(TWO)), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
