"""URNs: the names that Pulumi gives resources.

A URN is ``urn:pulumi:{stack}::{project}::{parent type$type}::{name}``.
Source: https://www.pulumi.com/docs/iac/concepts/resources/names/#urns.
"""

from oidc.errors import EngineError

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX = "pulumi:providers:"
_PARTS = 4


def parts(urn: str) -> tuple[str, str, str, str]:
    """Split a URN into stack, project, qualified type (``parent$child``) and name; a name may hold ``::`` itself.

    Raises:
        EngineError: the text is no URN.
    """
    split = urn.removeprefix("urn:pulumi:").split("::", _PARTS - 1)
    if not urn.startswith("urn:pulumi:") or len(split) != _PARTS:
        raise EngineError(f"{urn!r} is not a URN; expected urn:pulumi:STACK::PROJECT::TYPE::NAME")
    return split[0], split[1], split[2], split[3]


def resource_type(urn: str) -> str:
    """Return the resource's own type token, such as ``aws:iam/role:Role``."""
    return parts(urn)[2].rsplit("$", 1)[-1]


def name(urn: str) -> str:
    """Return the resource's logical name."""
    return parts(urn)[3]


def is_provider(type_token: str) -> bool:
    """Tell whether a type is that of a provider resource, such as ``pulumi:providers:aws``."""
    return type_token.startswith(PROVIDER_TYPE_PREFIX)


def make(stack: str, project: str, parent: str, type_token: str, logical_name: str) -> str:
    """Build a URN; it leaves out the stack resource as a parent."""
    parent_type = parts(parent)[2] if parent else STACK_TYPE
    qualified = type_token if parent_type == STACK_TYPE else f"{parent_type}${type_token}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{logical_name}"
