"""Find resources that no action of their statement works on, and actions that work on none of its resources.

Source: the columns "Resource types" of
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html.
"""

import re
from collections.abc import Iterator, Sequence

from config.findings import Fault
from config.policy.names import KnownAction, known_actions
from config.yaml.document import Path
from oidc.iam.pattern import overlap
from oidc.iam.statement import Statement

_RULE = "resource-mismatch"
_FORMS_SHOWN = 2
_SERVICES = frozenset(
    {"cloudfront", "dynamodb", "ecr", "iam", "kms", "lambda", "s3", "secretsmanager", "sns", "sqs", "sts"}
)
"""The only services checked. For many others AWS's reference omits resources that the service looks at, such as
``log-group:*`` for ``logs:DescribeLogGroups``, and policies that AWS manages rely on them."""


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
