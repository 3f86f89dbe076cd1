"""YAML anchors and merge keys: what they hold is one text, so a fault in it is one finding, where it is written."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from access.compile import Compiled, compile_plan
from config.load import load_inventory

Inventory = Callable[..., Path]
TODAY = date(2026, 11, 23)


def compiled(folder: Path) -> Compiled:
    return compile_plan(load_inventory(folder, today=TODAY))


def places(folder: Path) -> list[tuple[str, str, str]]:
    """Return of each finding its rule, its path, and the text of the file from where it stands."""
    places = []
    for finding in compiled(folder).findings:
        line = Path(finding.place.file).read_text().splitlines()[finding.place.line - 1]
        places.append((finding.rule, finding.path, line[finding.place.column - 1 :]))
    return places


def test_an_error_inside_of_an_anchor_is_told_once_where_it_is_written(write_inventory: Inventory) -> None:
    folder = write_inventory("""
roles:
  one: &role
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [prodution]}]
  two:
    <<: *role
    accounts: [dev]
  three:
    <<: *role
    accounts: [data]
""")
    assert places(folder) == [("unknown-environment", "roles.one.trust[0].environments[0]", "prodution]}]")]


def test_a_warning_inside_of_an_anchor_is_told_once_where_it_is_written(write_inventory: Inventory) -> None:
    folder = write_inventory("""
roles:
  one:
    accounts: [dev]
    trust: &builds
      - {repository: acme/site, steps: outside_environments}
  two:
    accounts: [dev]
    trust: *builds
""")
    assert [place for place in places(folder) if place[0] == "repository-wide-trust"] == [
        ("repository-wide-trust", "roles.one.trust[0].steps", "outside_environments}")
    ]


def test_a_fault_beside_a_merge_key_is_reported_where_it_is_written(write_inventory: Inventory) -> None:
    folder = write_inventory("""
roles:
  one: &role
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
    max_session_duration: 1h
  two:
    <<: *role
    max_session_duration: 30m
""")
    assert places(folder) == [("bad-duration", "roles.two.max_session_duration", "30m")]


def test_an_override_that_is_merged_holds_and_its_own_keys_win(write_inventory: Inventory) -> None:
    folder = write_inventory("""
roles:
  deploy:
    accounts: [dev, prod, data]
    trust: [{repository: acme/shop, environments: [production]}]
    overrides:
      dev: &long {max_session_duration: 2h, path: /long/}
      prod:
        <<: *long
        path: /prod/
""")
    plan = compiled(folder).plan
    assert plan is not None
    assert {
        account.key: (role.max_session_duration, role.path) for account in plan.accounts for role in account.roles
    } == {
        "data": (3600, "/bitbucket/"),
        "dev": (7200, "/long/"),
        "prod": (7200, "/prod/"),
    }


def test_a_fault_in_a_merged_override_is_told_once(write_inventory: Inventory) -> None:
    folder = write_inventory("""
roles:
  deploy:
    accounts: [dev, prod]
    trust: [{repository: acme/shop, environments: [production]}]
    overrides:
      dev: &office {source_ips: [10.0.0.0/8]}
      prod: {<<: *office, max_session_duration: 2h}
""")
    assert [place for place in places(folder) if not place[0].startswith("unused")] == [
        ("private-network", "roles.deploy.overrides.dev.source_ips[0]", "10.0.0.0/8]}")
    ]


def test_an_allow_beside_an_anchor_counts_for_the_entry_that_has_it(write_inventory: Inventory) -> None:
    roles = """
roles:
  one:
    accounts: [dev]
    trust: &builds [{repository: acme/site, steps: outside_environments}]
    allow: {repository-wide-trust: Every build reads the cache}
  two:
    accounts: [prod]
    trust: *builds
"""
    rules = [place[0] for place in places(write_inventory(roles)) if not place[0].startswith("unused")]
    assert rules == ["production-outside-environments"]
    same = roles.replace("[prod]", "[dev]")
    rules = [place[0] for place in places(write_inventory(same)) if not place[0].startswith("unused")]
    assert rules == ["repository-wide-trust"]
