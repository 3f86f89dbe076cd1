"""The options of `bitbucket-oidc bootstrap`, parsed; raises UsageError for a wrong or missing one."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from access.boundary import STACKSETS
from access.foundation import Foundation, Hub
from config.findings import one_line
from config.models.aws_values import REGION
from oidc.arn import PARTITION_NAMES, Partition, parse_iam_arn, partition_of_region
from oidc.errors import UsageError
from oidc.limits import ORGANIZATION_ID

_ADMINISTRATOR = re.compile(rf"arn:({PARTITION_NAMES}):iam::(?:[0-9]{{12}}|\*):role/[A-Za-z0-9_+=,.@-][!-~]*", re.ASCII)
_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}", re.ASCII)
_NO_ORGANIZATION = "none"
_WITH_DEPLOY = {
    "through_role": "--through-role",
    "through_profiles": "--through-profiles",
    "region": "--region",
    "yes": "--yes",
}


def check_options(*, check: bool, deploy: bool, scp: bool, options: Mapping[str, Any]) -> None:
    """Refuse options that exclude or need each other."""
    chosen = [name for name, value in (("--check", check), ("--deploy", deploy), ("--scp", scp)) if value]
    if len(chosen) > 1:
        raise UsageError(f"{chosen[0]} cannot be combined with {chosen[1]}", do="remove one of them")
    for name, option in _WITH_DEPLOY.items():
        if options[name] and not deploy:
            raise UsageError(f"{option} belongs to --deploy", do=f"add --deploy, or remove {option}")
    if options["through_role"] and options["through_profiles"]:
        raise UsageError("--through-role cannot be combined with --through-profiles", do="remove one of them")


def check_credentials(partition: Partition, options: Mapping[str, Any]) -> None:
    """Refuse a region or a role that does not exist in the partition of the accounts."""
    region, role = options["region"], options["through_role"]
    if region is not None and (REGION.fullmatch(region) is None or partition_of_region(region) != partition):
        what = f"--region {one_line(region)} is not a region of the partition {partition}"
        raise UsageError(what, do=f"write it as {partition.iam_region}")
    if role is not None:
        arn = parse_iam_arn(f"arn:{partition}:iam::222222222222:role/{role}")
        if arn is None or arn.kind != "role" or ":" in role:
            what = f"--through-role {one_line(role)} is not the name of a role"
            raise UsageError(what, do="write only the name, such as OrganizationAccountAccessRole, or path/NAME")


def hub_of(accounts: Sequence[Foundation], options: Mapping[str, Any]) -> Hub:
    """Return the hub that --hub-role, --preview-role and --organization name."""
    partition = accounts[0].scope.partition
    if not options["hubs"]:
        do = "add --hub-role with its ARN, such as arn:aws:iam::999999999999:role/pulumi-runner"
        raise UsageError("which role does Pulumi run as?", do=do)
    hubs = tuple(_role("--hub-role", arn, partition) for arn in options["hubs"])
    previews = tuple(_role("--preview-role", arn, partition) for arn in options["previews"])
    if set(hubs) & set(previews):
        what = "--preview-role: this is the hub's role, which may also deploy"
        raise UsageError(what, do="give previews a separate role: they run the pull request's code")
    return Hub(hubs, _organization(options["organization"]), previews)


def stack_name(text: str) -> str:
    """Return the name of a stack."""
    if _STACK.fullmatch(text) is None:
        do = "use 1 to 128 letters, digits and dashes; start with a letter"
        raise UsageError(f"--stack: not the name of a stack: {one_line(text)}", do=do)
    return text


def _role(option: str, text: str, partition: Partition) -> str:
    arn = parse_iam_arn(text)
    if arn is None or arn.kind != "role" or arn.owner == "aws":
        raise UsageError(f"{option}: not the ARN of a role: {one_line(text)}", do="write arn:aws:iam::…:role/NAME")
    if arn.partition != partition:
        what = f"{option}: {one_line(text)} is in the partition {arn.partition}, the accounts are in {partition}"
        raise UsageError(what, do="a role cannot be assumed across partitions: name one in the same partition")
    return text


def _organization(text: str | None) -> str | None:
    if text is None:
        do = "add --organization with its id (aws organizations describe-organization), or --organization none"
        raise UsageError("which organization is the hub in?", do=do)
    if text == _NO_ORGANIZATION:
        return None
    if ORGANIZATION_ID.fullmatch(text) is None:
        what = f"--organization: not the id of an organization: {one_line(text)}"
        raise UsageError(what, do="write it as o-a1b2c3d4e5, or none")
    return text


def administrators_of(accounts: Sequence[Foundation], options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the patterns of --administrator, by default that of StackSets."""
    partition = accounts[0].scope.partition
    given = tuple(_administrator(text, partition) for text in options["administrators"])
    return given or (STACKSETS.format(partition=partition),)


def _administrator(text: str, partition: Partition) -> str:
    """Return the pattern of ARNs that --administrator gives."""
    match = _ADMINISTRATOR.fullmatch(text)
    if match is None:
        what = f"--administrator: not a pattern of role ARNs that starts with a name: {one_line(text)}"
        raise UsageError(what, do="write arn:aws:iam::*:role/NAME; * alone would exempt everybody")
    if match[1] != partition:
        raise UsageError(
            f"--administrator: {one_line(text)} is not in the partition {partition}",
            do="write a role of that partition",
        )
    return text
