"""Find resources that cannot exist or that no action of their statement works on, and actions without any resource.

Source: the columns "Resource types" of
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html.
"""

import re
from collections.abc import Iterator, Sequence

from config.findings import Fault, did_you_mean
from config.known_names import meant_region, regions
from config.policy.names import KnownAction, known_actions
from config.yaml.document import Path
from oidc.arn import partition_of_region
from oidc.iam.pattern import overlap
from oidc.iam.statement import Statement

_RULE = "resource-mismatch"
_FORMS_SHOWN = 2
_SERVICES = frozenset(
    {"cloudfront", "dynamodb", "ecr", "iam", "kms", "lambda", "s3", "secretsmanager", "sns", "sqs", "sts"}
)
"""The only services checked. For many others AWS's reference omits resources that the service looks at, such as
``log-group:*`` for ``logs:DescribeLogGroups``, and policies that AWS manages rely on them."""

_ALSO_WORKS_ON = {
    "s3:GetAccessPoint": "arn:*:s3:*:*:accesspoint/*",
    "s3:PutAccessPointPublicAccessBlock": "arn:*:s3:*:*:accesspoint/*",
    "sts:SetContext": "arn:*:iam::aws:contextProvider/*",
}
"""Resources that AWS's reference omits in the action's row; AWS's policy AWSBackupAccessPointOperatorAccess has an
access point for the first, and the page of STS lists context providers among its resources."""

_PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f")
_ACCOUNT = re.compile(r"[0-9]{12}|[a-z-]*|[a-z0-9*?-]*[*?][a-z0-9*?-]*", re.ASCII)
"""Twelve digits; or a word, since resources of AWS have ``aws`` or ``aws-managed`` in their ARNs; or wildcards."""
_NO_ACCOUNT = re.compile(r"(?:your-?|my-?|aws-?)*(?:account|accountid|account-?(?:id|number))", re.ASCII)
_NO_REGION = re.compile(r"(?:your-?|my-?|aws-?)*region", re.ASCII)
_FIELDS = 6
_HAS_COLONS = "an ARN has five colons: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE"


def arn_faults(statement: Statement) -> Iterator[Fault]:
    """Yield resources whose ARN can belong to no resource, by its partition, region or account; also misspelt regions.

    Sources: the errors "Invalid ARN account", "Invalid ARN Region", "Invalid partition" and "Missing ARN field" of
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html; variables of IAM
    have values only behind the fifth colon: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html.
    """
    for element in statement.elements:
        if element.name in ("Resource", "NotResource"):
            for index, text in enumerate(element.values):
                fault = _arn_fault(element.place_of(index), text) if text.startswith("arn:") else None
                if fault is not None:
                    yield fault


def _arn_fault(at: Path, arn: str) -> Fault | None:
    # Variables may have colons in them: ``${`` becomes ``$``, and ``{{region}}`` becomes ``{region}``.
    fields = re.sub(r"\{\{\s*(\w*)\s*\}\}", r"{\1}", re.sub(r"\$\{[^}]*\}", "$", arn)).split(":", _FIELDS - 1)
    if len(fields) < _FIELDS:
        return _short_arn_fault(at, arn, fields)
    _, partition, _, region, account, _ = fields
    if any("$" in field for field in fields[1:-1]):
        # A warning: AWS's policy AmazonTimestreamInfluxDBServiceRolePolicy has ${aws:PrincipalAccount} there.
        message = f"{arn} has a variable of IAM before its fifth colon, and AWS documents variables only behind it"
        return Fault(_RULE, at, message, "write {{region}} or {{account_id}}, or the value itself")
    if not _is_open(partition) and partition not in _PARTITIONS:
        hint = did_you_mean(partition, _PARTITIONS, "write arn:{{partition}}:…")
        return Fault("bad-resource-arn", at, f"AWS has no partition `{partition}`", hint)
    return _region_fault(at, region, partition) or _account_fault(at, account)


def _is_open(field: str) -> bool:
    return any(character in field for character in "*?{")


def _short_arn_fault(at: Path, arn: str, fields: Sequence[str]) -> Fault | None:
    last = fields[-1]
    in_place_of_account = len(fields) == _FIELDS - 1 and re.fullmatch(r"[0-9]*|[0-9]*[*?{].*", last) is None
    if not in_place_of_account and any(map(_is_open, fields)):
        return None
    meant = f"write arn:{fields[1]}:s3:::{last}" if in_place_of_account and fields[2:4] == ["s3", ""] else _HAS_COLONS
    return Fault("bad-resource-arn", at, f"{arn} has {len(fields) - 1} colons", meant)


def _region_fault(at: Path, region: str, partition: str) -> Fault | None:
    if not region or _is_open(region):
        return None
    meant = meant_region(region)
    if re.fullmatch(r"[a-z0-9-]+", region, re.ASCII) is None or _NO_REGION.fullmatch(region):
        return Fault("bad-resource-arn", at, f"`{region}` is not a region", f"write {meant or '{{region}}'}")
    if region in regions() and not _is_open(partition) and partition_of_region(region) != partition:
        message = f"the region {region} is in the partition {partition_of_region(region)}, and the ARN in {partition}"
        return Fault("bad-resource-arn", at, message, f"write arn:{partition_of_region(region)}:…, or another region")
    if meant is not None:
        message = f"{region} is not a known AWS region"
        return Fault("unknown-region", at, message, f"did you mean `{meant}`?")
    return None


def _account_fault(at: Path, account: str) -> Fault | None:
    if "{account}" in account:
        message = "{{account}} is the account's key in the inventory, not its id"
        return Fault("bad-resource-arn", at, message, "write {{account_id}}")
    if "{" in account or (_ACCOUNT.fullmatch(account) and not _NO_ACCOUNT.fullmatch(account)):
        return None
    digits = re.sub(r"[\s-]", "", account)
    is_id = re.fullmatch(r"[0-9]{12}", digits, re.ASCII) is not None
    what = f", but {len(digits)} digits" if digits.isdigit() and not is_id else ""
    hint = f"write {digits}" if is_id else "write {{account_id}}, or 12 digits"
    return Fault("bad-resource-arn", at, f"`{account}` is not an account id{what}", hint)


def resource_faults(statement: Statement) -> Iterator[Fault]:
    """Yield resources and actions of a valid statement that never match; nothing if an action is of another service."""
    action_element, resource_element = statement.element("Action"), statement.element("Resource")
    if action_element is None or resource_element is None:
        return
    actions, resources = action_element.values, resource_element.values
    known = [known_actions(action) for action in actions]
    judged = all(action.partition(":")[0].lower() in _SERVICES for action in actions)
    if not judged or not all(known) or any(not resource.strip("*") for resource in resources):
        return
    every = [action for matched in known for action in matched]
    unused = [index for index, resource in enumerate(resources) if not _any_works(every, [resource])]
    if unused and len(unused) == len(resources):
        here = resource_element.place_of(0) if len(resources) == 1 else resource_element.place
        yield _unused_resource(here, resources, actions, every)
        return
    for index in unused:
        yield _unused_resource(resource_element.place_of(index), [resources[index]], actions, every)
    for index, (action, matched) in enumerate(zip(actions, known, strict=True)):
        # A pattern may match some actions that work on none of the resources.
        if not unused and len(matched) == 1 and not _any_works(matched, resources):
            message = f"{action} works on none of this statement's resources, so this allows nothing"
            yield Fault(
                _RULE,
                action_element.place_of(index),
                message,
                f"give it {_forms(matched, resources)} in a separate statement",
            )


def _any_works(actions: Sequence[KnownAction], resources: Sequence[str]) -> bool:
    return any(_works(action, resource) for action in actions for resource in resources)


def _works(action: KnownAction, resource: str) -> bool:
    if (also := _ALSO_WORKS_ON.get(action.name)) and overlap(resource, also):
        return True
    if action.resources:
        return any(overlap(resource, form) for form in action.resources)
    # It accepts only *, as documented. Yet IAM decides iam:ListRoles for role/ and dynamodb:ListTables for table/*, so
    # a pattern with an open end may work. S3's ListAllMyBuckets also accepts arn:aws:s3:::*, but no single bucket.
    return not resource.split(":", 5)[-1].strip("*") or (resource.endswith("*") and not action.name.startswith("s3:"))


def _unused_resource(at: Path, resources: Sequence[str], actions: Sequence[str], known: Sequence[KnownAction]) -> Fault:
    doing = f"{actions[0]} does not work" if len(actions) == 1 else "no action of this statement works"
    shown = resources[0] if len(resources) == 1 else "any of these resources"
    return Fault(_RULE, at, f"{doing} on {shown}", f"write {_forms(known, resources)}")


def _forms(actions: Sequence[KnownAction], resources: Sequence[str]) -> str:
    """Describe the resources of the actions: the written ones, with or without their content, or the forms of ARNs."""
    if len(resources) == 1:
        for nearly in (f"{resources[0]}/*", resources[0].removesuffix("/*")):
            if nearly != resources[0] and any(_works(action, nearly) for action in actions if action.resources):
                return nearly
    forms = sorted({form for action in actions for form in action.resources})
    if not forms:
        return 'Resource: "*"'
    services = {resource.split(":")[2] for resource in resources if resource.count(":") > 1}
    buckets = [form for form in forms if "${BucketName}" in form]
    near = buckets or [form for form in forms if form.split(":")[2] in services] or forms
    more = ", …" if len(near) > _FORMS_SHOWN else ""
    return f"a resource such as {' or '.join(map(_shown, near[:_FORMS_SHOWN]))}{more}"


def _shown(form: str) -> str:
    """Write a form with the inventory's variables: ``arn:{{partition}}:s3:::BucketName/ObjectName``."""
    ours = {"Partition": "{{partition}}", "Region": "{{region}}", "Account": "{{account_id}}"}
    return re.sub(r"\$\{([^}]*)\}", lambda match: ours.get(match[1], match[1]), form)
