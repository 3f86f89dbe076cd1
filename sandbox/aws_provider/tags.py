"""Tags between Pulumi (a mapping) and IAM (a list of ``{"Key", "Value"}``).

As with the official provider ``tags`` are a resource's own, and ``tagsAll`` those with the AWS provider's default tags;
what is in AWS is ``tagsAll``. Source: https://www.pulumi.com/registry/packages/aws/api-docs/iam/role/#tagsall_python.
"""

from collections.abc import Mapping
from typing import cast

from sandbox.engine.values import UNKNOWN, Properties, contains_unknown


def merged(default_tags: Mapping[str, str], inputs: Properties) -> object:
    """Give ``tagsAll`` for some inputs: the resource's own tags win. Unknown where one of them is."""
    return UNKNOWN if contains_unknown(inputs.get("tags")) else {**default_tags, **_mapping(inputs, "tags")}


def to_list(inputs: Properties) -> list[dict[str, str]]:
    """Give all tags of some inputs as IAM takes them."""
    return [{"Key": key, "Value": value} for key, value in all_of(inputs).items()]


def all_of(properties: Properties) -> dict[str, str]:
    """Give the tags of some properties, those of default included."""
    return _mapping(properties, "tagsAll")


def to_outputs(tags: list[dict[str, str]] | None, inputs: Properties) -> Properties:
    """Give ``tags`` and ``tagsAll`` as outputs; tags of the reserved prefix ``aws:`` are nobody's to manage.

    Args:
        tags: What AWS has.
        inputs: Checked ones: what they have in ``tagsAll`` alone are default tags, which ``tags`` does without.
    """
    found = {tag["Key"]: tag["Value"] for tag in tags or [] if not tag["Key"].startswith("aws:")}
    own = _mapping(inputs, "tags")
    default_tags = {key: value for key, value in all_of(inputs).items() if key not in own}
    return {"tags": {key: value for key, value in found.items() if default_tags.get(key) != value}, "tagsAll": found}


def changes(old: Properties, new: Properties) -> tuple[list[str], list[dict[str, str]]]:
    """Give the keys to take away, and the tags to set."""
    before, after = all_of(old), all_of(new)
    gone = [key for key in before if key not in after]
    return gone, [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]


def _mapping(properties: Properties, name: str) -> dict[str, str]:
    found = properties.get(name)
    return dict(cast("Mapping[str, str]", found)) if isinstance(found, Mapping) else {}
