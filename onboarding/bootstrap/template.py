"""The CloudFormation template; pseudo parameters replace account ids, so that one template fits many accounts.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from access.boundary import boundary_document
from access.deploy_policy import deploy_policies, reading_policy
from access.foundation import READING_POLICY, STACK, Foundation, Hub
from oidc.arn import Partition
from oidc.errors import UsageError
from oidc.iam.document import PolicyDocument
from oidc.identifiers import AccountId
from oidc.limits import CLOUDFORMATION_MAPPING_ATTRIBUTES, CLOUDFORMATION_TEMPLATE_BYTES, MANAGED_POLICIES_PER_ROLE
from onboarding.bootstrap.variants import Variants


def with_pseudo_parameters(value: Any, partition: Partition, account: AccountId) -> Any:  # noqa: ANN401 - JSON
    """Replace the account's id everywhere, and the partition at the start of ARNs, with pseudo parameters.

    In that account, CloudFormation turns the result into ``value`` again. So if two accounts have the same result, it
    is right in both.
    """
    if isinstance(value, dict):
        return {key: with_pseudo_parameters(child, partition, account) for key, child in value.items()}
    if isinstance(value, list):
        return [with_pseudo_parameters(child, partition, account) for child in value]
    return _text(value, partition, account) if isinstance(value, str) else value


def _text(value: str, partition: Partition, account: AccountId) -> Any:  # noqa: ANN401 - text, or a function of CloudFormation
    # In Fn::Sub, a policy variable of IAM, `${*}`, is escaped as `${!*}`
    # (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-sub.html).
    escaped = value.replace("${", "${!")
    text = re.sub(rf"^arn:{partition}:", "arn:${AWS::Partition}:", escaped)
    text = text.replace(account, "${AWS::AccountId}")
    return value if text == escaped else {"Fn::Sub": text}


BOUNDARY_ID = "Boundary"
"""The beginning of the logical ids of boundaries."""

_ROLE, _POLICY = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"
_DEPLOYING, _READING = "DeployingRole", "ReadingRole"
_DESCRIPTION = "bitbucket-aws-oidc: the deploying role, the reading role and the permissions boundary"

Json = Any
Resources = dict[str, Json]


def template(
    foundations: Sequence[Foundation], hub: Hub, *, stack: str = STACK, with_boundaries: bool = True
) -> dict[str, Json]:
    """Return the template for some accounts, as JSON; each account gets exactly what it needs.

    If all accounts need the same, the template fits any account. If they differ, it fits only these accounts, and each
    resource has the same logical id in all of them.

    Args:
        foundations: What each account needs; at least one.
        hub: The roles that may assume the deploying and reading roles.
        stack: Name of the CloudFormation stack or StackSet of the template, which the boundaries protect.
        with_boundaries: Whether the template also creates the permissions boundaries.

    Raises:
        UsageError: The template would be larger than CloudFormation allows.
    """
    resources: dict[str, Resources] = {
        foundation.scope.account: _resources(foundation, hub, stack if with_boundaries else None)
        for foundation in foundations
    }
    shapes: dict[str, list[str]] = {}
    for account, made in resources.items():
        shapes.setdefault(json.dumps(made), []).append(account)
    variants = Variants(list(shapes.values()))
    merged = _merged(variants, [resources[accounts[0]] for accounts in shapes.values()])
    head: dict[str, Json] = {"AWSTemplateFormatVersion": "2010-09-09", "Description": _DESCRIPTION}
    if len(shapes) > 1:
        head |= {"Mappings": variants.mapping(), "Conditions": variants.conditions}
    made = head | {"Resources": merged, "Outputs": _OUTPUTS}
    _refuse_too_large(made, len(foundations), len(shapes))
    return made


_OUTPUTS = {
    f"{name}Arn": {"Description": what, "Value": {"Fn::GetAtt": [name, "Arn"]}}
    for name, what in ((_DEPLOYING, "The role of pulumi up"), (_READING, "The role of previews and lock --aws"))
}


def _merged(variants: Variants, resources: Sequence[Resources]) -> Resources:
    names = list(dict.fromkeys(name for made in resources for name in made))
    return {name: _merged_resource(variants, name, resources) for name in names}


def _merged_resource(variants: Variants, name: str, resources: Sequence[Resources]) -> Json:
    by_variant = {number: made[name] for number, made in enumerate(resources, 1) if name in made}
    condition = variants.only_in(frozenset(by_variant))
    first = next(iter(by_variant.values()))
    properties: dict[str, Json] = {
        key: variants.property({number: made["Properties"][key] for number, made in by_variant.items()})
        for key in first["Properties"]
    }
    return {"Type": first["Type"], **({"Condition": condition} if condition else {}), "Properties": properties}


def _resources(foundation: Foundation, hub: Hub, stack: str | None) -> Resources:
    scope = foundation.scope
    documents = deploy_policies(scope)
    if len(documents) > (most := MANAGED_POLICIES_PER_ROLE.default):
        what = f"account {foundation.key}: the deploying role would need {len(documents)} managed policies"
        hint = "put the roles under common paths, each with a permissions boundary"
        raise UsageError(f"{what}; IAM allows {most}", do=hint)
    reading = {"PolicyName": READING_POLICY, "PolicyDocument": reading_policy(scope.partition, scope.account).to_json()}
    made: Resources = {
        _DEPLOYING: _role(foundation.path, foundation.deploying_name, "Deploys who may assume which role"),
        **{
            f"DeployingPolicy{number}": _policy(foundation.policy_name(number), foundation.path, document, _DEPLOYING)
            for number, document in enumerate(documents, 1)
        },
        _READING: _role(
            foundation.path, foundation.reading_name, "Reads, for previews and lock --aws", Policies=[reading]
        ),
        **(_boundaries(foundation, stack) if stack is not None else {}),
    }
    made = with_pseudo_parameters(made, scope.partition, scope.account)
    # The hub's ARNs stay literal: they are the same in all accounts, even if the hub is one of them.
    for role, trust in ((_DEPLOYING, hub.deploying_trust), (_READING, hub.reading_trust)):
        made[role]["Properties"]["AssumeRolePolicyDocument"] = trust(foundation.external_id).to_json()
    return made


def _boundaries(foundation: Foundation, stack: str) -> Resources:
    document = boundary_document(foundation, stack)
    made: Resources = {}
    for arn in foundation.scope.own_boundary_arns:
        path, _, name = arn.partition(":policy")[2].rpartition("/")
        made[_boundary_id(f"{path}/{name}".replace(foundation.scope.account, "AccountId"))] = _policy(
            name, f"{path}/", document
        )
    return made


def _boundary_id(name: str) -> str:
    """Return a logical id that depends only on the boundary's name, in letters and digits: ``BoundaryCi7f3c2a``."""
    letters = "".join(part.capitalize() for part in re.findall(r"[A-Za-z0-9]+", name))
    return f"{BOUNDARY_ID}{letters[:100]}{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _role(path: str, name: str, description: str, **more: Json) -> Json:
    properties = {"RoleName": name, "Path": path, "Description": description, **more}
    return {"Type": _ROLE, "Properties": properties}


def _policy(name: str, path: str, document: PolicyDocument, role: str | None = None) -> Json:
    properties: dict[str, Json] = {"ManagedPolicyName": name, "Path": path, "PolicyDocument": document.to_json()}
    return {"Type": _POLICY, "Properties": properties | ({"Roles": [{"Ref": role}]} if role else {})}


def _refuse_too_large(made: Mapping[str, Json], accounts: int, shapes: int) -> None:
    size = len(json.dumps(made).encode())
    if size > CLOUDFORMATION_TEMPLATE_BYTES or (shapes > 1 and accounts > CLOUDFORMATION_MAPPING_ATTRIBUTES):
        what = f"the template for {accounts} accounts with {shapes} different needs has {size:,} bytes"
        limit = f"{CLOUDFORMATION_TEMPLATE_BYTES:,} bytes and {CLOUDFORMATION_MAPPING_ATTRIBUTES} different accounts"
        do = "make several templates, with --account for some of the accounts each"
        raise UsageError(f"{what}; CloudFormation allows {limit}", do=do)
