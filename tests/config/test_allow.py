"""A warning that somebody accepts is kept apart with the reason; nothing else is ever silenced."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from access.compile import Compiled, compile_plan
from config.load import load_inventory

TODAY = date(2026, 11, 24)
ROLE = """
roles:
  deploy:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
    expires: 2020-12-31
    managed_policies: ["aws:ReadOnlyAccess"]
"""


def compiled(folder: Path) -> Compiled:
    return compile_plan(load_inventory(folder, today=TODAY))


def test_an_accepted_warning_is_kept_apart_with_its_reason(write_inventory: Callable[..., Path]) -> None:
    result = compiled(write_inventory(ROLE + '    allow: {expired: "kept for the auditors until spring"}\n'))
    assert result.findings == ()
    assert ("expired", "kept for the auditors until spring") in [
        (silenced.finding.rule, silenced.reason) for silenced in result.silenced
    ]


def test_an_accepted_warning_hides_no_other(write_inventory: Callable[..., Path]) -> None:
    role = ROLE + '    allow: {expired: "kept for the auditors"}\n'
    other = ROLE.replace("roles:", "").replace("deploy", "second")
    result = compiled(write_inventory(role + other))
    assert [(finding.rule, finding.path) for finding in result.findings] == [("expired", "roles.second.expires")]


def test_an_allow_is_not_called_unused_while_errors_keep_rules_from_being_judged(
    write_inventory: Callable[..., Path],
) -> None:
    role = ROLE.replace("2020", "2099").replace("ReadOnly", "Administrator")
    result = compiled(write_inventory(role + '    allow: {expired: "kept"}\n'))
    assert [finding.rule for finding in result.findings] == ["admin-access"]
