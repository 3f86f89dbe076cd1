"""The files of a starter by their paths."""

from access.snippets.yaml_text import scalar
from access.starter.inventory_text import inventory_text
from access.starter.starter import Starter

INVENTORY = "inventory"
PIPELINES = "bitbucket-pipelines.yml"
"""The folder of the inventory, and the file in it."""


def starter_files(starter: Starter) -> dict[str, str]:
    """Return the text of each file: the inventory, a stack for each account, the pipelines of their repository."""
    stacks = {f"Pulumi.{key}.yaml": _stack_text(key) for key, _ in starter.accounts}
    return {f"{INVENTORY}/{INVENTORY}.yaml": inventory_text(starter), **stacks, PIPELINES: _PIPELINES}


def _stack_text(account: str) -> str:
    return f"""\
# The stack of the account {account}: `pulumi preview --stack {account}`, `pulumi up --stack {account}`.
config:
  bitbucket-aws-oidc:inventory: {INVENTORY}
  bitbucket-aws-oidc:accounts: [{scalar(account)}]
"""


_PIPELINES = f"""\
# The pipelines of the repository that holds the inventory: what a pull request changes is checked before it is merged.
# docs/ci.md of bitbucket-aws-oidc says what each line is for, and shows how previews and deployments go on from here.
# To be replaced: the image, which holds that program at a commit that you have reviewed. No step here gets into AWS;
# with BITBUCKET_ACCESS_TOKEN as a secured variable the pull request gets a comment.
image: registry.example.com/platform/bitbucket-aws-oidc@sha256:{"0" * 64}

pipelines:
  pull-requests:
    "**":
      - step:
          name: Check
          script:
            - git fetch --quiet --depth 1 origin "+refs/heads/main:refs/remotes/origin/main"
            - bitbucket-oidc ci insights {INVENTORY}
            - bitbucket-oidc ci comment {INVENTORY} --base origin/main
            - bitbucket-oidc validate {INVENTORY}
            - bitbucket-oidc diff origin/main --inventory {INVENTORY}
"""
