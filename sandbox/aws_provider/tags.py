"""Tags between Pulumi (a mapping) and IAM (a list of ``{"Key", "Value"}``).

As with the official provider, ``tags`` are a resource's own tags. ``tagsAll`` also has the AWS provider's default tags;
AWS gets ``tagsAll``. Behaviour: aws ``tags.go`` (``applyTags``). Source:
https://www.pulumi.com/registry/packages/aws/api-docs/iam/role/#tagsall_python.
"""

from collections.abc import Mapping
from typing import cast

from sandbox.engine.values import UNKNOWN, Properties, contains_unknown


def merged(default_tags: Mapping[str, str], inputs: Properties) -> object:
    """Return ``tagsAll`` for inputs; the resource's own tags win. It is unknown if one of them is unknown."""
    return UNKNOWN if contains_unknown(inputs.get("tags")) else {**default_tags, **_mapping(inputs, "tags")}


def to_list(inputs: Properties) -> list[dict[str, str]]:
    """Return all tags of inputs in IAM's form."""
    return [{"Key": key, "Value": value} for key, value in all_of(inputs).items()]


def all_of(properties: Properties) -> dict[str, str]:
    """Return the tags of properties, including default tags."""
    return _mapping(properties, "tagsAll")


def to_outputs(tags: list[dict[str, str]] | None, inputs: Properties) -> Properties:
    """Return ``tags`` and ``tagsAll`` as outputs, without tags of AWS's reserved prefix ``aws:``.

    Args:
        tags: The tags in AWS.
        inputs: The checked inputs; tags in ``tagsAll`` alone are default tags, which ``tags`` leaves out.
    """
    present = {tag["Key"]: tag["Value"] for tag in tags or [] if not tag["Key"].startswith("aws:")}
    own = _mapping(inputs, "tags")
    default_tags = {key: value for key, value in all_of(inputs).items() if key not in own}
    return {
        "tags": {key: value for key, value in present.items() if default_tags.get(key) != value},
        "tagsAll": present,
    }


def changes(old: Properties, new: Properties) -> tuple[list[str], list[dict[str, str]]]:
    """Return the keys to remove, and the tags to set."""
    before, after = all_of(old), all_of(new)
    gone = [key for key in before if key not in after]
    return gone, [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]


def _mapping(properties: Properties, name: str) -> dict[str, str]:
    value = properties.get(name)
    return dict(cast("Mapping[str, str]", value)) if isinstance(value, Mapping) else {}
