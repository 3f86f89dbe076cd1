"""Renew the lists of names that AWS extends: run by ``make update-data``, which installs the two sources beforehand.

Both packages are installed for this run alone, without their dependencies, so that neither is in a lock. ``moto`` is
read and not imported.
"""

import ast
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from config.known_names import DATA
from oidc.errors import BitbucketOidcError

MANAGED_POLICIES = "moto/iam/aws_managed_policies.py"
PARTITIONS = "botocore/data/partitions.json"


def managed_policies(source: str) -> list[str]:
    """Return the paths and names of all policies that AWS manages, ``job-function/ViewOnlyAccess``, from moto's module.

    Raises:
        BitbucketOidcError: The module has another form.
    """
    return [f"{policy['Path']}{name}".removeprefix("/") for name, policy in managed_policy_data(source).items()]


def managed_policy_data(source: str) -> dict[str, Any]:
    """Return the policies that AWS manages by their names, each with its ``Path`` and ``Document``, from moto's module.

    Raises:
        BitbucketOidcError: The module has another form.
    """
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="aws_managed_policies_data")], value=ast.Constant(value=str(text))):
                policies: dict[str, Any] = json.loads(text)
                return policies
    raise BitbucketOidcError(f"{MANAGED_POLICIES} has no text aws_managed_policies_data", do="look how moto has it now")


def regions(partitions: Mapping[str, Any]) -> list[str]:
    """Return the names of all regions, ``eu-west-1``, without the pseudo-regions of global services."""
    return [
        region
        for partition in partitions["partitions"]
        for region in partition["regions"]
        if region.rpartition("-")[2].isdigit()
    ]


def text_of(what: str, source: str, day: date, names: Iterable[str]) -> str:
    """Return the text of a list: a head with its source and day, then the names, sorted, one in each line."""
    return "\n".join([f"# {what}", f"# Source: {source}", f"# Day: {day}", *sorted(set(names)), ""])


def version_of(package: str, folder: Path) -> str:
    """Return a package and its version, ``moto 5.2.5``, as installed in a folder."""
    (metadata,) = folder.glob(f"{package}-*.dist-info")
    return metadata.name.removesuffix(".dist-info").replace("-", " ")


def main(folder: Path) -> None:
    """Write the lists from the packages in a folder."""
    today = datetime.now(UTC).date()
    policies = managed_policies((folder / MANAGED_POLICIES).read_text(encoding="utf-8"))
    known = regions(json.loads((folder / PARTITIONS).read_text(encoding="utf-8")))
    lists = {
        "managed-policies.txt": ("Policies that AWS manages, with their paths.", "moto", MANAGED_POLICIES, policies),
        "regions.txt": ("Regions of AWS, of all partitions.", "botocore", PARTITIONS, known),
    }
    for name, (what, package, file, names) in lists.items():
        text = text_of(what, f"{version_of(package, folder)}, {file}", today, names)
        (Path(str(DATA)) / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
