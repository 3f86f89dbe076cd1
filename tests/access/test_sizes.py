"""What fits is said in numbers, and the numbers are right."""

import re
from pathlib import Path

import pytest

from access.compile import compile_plan
from config.load import load_inventory

ACCOUNT = 'accounts: {{p: {{id: "222222222222", quotas: {{trust_policy_chars: {quota}}}}}}}\n'


def inventory(count: int, quota: int, settings: str) -> str:
    """Return one role that trusts so many environments of one repository."""
    uuids = {f"e{n}": f"{{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b{n:04x}}}" for n in range(1, count + 1)}
    environments = ", ".join(f'{name}: "{uuid}"' for name, uuid in uuids.items())
    return (
        'workspaces: {acme: {uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", repositories: {shop: {uuid: '
        f'"{{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}}", environments: {{{environments}}}}}}}}}}}\n'
        + ACCOUNT.format(quota=quota)
        + "roles: {deploy: {accounts: [p], trust: [{repository: acme/shop, environments: "
        + f"[{', '.join(uuids)}]}}]{settings}}}}}\n"
    )


@pytest.mark.parametrize("quota", [2048, 4096, 8192])
@pytest.mark.parametrize("settings", ["", ", source_ips: [203.0.113.0/24], source_vpces: [vpce-01234567]"])
def test_exactly_as_many_subjects_fit_as_the_finding_says(tmp_path: Path, quota: int, settings: str) -> None:
    path = tmp_path / "inventory.yaml"

    def findings(count: int) -> list[str]:
        path.write_text(inventory(count, quota, settings))
        return [f"{finding.rule}: {finding.message}" for finding in compile_plan(load_inventory(path)).findings]

    (message,) = findings(150)
    fitting = int(re.findall(r"about (\d+) fit", message)[0])
    assert fitting > 1
    assert findings(fitting) == []
    assert [message.partition(":")[0] for message in findings(fitting + 1)] == ["size-limit"]
