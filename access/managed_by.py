"""Who made something in an account, by its tags."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

ManagedBy = Literal["this_program", "cloudformation", "terraform", "unknown"]

MANAGED_BY = "bitbucket-aws-oidc"
"""The value of the tag ``ManagedBy`` on everything that this program makes."""

_CLOUDFORMATION = "aws:cloudformation:"
"""What the keys of tags begin with that CloudFormation puts on resources, and nobody else can
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html)."""

_SAYS_BY_WHAT = frozenset({"managedby", "createdby", "provisionedby", "deployedby", "provisioner", "iac", "iactool"})
_TERRAFORM = re.compile(r"terraform|opentofu|\btofu\b|terragrunt", re.IGNORECASE)
"""Terraform tags nothing by itself; these are the tags that its users commonly give by ``default_tags``."""

_NO = frozenset({"false", "no", "0", ""})


def managed_by(tags: Mapping[str, str]) -> ManagedBy:
    """Return who the tags say is the owner.

    This program's tag counts first: whoever adopts something leaves the tags of those that had it before.
    """
    if tags.get("ManagedBy") == MANAGED_BY:
        return "this_program"
    if any(key.startswith(_CLOUDFORMATION) for key in tags):
        return "cloudformation"
    return "terraform" if any(_is_terraforms(key, value) for key, value in tags.items()) else "unknown"


def _is_terraforms(key: str, value: str) -> bool:
    plain = re.sub(r"[^a-z]", "", key.lower())
    if plain in _SAYS_BY_WHAT:
        return _TERRAFORM.search(value) is not None
    return plain.startswith(("terraform", "opentofu")) and value.strip().lower() not in _NO


def tags_of(answer: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return tags as AWS answers them, ``[{"Key": …, "Value": …}]``, sorted by key."""
    return dict(sorted((str(tag["Key"]), str(tag["Value"])) for tag in answer))
