"""The text of a first bitbucket-pipelines.yml, and what to add to one that exists already.

Source of its grammar: https://support.atlassian.com/bitbucket-cloud/docs/bitbucket-pipelines-configuration-reference/.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from config.yaml.text import scalar
from onboarding.starter import (
    DEPLOYING_ROLE,
    INVENTORY,
    PREVIEW_ROLE,
    READING_ROLE,
    Starter,
    StarterEnvironment,
    deploy_role,
    hub_role_arn,
)

BESIDE = "bitbucket-pipelines.bitbucket-oidc.yml"
"""The file that is written if there is a bitbucket-pipelines.yml already. Bitbucket does not read it."""


def pipelines_text(starter: Starter) -> str:
    """Return the text of the file."""
    steps = "".join(_deploy_step(stack, number) for number, stack in enumerate(starter.stacks))
    return _head(starter) + _definitions(starter) + f"{_PULL_REQUESTS}\n  branches:\n    main:\n{steps}\n{_DRIFT}"


def what_to_add(existing: str) -> Iterator[str]:
    """Yield, one line each, what a bitbucket-pipelines.yml lacks and the file beside it has.

    Args:
        existing: The text of the bitbucket-pipelines.yml; any text.
    """
    try:
        data = yaml.safe_load(existing)
    except yaml.YAMLError:
        data = None
    file = data if isinstance(data, dict) else {}
    pipelines = _mapping(file, "pipelines")
    yield f"copy `definitions: lines:` {_into(file, 'definitions')}, above `pipelines:`"
    for section, name, what in (
        ("pull-requests", "**", "the steps Check and Preview"),
        ("branches", "main", "the steps that deploy"),
        ("custom", "drift", "its step"),
    ):
        place = f"`pipelines: {section}: {name}:`"
        there = name in _mapping(pipelines, section)
        yield f"append {what} to your {place}" if there else f"copy {place}"
    yield "give each of these steps the `image:` of that file, unless your whole file has it"


def _mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _into(file: dict[str, Any], key: str) -> str:
    return f"into your `{key}:`" if key in file else "to the beginning"


def _head(starter: Starter) -> str:
    return f"""\
# The pipelines of this repository. docs/guides/ci.md of bitbucket-aws-oidc says what a pull request can reach.
image: {starter.image}
"""


def _definitions(starter: Starter) -> str:
    return f"""
definitions:
  lines:
    - &target git fetch --quiet --depth 1 origin "+refs/heads/main:refs/remotes/origin/main"
    - &token |
      export AWS_WEB_IDENTITY_TOKEN_FILE="$(mktemp)" AWS_CONFIG_FILE="$(mktemp)" AWS_PROFILE=pipeline
      export OUT="$(mktemp -d)" # outside the clone, where a branch could have put a link under any name
      {KEEP_TOKEN}
    - {state_line(starter.state_url)}
    - &stack-files bitbucket-oidc ci stacks --inventory {INVENTORY} --config-files stacks > "$OUT/stacks.txt"
    - &look >-
      bitbucket-oidc pulumi preview --stack "$STACK" --config-file "stacks/Pulumi.$STACK.yaml"
      --non-interactive --json --show-sames > "$OUT/preview.json" ||
      {{ bitbucket-oidc ci guard "$OUT/preview.json"; exit 1; }}
    - &guard >-
      bitbucket-oidc ci guard "$OUT/preview.json" --max-loss "${{MAX_LOSS:-30}}"
      ${{ALLOW_OIDC_PROVIDER_LOSS:+--allow-oidc-provider-loss}} ${{REVIEWED_PLAN:+--reviewed "$REVIEWED_PLAN"}}
    - &up >-
      bitbucket-oidc pulumi up --stack "$STACK" --config-file "stacks/Pulumi.$STACK.yaml"
      --non-interactive --yes --skip-preview ${{REVIEWED_PLAN:+--config "reviewedPlan=$REVIEWED_PLAN"}}
    - &become-deployer >-
      {profiles_command(INVENTORY, DEPLOYING_ROLE, hub_role_arn(starter, deploy_role("$STACK")))}
    - &become-reader >-
      bitbucket-oidc ci profiles {INVENTORY} --role {READING_ROLE}
      --pipeline-role {hub_role_arn(starter, PREVIEW_ROLE)} > "$AWS_CONFIG_FILE"

"""


KEEP_TOKEN = 'printenv BITBUCKET_STEP_OIDC_TOKEN > "$AWS_WEB_IDENTITY_TOKEN_FILE"'  # noqa: S105 - a command
"""Keeps the step's token in a file, out of arguments and logs."""


def state_line(url: str) -> str:
    """Return the line that names the state."""
    return f'&state export PULUMI_BACKEND_URL="{url}" PULUMI_CONFIG_PASSPHRASE=""'


def profiles_command(inventory: str, role: str, pipeline_role: str) -> str:
    """Return the command for the profiles of a step, on two lines of a folded text."""
    return f"""\
bitbucket-oidc ci profiles {inventory} --role {role}
      --pipeline-role "{pipeline_role}" > "$AWS_CONFIG_FILE\""""


_PULL_REQUESTS = f"""\
pipelines:
  pull-requests:
    "**":
      - step:
          name: Check
          script:
            - *target
            - bitbucket-oidc ci insights {INVENTORY}
            - bitbucket-oidc ci comment {INVENTORY} --base origin/main
            - bitbucket-oidc validate {INVENTORY}
            - bitbucket-oidc diff origin/main --inventory {INVENTORY}
      - step:
          name: Preview
          oidc: true
          script:
            - *target
            - *token
            - *become-reader
            - *state
            - >-
              bitbucket-oidc ci stacks --base origin/main --inventory {INVENTORY}
              --config-files stacks > "$OUT/stacks.txt"
            - |
              mkdir "$OUT/previews"
              failed=0
              xargs -r -P 4 -I STACK sh -c '
                bitbucket-oidc pulumi preview --stack STACK --config-file stacks/Pulumi.STACK.yaml \\
                  --non-interactive --json --show-sames > "$OUT/previews/STACK.json"' < "$OUT/stacks.txt" || failed=1
            - bitbucket-oidc ci comment {INVENTORY} --base origin/main --previews "$OUT/previews"
            - bitbucket-oidc ci guard "$OUT/previews"
            - test "$failed" = 0
"""


def _deploy_step(stack: StarterEnvironment, number: int) -> str:
    """Return the step of a stack; all but the first wait for somebody."""
    trigger = "          trigger: manual\n" if number else ""
    return f"""\
      - step:
          name: Deploy {stack.name}
          deployment: {scalar(stack.name)}
{trigger}          oidc: true
          script:
            - export STACK={stack.name}
            - *token
            - *become-deployer
            - *state
            - *stack-files
            - *look
            - *guard
            - *up
"""


_DRIFT = f"""\
  custom:
    drift: # schedule it on main
      - step:
          name: Differences from the inventory
          oidc: true
          script:
            - >-
              BITBUCKET_ACCESS_TOKEN="${{LOCK_ACCESS_TOKEN:-$BITBUCKET_ACCESS_TOKEN}}"
              bitbucket-oidc lock {INVENTORY} --check
            - *token
            - *become-reader
            - *state
            - *stack-files
            - >-
              xargs -r -P 4 -I STACK bitbucket-oidc pulumi preview --stack STACK --config-file stacks/Pulumi.STACK.yaml
              --non-interactive --expect-no-changes < "$OUT/stacks.txt"
"""
