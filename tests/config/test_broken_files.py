"""A file that cannot be read gives one finding, and makes none in another file.

That it hides none there is among the faulty inventories.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml

from access.compile import compile_plan
from config.findings import Finding
from config.load import load_inventory

TODAY = date(2026, 11, 23)
FIXTURES = Path(__file__).parent.parent / "fixtures"
WIDE = yaml.safe_load((FIXTURES / "inventories" / "wide" / "inventory.yaml").read_text())
del WIDE["roles"]["gone"]  # past its day, which is a finding
WAITS = "; until this file can be read, unknown names in other files are not reported"

BROKEN = {
    "syntax": b"]\n",
    "text": b"just text\n",
    "latin-1": b"owner: \xe9\n",
    "utf-16": "roles: {}\n".encode("utf-16"),
}


def findings(folder: Path) -> list[Finding]:
    return list(compile_plan(load_inventory(folder, today=TODAY)).findings)


@pytest.mark.parametrize("section", WIDE)
@pytest.mark.parametrize("fault", BROKEN)
def test_what_a_broken_file_declares_is_not_reported_as_missing(tmp_path: Path, section: str, fault: str) -> None:
    rest = {key: value for key, value in WIDE.items() if key != section}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(rest))
    (tmp_path / "b.yaml").write_bytes(yaml.safe_dump({section: WIDE[section]}).encode() + BROKEN[fault])
    (finding,) = findings(tmp_path)
    assert Path(finding.place.file).name == "b.yaml"
    assert finding.hint.endswith(WAITS)


@pytest.mark.parametrize("section", ["workspaces", "accounts", "permission_policies"])
def test_nor_is_what_a_section_without_a_mapping_would_declare(tmp_path: Path, section: str) -> None:
    for value in ("", "text", "[]"):
        rest = {key: value for key, value in WIDE.items() if key != section}
        (tmp_path / "a.yaml").write_text(yaml.safe_dump(rest) + f"{section}: {value}\n")
        assert len(findings(tmp_path)) == 1


def test_the_only_file_of_an_inventory_has_no_others_that_wait(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("roles: [\n")
    (finding,) = findings(tmp_path)
    assert WAITS not in str(finding)


def test_a_broken_policy_file_keeps_nothing_else_back(write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory(
        "permission_policies: {p: {file: p.json}}\n"
        "roles: {r: {accounts: [nowhere], trust: [{repository: acme/shop, environments: [production]}]}}\n",
        p_json="{",
    )
    assert [finding.rule for finding in findings(folder)] == ["unknown-account", "json-syntax"]
