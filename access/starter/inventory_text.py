"""The inventory of a starter as YAML, with a comment wherever somebody new would ask."""

import re
from collections.abc import Iterator

from access.snippets.yaml_text import scalar
from access.starter.starter import Starter, StarterEnvironment, StarterRepository

BOUNDARY = "ci-boundary"
"""The permissions boundary of all roles, which `bootstrap` makes."""

DEPLOYING_ROLE = "PulumiDeploy"
"""The deploying role in every account, which `bootstrap` makes."""

_KEY_CHARS = 64
"""A role is named like its key, and IAM takes 64 characters."""


def inventory_text(starter: Starter) -> str:
    """Return the whole file."""
    return "\n".join(_lines(starter)) + "\n"


def role_keys(starter: Starter) -> dict[tuple[str, str], str]:
    """Return the key of the role of each repository and environment: ``shop-production``; each is another one."""
    keys: dict[tuple[str, str], str] = {}
    for repository in starter.repositories:
        for environment in repository.environments:
            wanted = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{repository.slug}-{environment.name}", flags=re.ASCII)
            keys[repository.slug, environment.name] = _free(wanted.strip("-."), {key.lower() for key in keys.values()})
    return keys


def _free(wanted: str, taken: set[str]) -> str:
    """Return a name that no other role has, ignoring case, as IAM does."""
    name, number = wanted[:_KEY_CHARS].strip("-.") or "role", 1
    while name.lower() in taken:
        number += 1
        end = f"-{number}"
        name = f"{wanted[: _KEY_CHARS - len(end)]}{end}"
    return name


def _lines(starter: Starter) -> Iterator[str]:
    yield from _HEAD
    if starter.region:
        yield f"  region: {scalar(starter.region)}"
    yield from _DEFAULTS
    yield ""
    yield "workspaces:"
    yield f"  {scalar(starter.workspace)}: # as in bitbucket.org/{starter.workspace}"
    yield _uuid("    ", starter.workspace_uuid)
    yield "    repositories:"
    for repository in starter.repositories:
        yield from _repository(repository)
    yield ""
    yield "accounts:"
    for key, number in starter.accounts:
        yield f'  {scalar(key)}: {{id: "{number}"}}'
    yield ""
    yield from _ROLES
    keys = role_keys(starter)
    for repository in starter.repositories:
        for environment in repository.environments:
            yield from _role(starter, repository, environment, keys[repository.slug, environment.name])


_HEAD = (
    "# Who gets from Bitbucket Pipelines into which AWS account, as which role; nobody else does.",
    "#",
    "#     bitbucket-oidc validate inventory    every mistake in it, with its line",
    "#     bitbucket-oidc plan inventory        who may assume what",
    "#",
    "# docs/reference/inventory.md of bitbucket-aws-oidc explains every key. More files may stand beside this one.",
    "version: 1",
    "",
    "defaults:",
)
_DEFAULTS = (
    "  # What Pulumi assumes in each account. `bitbucket-oidc bootstrap` makes it in all of them.",
    f'  deploy_role: "arn:{{{{partition}}}}:iam::{{{{account_id}}}}:role/{DEPLOYING_ROLE}"',
    "  # Caps what any role below can ever do, whatever it is given. `bitbucket-oidc bootstrap` makes it, too.",
    f"  permissions_boundary: account:{BOUNDARY}",
)
_ROLES = (
    "# One role for each environment of a repository: steps with that `deployment:` get in, and nothing else does.",
    "# AWS sees no branches: before you trust an environment, restrict it (Repository settings > Deployments).",
    "roles:",
)


_NONE_YET = "# no UUID yet: `bitbucket-oidc lock` finds it"


def _repository(repository: StarterRepository) -> Iterator[str]:
    yield f"      {scalar(repository.slug)}:"
    yield _uuid("        ", repository.uuid)
    yield "        environments:"
    for environment in repository.environments:
        value = f' "{environment.uuid}"' if environment.uuid else f" {_NONE_YET}"
        yield f"          {scalar(environment.name)}:{value}"


def _uuid(indent: str, uuid: str | None) -> str:
    return f'{indent}uuid: "{uuid}"' if uuid else f"{indent}{_NONE_YET}"


def _role(starter: Starter, repository: StarterRepository, environment: StarterEnvironment, key: str) -> Iterator[str]:
    place = scalar(f"{starter.workspace}/{repository.slug}")
    yield f"  {scalar(key)}:"
    yield f"    accounts: [{', '.join(scalar(account) for account in environment.accounts)}]"
    yield "    trust:"
    yield f"      - {{repository: {place}, environments: [{_flow(environment.name)}]}}"
    yield "    # What the pipeline may do. This one looks and changes nothing: put here what the pipeline needs."
    yield '    managed_policies: ["aws:job-function/ViewOnlyAccess"]'


def _flow(text: str) -> str:
    """Return a scalar that may stand in brackets, where commas and brackets mean something."""
    plain = scalar(text)
    return plain if plain.startswith("'") or not re.search(r"[,\[\]{}]", plain) else f"'{text}'"
