"""The lock answers what the inventory leaves open, and nothing else."""

from collections.abc import Callable
from pathlib import Path

from access.compile import compile_plan
from access.plan import RolePlan
from config.load import load_inventory
from config.lock.models import Lock
from config.lock.questions import with_locked_quotas

OPEN = """
workspaces:
  acme:
    repositories:
      shop:
        environments: {production: }
accounts: {prod: {id: "222222222222", oidc_provider: auto}}
roles:
  deploy:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
    source_ips: atlassian
    allow: {shared-addresses: the trust is narrow enough}
"""

LOCK = """
version: 1
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments: {production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}
accounts:
  prod: {id: "222222222222", oidc_providers: {acme: present}}
address_ranges:
  atlassian: {sync_token: 1700000000, networks: [203.0.113.0/24, 198.51.100.0/25]}
"""


def role(tmp_path: Path, lock: str = LOCK) -> RolePlan:
    (tmp_path / "inventory.yaml").write_text(OPEN)
    (tmp_path / "inventory.lock.yaml").write_text(lock)
    compiled = compile_plan(load_inventory(tmp_path))
    assert compiled.plan is not None, compiled.findings
    return compiled.plan.accounts[0].roles[0]


def test_uuids_left_out_come_from_the_lock(tmp_path: Path) -> None:
    assert role(tmp_path).trust[0].subject_pattern == (
        "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}:{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}:*"
    )


def test_address_ranges_come_from_the_lock_sorted(tmp_path: Path) -> None:
    assert [str(network) for network in role(tmp_path).source_ips] == ["198.51.100.0/25", "203.0.113.0/24"]


def test_auto_adopts_a_present_oidc_provider_and_creates_an_absent_one(tmp_path: Path) -> None:
    modes = []
    for seen in ("present", "absent"):
        role(tmp_path, LOCK.replace("acme: present", f"acme: {seen}"))
        plan = compile_plan(load_inventory(tmp_path)).plan
        assert plan is not None
        modes.append(plan.accounts[0].oidc_providers[0].mode)
    assert modes == ["adopt", "create"]


def test_auto_uses_the_mode_in_the_lock(tmp_path: Path) -> None:
    role(tmp_path, LOCK.replace("acme: present", "acme: {state: present, use: reference}"))
    plan = compile_plan(load_inventory(tmp_path)).plan
    assert plan is not None
    assert plan.accounts[0].oidc_providers[0].mode == "reference"


def test_an_oidc_provider_of_others_is_no_finding_if_the_lock_has_its_mode(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(OPEN.replace("oidc_provider: auto", "oidc_provider: create"))
    rules = []
    for use in ("", ", use: create"):
        answer = f"acme: {{state: present, owner: terraform{use}}}"
        (tmp_path / "inventory.lock.yaml").write_text(LOCK.replace("acme: present", answer))
        rules.append([finding.rule for finding in compile_plan(load_inventory(tmp_path)).findings])
    assert rules == [["oidc-provider-exists"], []]


def test_quotas_of_another_account_with_the_same_key_are_ignored(write_inventory: Callable[..., Path]) -> None:
    inventory = load_inventory(write_inventory()).inventory
    taken = []
    for number in ("111111111111", "999999999999"):
        lock = Lock.model_validate({"accounts": {"dev": {"id": number, "quotas": {"trust_policy_chars": 4096}}}})
        taken.append(with_locked_quotas(inventory, lock).accounts["dev"].quotas.trust_policy_chars)
    assert taken == [4096, 2048]


def test_a_repository_that_the_lock_knows_by_another_uuid_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(
        OPEN.replace("shop:\n", 'shop:\n        uuid: "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"\n')
    )
    (tmp_path / "inventory.lock.yaml").write_text(LOCK)
    assert [finding.rule for finding in load_inventory(tmp_path).findings] == ["lock-mismatch"]


def test_an_unused_name_without_uuid_needs_no_lock(write_inventory: Callable[..., Path]) -> None:
    folder = write_inventory(more_yaml="workspaces: {acme: {repositories: {handbook: }}}\n")
    assert load_inventory(folder).findings == ()
