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


def account_of_fleet(number: int) -> tuple[str, str]:
    """Return key and id of an account of ``write_fleet_inventory``; both have the same length for every number."""
    return f"fleet-{number:05}", f"{900_000_000_000 + number}"


def write_fleet_inventory(folder: Path, *, accounts: int, roles: int = 10) -> None:
    """Write a fleet of so many accounts with the same roles: each has an inline policy, a managed one and tags.

    Each role trusts the two environments of one repository.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(roles)
    keys = "".join(f'  {key}: {{id: "{id_}"}}\n' for key, id_ in map(account_of_fleet, range(accounts)))
    (folder / "platform.yaml").write_text(
        "rollout:\n  waves:\n    - {name: canary, accounts: [fleet-0000*]}\n"
        'defaults:\n  region: eu-west-1\n  deploy_role: "arn:{{partition}}:iam::{{account_id}}:role/PulumiDeploy"\n'
        f"accounts:\n{keys}"
        f'workspaces:\n  acme:\n    uuid: "{_uuid("acme")}"\n'
    )
    (folder / "roles.yaml").write_text(_repositories(numbers) + _roles_of_fleet(numbers))


def _roles_of_fleet(numbers: range) -> str:
    policies = "".join(
        f"  publish-{n}:\n    document:\n      Version: '2012-10-17'\n      Statement:\n"
        f"        - {{Effect: Allow, Action: ['s3:PutObject', 's3:DeleteObject'],\n"
        f"           Resource: 'arn:{{{{partition}}}}:s3:::acme-{n}/*'}}\n"
        for n in numbers
    )
    roles = "".join(
        f"  role-{n}:\n    description: Deploys r{n}\n    owner: team-{n}\n    accounts: ['*']\n"
        f"    trust: [{{repository: acme/r{n}, environments: [staging, production]}}]\n"
        f"    inline_policies: [publish-{n}]\n    managed_policies: ['aws:AmazonS3ReadOnlyAccess']\n"
        f"    max_session_duration: 2h\n    tags: {{Service: s{n}}}\n"
        for n in numbers
    )
    return f"permission_policies:\n{policies}roles:\n{roles}"
