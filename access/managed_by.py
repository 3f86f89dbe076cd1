"""The tool that manages a resource, by the resource's tags."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

ManagedBy = Literal["this_program", "cloudformation", "terraform", "unknown"]

MANAGED_BY = "bitbucket-aws-oidc"
"""The value of the tag ``ManagedBy`` on everything that this program creates."""

STACK_TAG = "ManagedByStack"

PIPELINE_ROLE = "bitbucket-aws-oidc:index:PipelineRole"
"""The type token of the component of each role, in the state of a stack."""


def default_tags(stack: str) -> dict[str, str]:
    """Return the tags that show who manages a resource; AWS providers put them on everything they create.

    Args:
        stack: The managing stack: ``bitbucket-aws-oidc/dev``.
    """
    return {"ManagedBy": MANAGED_BY, STACK_TAG: stack}


def is_of_stack(tags: Mapping[str, str], stack: str) -> bool:
    """Tell whether a resource has the tags of a stack: ``bitbucket-aws-oidc/dev``."""
    return default_tags(stack).items() <= tags.items()


_CLOUDFORMATION = "aws:cloudformation:"
"""Prefix of tag keys that CloudFormation puts on resources, and nobody else can put there
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html)."""

_TOOL_KEYS = frozenset({"managedby", "createdby", "provisionedby", "deployedby", "provisioner", "iac", "iactool"})
_TERRAFORM = re.compile(r"terraform|opentofu|\btofu\b|terragrunt", re.IGNORECASE)
"""Terraform tags nothing by itself; these are the tags that its users commonly give by ``default_tags``."""

_NO = frozenset({"false", "no", "0", ""})


def managed_by(tags: Mapping[str, str]) -> ManagedBy:
    """Return the owner according to the tags.

    This program's tag counts first, because adoption leaves the previous owner's tags on a resource.
    """
    if tags.get("ManagedBy") == MANAGED_BY:
        return "this_program"
    if any(key.startswith(_CLOUDFORMATION) for key in tags):
        return "cloudformation"
    return "terraform" if any(_is_terraforms(key, value) for key, value in tags.items()) else "unknown"


def _is_terraforms(key: str, value: str) -> bool:
    plain = re.sub(r"[^a-z]", "", key.lower())
    if plain in _TOOL_KEYS:
        return _TERRAFORM.search(value) is not None
    return plain.startswith(("terraform", "opentofu")) and value.strip().lower() not in _NO


def tags_of(answer: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return tags as AWS answers them, ``[{"Key": …, "Value": …}]``, sorted by key."""
    return dict(sorted((str(tag["Key"]), str(tag["Value"])) for tag in answer))
