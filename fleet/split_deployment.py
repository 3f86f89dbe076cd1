"""Take the state of a stack of many accounts apart: one deployment for each account's stack, and the rest.

A pure function of ``deployment`` in ``pulumi stack export``. Pulumi's own ``state move`` ends in a snapshot integrity
error for components with AWS providers (CLI 3.260 and 3.276).

The fields of a resource: ``ResourceV3`` in ``sdk/go/common/apitype/core.go`` of https://github.com/pulumi/pulumi. URNs:
https://www.pulumi.com/docs/iac/concepts/resources/names/#urns.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components import account_access, bitbucket_oidc
from config.project_file import PROJECT
from fleet.pulumi_cli.urns import STACK_TYPE
from fleet.state import name_of
from oidc.errors import UsageError

Deployment = dict[str, Any]
Resource = dict[str, Any]

_OF_ACCOUNTS = ("roleArns", "oidcProviderArns")
"""The outputs of stack and component that have an entry for each account (``components/bitbucket_oidc.py``)."""

_OF_THE_WHOLE = ("planDigest",)
"""The outputs that are true of the whole stack alone; the next run writes those of the part."""


@dataclass(frozen=True, slots=True)
class Split:
    """A state, taken apart.

    Attributes:
        parts: The deployment of each new stack, by its name: the key of its account.
        rest: The deployment that remains in the source.
        rest_accounts: The accounts that remain in the source, by the names of their components in the state.
    """

    parts: Mapping[str, Deployment]
    rest: Deployment
    rest_accounts: tuple[str, ...]


def accounts_of(deployment: Deployment) -> tuple[str, ...]:
    """Return the accounts that a deployment holds, by the names of their components: ``("dev", "prod")``."""
    components = (entry for entry in _resources(deployment) if entry["type"] == account_access.TYPE)
    return tuple(sorted({name_of(entry["urn"]) for entry in components}))


def split(deployment: Deployment, source: str, targets: Mapping[str, str]) -> Split:
    """Take a deployment apart. Order and content of resources stay; the new stack's name replaces the source's in URNs.

    The resource of the stack and the component ``BitbucketOidc`` are in each part, with the outputs of its accounts.

    Args:
        deployment: ``deployment`` of ``pulumi stack export``.
        source: The name of its stack.
        targets: The new stack of each account to be moved, by the name of its component in the state. That is the
            account's key or a previous key.

    Raises:
        UsageError: The deployment has pending operations, or a resource of one part refers to one of another part.
    """
    if deployment.get("pending_operations"):
        urn = deployment["pending_operations"][0]["resource"]["urn"]
        what = f"stack {source} has pending operations: {name_of(urn)} ({urn.split('::')[2].rpartition('$')[2]}), …"
        raise UsageError(what, do=f"finish them first: pulumi up --stack {source}, or bitbucket-oidc fleet up")
    parts = list(_parts_of(_resources(deployment), targets))
    _refuse_references_between(parts)
    stacks = sorted({stack for stack, _ in parts if stack})
    moved = {stack: {name for name, target in targets.items() if target == stack} for stack in stacks}
    remain = tuple(name for name in accounts_of(deployment) if name not in targets)
    return Split(
        {stack: _renamed(_part(deployment, parts, stack, moved[stack]), source, stack) for stack in stacks},
        _part(deployment, parts, "", set(remain)) if stacks else deployment,
        remain,
    )


_SHARED = None
"""In place of a stack: a resource that each part has."""


def _parts_of(resources: Iterable[Resource], targets: Mapping[str, str]) -> Iterator[tuple[str | None, Resource]]:
    """Yield each resource with its new stack; empty for the rest. Parents come before their children."""
    stack_of: dict[str, str | None] = {}
    for entry in resources:
        urn, parent = entry["urn"], entry.get("parent", "")
        if entry["type"] in (STACK_TYPE, bitbucket_oidc.TYPE):
            stack: str | None = _SHARED
        elif entry["type"] == account_access.TYPE:
            stack = targets.get(name_of(urn), "")
        else:
            stack = stack_of.get(parent) or ""
        stack_of[urn] = stack
        yield stack, entry


def _refuse_references_between(parts: Iterable[tuple[str | None, Resource]]) -> None:
    """Refuse a resource whose AWS provider, parent or dependency would be in another stack."""
    parts = list(parts)
    stack_of = {entry["urn"]: stack for stack, entry in parts}
    for stack, entry in parts:
        for text in _texts({key: value for key, value in entry.items() if key not in ("urn", "aliases")}):
            urn = text if text in stack_of else text.rpartition("::")[0]
            if stack_of.get(urn, stack) not in (stack, _SHARED):
                one, other = (f"stack {name}" if name else "the rest" for name in (stack, stack_of[urn]))
                raise UsageError(
                    f"{entry['urn']} would be in {one}, and {urn} that it refers to in {other}",
                    do="take both accounts with --account, or leave both",
                )


def _part(
    deployment: Deployment, parts: Iterable[tuple[str | None, Resource]], stack: str, accounts: set[str]
) -> Deployment:
    resources = [
        entry if part is not _SHARED else _with_outputs_of(entry, accounts)
        for part, entry in parts
        if part in (stack, _SHARED)
    ]
    return {**deployment, "resources": resources}


def _with_outputs_of(entry: Resource, accounts: set[str]) -> Resource:
    """Return the stack or its component with the outputs of some accounts."""
    outputs = entry.get("outputs")
    if not isinstance(outputs, dict):
        return entry
    kept = {
        name: {account: entries for account, entries in value.items() if account in accounts}
        if name in _OF_ACCOUNTS and isinstance(value, dict)
        else value
        for name, value in outputs.items()
        if name not in _OF_THE_WHOLE
    }
    return {**entry, "outputs": kept}


def _renamed(part: Deployment, source: str, target: str) -> Deployment:
    """Put the new stack's name into every URN: of resources, parents, providers, dependencies and aliases.

    The name of the stack's resource ends with the name of the stack.
    """
    before, after = f"urn:pulumi:{source}::{PROJECT}::", f"urn:pulumi:{target}::{PROJECT}::"
    root_before, root_after = (f"{STACK_TYPE}::{PROJECT}-{name}" for name in (source, target))

    def renamed(value: Any) -> Any:  # noqa: ANN401 - any value of JSON
        match value:
            case dict():
                return {key: renamed(entry) for key, entry in value.items()}
            case list():
                return [renamed(entry) for entry in value]
            case str() if value.startswith(before):
                name = value.removeprefix(before)
                return after + (root_after if name == root_before else name)
            case _:
                return value

    return {**part, "resources": [renamed(entry) for entry in part["resources"]]}


def _resources(deployment: Deployment) -> list[Resource]:
    return deployment.get("resources") or []


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)
