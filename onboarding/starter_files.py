"""The files of a first repository, by path: inventory, stack files, pipelines, and what is left to do."""

import re
from collections.abc import Iterator

from config.yaml.text import scalar
from onboarding.starter import (
    BOUNDARY,
    DEPLOYING_ROLE,
    INVENTORY,
    PIPELINES,
    PREVIEW_ROLE,
    READING_ROLE,
    SETUP,
    Starter,
    StarterEnvironment,
    StarterRepository,
    deploy_role,
    role_keys,
)
from onboarding.starter_pipelines import pipelines_text
from onboarding.starter_steps import setup_text


def starter_files(starter: Starter) -> dict[str, str]:
    """Return the text of each file by path."""
    inventory = {f"{INVENTORY}/{name}": text for name, text in inventory_files(starter).items()}
    stacks = {f"Pulumi.{stack.name}.yaml": _stack_text(stack) for stack in starter.stacks}
    return {**inventory, **stacks, PIPELINES: pipelines_text(starter), SETUP: setup_text(starter)}


def inventory_files(starter: Starter) -> dict[str, str]:
    """Return the text of each file of the inventory by name."""
    files = {
        "accounts.yaml": _accounts(starter),
        "workspaces.yaml": _workspaces(starter),
        "pipelines.yaml": _pipelines(starter),
        "roles.yaml": _roles(starter),
    }
    return {name: "\n".join(lines) + "\n" for name, lines in files.items()}


def _stack_text(stack: StarterEnvironment) -> str:
    return f"""\
config:
  bitbucket-aws-oidc:inventory: {INVENTORY}
  bitbucket-aws-oidc:accounts: {_list(stack.accounts)}
  bitbucket-aws-oidc:protectOidcProviders: true
"""


def _accounts(starter: Starter) -> Iterator[str]:
    yield "# The accounts. Each is entered with the profile of its name. In the pipelines, a step that previews becomes"
    yield f"# {READING_ROLE} by it, and a step that deploys {DEPLOYING_ROLE}. `bitbucket-oidc bootstrap` creates both."
    yield "version: 1"
    yield ""
    yield "defaults:"
    yield f"  region: {scalar(starter.region)}"
    yield f"  permissions_boundary: account:{BOUNDARY} # `bitbucket-oidc bootstrap` creates it"
    yield f"  state_backend: # PULUMI_BACKEND_URL of {PIPELINES}, and the only roles that reach it"
    yield f'    url: "{starter.state_url}"'
    yield f'    account_id: "{starter.hub_id}"'
    yield f"    readers: [{PREVIEW_ROLE}]"
    yield f"    writers: {_list(tuple(deploy_role(stack.name) for stack in starter.stacks))}"
    yield ""
    yield "accounts:"
    for key, number in starter.accounts:
        hub = " # has the state, and the roles of the pipelines of this repository" if key == starter.hub else ""
        yield f'  {scalar(key)}: {{id: "{number}", profile: {_flow(key)}}}{hub}'


def _workspaces(starter: Starter) -> Iterator[str]:
    yield "workspaces:"
    yield f"  {scalar(starter.workspace)}: # as in bitbucket.org/{starter.workspace}"
    yield _uuid("    ", starter.workspace_uuid)
    yield "    repositories:"
    yield from _repository(starter.own, " # this repository: an environment for each stack")
    for repository in starter.repositories:
        yield from _repository(repository)


_NONE_YET = "# no UUID yet: `bitbucket-oidc lock` looks it up"


def _repository(repository: StarterRepository, comment: str = "") -> Iterator[str]:
    yield f"      {scalar(repository.slug)}:{comment}"
    yield _uuid("        ", repository.uuid)
    yield "        environments:"
    for environment in repository.environments:
        value = f' "{environment.uuid}"' if environment.uuid else f" {_NONE_YET}"
        yield f"          {scalar(environment.name)}:{value}"


def _uuid(indent: str, uuid: str | None) -> str:
    return f'{indent}uuid: "{uuid}"' if uuid else f"{indent}{_NONE_YET}"


def _roles(starter: Starter) -> Iterator[str]:
    yield "# One role for each environment of a repository. Only steps with that `deployment:` may assume it."
    yield "# AWS sees no branches: before you trust an environment, restrict it (Repository settings > Deployments)."
    yield "roles:"
    for number, ((slug, name), key) in enumerate(role_keys(starter).items()):
        (accounts,) = (
            environment.accounts
            for repository in starter.repositories
            for environment in repository.environments
            if (repository.slug, environment.name) == (slug, name)
        )
        yield from [""] if number else []
        yield f"  {scalar(key)}:"
        yield f"    accounts: {_list(accounts)}"
        yield "    trust:"
        yield f"      - {{repository: {scalar(f'{starter.workspace}/{slug}')}, environments: {_list((name,))}}}"
        yield "    # What the pipeline may do. This policy only reads: replace it with what the pipeline needs."
        yield '    managed_policies: ["aws:job-function/ViewOnlyAccess"]'


def _pipelines(starter: Starter) -> Iterator[str]:
    own = scalar(f"{starter.workspace}/{starter.own.slug}")
    yield "# The roles of the pipelines of this repository. Each may do only two things: read or write the state of"
    yield "# Pulumi, and assume the reading or the deploying role of the accounts."
    yield "roles:"
    yield f"  {PREVIEW_ROLE}: # previews of pull requests, and the nightly check"
    yield f"    accounts: {_list((starter.hub,))}"
    yield "    trust:"
    yield f"      - repository: {own}"
    yield "        steps: outside_environments"
    yield "        allow:"
    yield '          repository-wide-trust: "Reads roles and the state, which every author of this repository may see"'
    yield "    inline_policies: [read-state, become-reader]"
    for stack in starter.stacks:
        yield ""
        yield f"  {deploy_role(stack.name)}:"
        yield f"    accounts: {_list((starter.hub,))}"
        yield "    trust:"
        yield f"      - {{repository: {own}, environments: {_list((stack.name,))}}}"
        yield f"    inline_policies: [read-state, deploy-{stack.name}]"
    yield ""
    yield "permission_policies:"
    yield from _policy("read-state")
    yield from _statement(["s3:GetBucketLocation", "s3:ListBucket"], [f"arn:{{{{partition}}}}:s3:::{starter.bucket}"])
    yield from _statement(["s3:GetObject"], [f"arn:{{{{partition}}}}:s3:::{starter.bucket}/.pulumi/*"])
    yield ""
    yield from _policy("become-reader")
    yield from _assume(starter, tuple(key for key, _ in starter.accounts), READING_ROLE)
    for stack in starter.stacks:
        yield ""
        yield from _policy(f"deploy-{stack.name}", " # the state of one stack, and the deploying role of its accounts")
        yield from _statement(["s3:PutObject", "s3:DeleteObject"], _state_of(starter.bucket, stack.name))
        yield from _assume(starter, stack.accounts, DEPLOYING_ROLE)


def _state_of(bucket: str, stack: str) -> list[str]:
    """Return the objects of a stack; docs/concepts/state-and-secrets.md says what each of them is."""
    objects = (
        f"stacks/bitbucket-aws-oidc/{stack}.json*",
        f"backups/bitbucket-aws-oidc/{stack}/*",
        f"history/bitbucket-aws-oidc/{stack}/*",
        f"locks/organization/bitbucket-aws-oidc/{stack}/*",
    )
    return [f"arn:{{{{partition}}}}:s3:::{bucket}/.pulumi/{name}" for name in objects]


def _assume(starter: Starter, accounts: tuple[str, ...], role: str) -> Iterator[str]:
    ids = dict(starter.accounts)
    arns = [f"arn:{{{{partition}}}}:iam::{ids[key]}:role/{role}" for key in accounts]
    return _statement(["sts:AssumeRole"], arns)


def _policy(name: str, comment: str = "") -> Iterator[str]:
    yield f"  {name}:{comment}"
    yield "    document:"
    yield '      Version: "2012-10-17"'
    yield "      Statement:"


def _statement(actions: list[str], resources: list[str]) -> Iterator[str]:
    yield "        - Effect: Allow"
    quoted = ", ".join(f'"{action}"' for action in actions)
    yield f"          Action: [{quoted}]"
    yield "          Resource:"
    for resource in resources:
        yield f'            - "{resource}"'


def _list(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_flow, values))}]"


def _flow(text: str) -> str:
    """Return a scalar for a flow sequence; quote commas and brackets."""
    plain = scalar(text)
    return plain if plain.startswith("'") or not re.search(r"[,\[\]{}]", plain) else f"'{text}'"
