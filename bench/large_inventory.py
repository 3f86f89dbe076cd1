"""A large inventory of any size, the same at every run."""

import uuid
from pathlib import Path

_NAMESPACE = uuid.UUID("0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11")


def write_large_inventory(folder: Path, *, roles: int, repositories: int, accounts: int, files: int) -> None:
    """Write an inventory of so many roles, repositories and accounts into so many files.

    Each role is in one account, trusts two environments or the steps of one repository, and has usual keys.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "accounts.yaml").write_text(_accounts(accounts))
    (folder / "workspace.yaml").write_text(f'workspaces:\n  acme:\n    uuid: "{_uuid("acme")}"\n')
    teams = max(1, files - 2)
    for number in range(teams):
        text = [
            _repositories(range(number, repositories, teams)),
            _roles(range(number, roles, teams), repositories, accounts),
        ]
        (folder / f"team-{number:04}.yaml").write_text("".join(text))


def _uuid(name: str) -> str:
    return f"{{{uuid.uuid5(_NAMESPACE, name)}}}"


def _accounts(count: int) -> str:
    head = (
        'defaults:\n  region: eu-west-1\n  deploy_role: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy"\n'
        "  thumbprints: omit\n"
    )
    lines = [f'  a{n}: {{id: "{n + 1:012}", labels: {{env: {"prod" if n % 2 else "dev"}}}}}\n' for n in range(count)]
    return head + "accounts:\n" + "".join(lines)


def _repositories(numbers: range) -> str:
    lines = [
        f'      r{n}:\n        uuid: "{_uuid(f"r{n}")}"\n        environments:\n'
        f'          staging: "{_uuid(f"r{n}s")}"\n          production: "{_uuid(f"r{n}p")}"\n'
        for n in numbers
    ]
    return "workspaces:\n  acme:\n    repositories:\n" + "".join(lines) if lines else ""


def _roles(numbers: range, repositories: int, accounts: int) -> str:
    return "roles:\n" + "".join(
        f"  role-{n}:\n    description: Deploys r{n % repositories} to {{{{account}}}}\n    owner: team-{n % 97}\n"
        f"    accounts: [a{n % accounts}]\n    trust:\n"
        f"      - repository: acme/r{n % repositories}\n        environments: [staging, production]\n"
        f'    managed_policies: ["aws:ReadOnlyAccess"]\n    max_session_duration: 2h\n'
        f"    tags: {{Service: s{n % 53}}}\n"
        for n in numbers
    )
