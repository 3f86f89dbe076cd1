"""Tags between Pulumi (a mapping) and IAM (a list of ``{"Key", "Value"}``)."""

from collections.abc import Mapping
from typing import cast

from sandbox.engine.values import Properties


def to_list(inputs: Properties) -> list[dict[str, str]]:
    """Give the tags of some inputs as IAM takes them."""
    return [{"Key": key, "Value": value} for key, value in of(inputs).items()]


def of(properties: Properties) -> dict[str, str]:
    """Give the tags of some properties."""
    found = properties.get("tags")
    return dict(cast("Mapping[str, str]", found)) if isinstance(found, Mapping) else {}


def to_outputs(tags: list[dict[str, str]] | None) -> Properties:
    """Give ``tags`` and ``tagsAll`` as outputs; tags of the reserved prefix ``aws:`` are nobody's to manage."""
    found = {tag["Key"]: tag["Value"] for tag in tags or [] if not tag["Key"].startswith("aws:")}
    return {"tags": found, "tagsAll": found}


def changes(old: Properties, new: Properties) -> tuple[list[str], list[dict[str, str]]]:
    """Give the keys to take away, and the tags to set."""
    before, after = of(old), of(new)
    gone = [key for key in before if key not in after]
    return gone, [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]
