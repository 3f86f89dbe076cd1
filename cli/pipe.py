"""bitbucket-oidc pipe: run one command with the variables of a Bitbucket pipe. It is the entry point of the image.

Bitbucket gives the container of a pipe its variables and those of the step, among them the step's token if the step has
``oidc: true``, and starts it in the clone. A variable with a list arrives as ``NAME_COUNT``, ``NAME_0``, ``NAME_1``.
Sources: https://support.atlassian.com/bitbucket-cloud/docs/write-a-pipe-for-bitbucket-pipelines/ and
https://support.atlassian.com/bitbucket-cloud/docs/advanced-techniques-for-writing-pipes/
"""

import contextlib
import io
import os
import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path

import click

from cli.main import run
from config.findings import did_you_mean, one_line
from config.stack_file import STACK_NAME
from oidc.arn import parse_iam_arn
from oidc.errors import UsageError
from oidc.hidden_secrets import has_token
from oidc.limits import ROLE_NAME


class Takes(Enum):
    """How a command takes the inventory."""

    ARGUMENT = "as its argument"
    OPTION = "by --inventory"
    STACK = "from the file of its stack"
    NOTHING = "not at all"


COMMANDS = {
    "ci comment": Takes.ARGUMENT,
    "ci guard": Takes.NOTHING,
    "ci insights": Takes.ARGUMENT,
    "ci stacks": Takes.OPTION,
    "diff": Takes.OPTION,
    "doctor": Takes.ARGUMENT,
    "explain": Takes.ARGUMENT,
    "lock": Takes.ARGUMENT,
    "plan": Takes.ARGUMENT,
    "pulumi preview": Takes.STACK,
    "pulumi refresh": Takes.STACK,
    "pulumi up": Takes.STACK,
    "report": Takes.ARGUMENT,
    "validate": Takes.ARGUMENT,
}
"""The commands that COMMAND may begin with."""

_TOKEN = "BITBUCKET_STEP_OIDC_TOKEN"  # noqa: S105 - the name of a variable
_OTHER_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")
"""SDKs use these before a token file (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html)."""


@click.command("pipe")
def command() -> int:
    """Run the command that the variables of a Bitbucket pipe name, with the credentials of the step.

    COMMAND is a command with its options, such as `ci comment --base origin/main`; INVENTORY and STACK name what it
    reads. With AWS_OIDC_ROLE_ARN it has the credentials of that role, for which the step needs `oidc: true`. With
    ACCOUNT_ROLE too, it enters each account by its profile, as the role of that name.
    """
    variables = {name: value for name, value in os.environ.items() if value}
    words = _words(variables)
    name = _known(words)
    takes = COMMANDS[name]
    inventory, stack = _path(variables), _stack(variables, name)
    if takes is Takes.NOTHING and inventory is not None:
        raise UsageError(f"INVENTORY is set, and {name} reads no inventory", do="remove the variable")
    _take_role(variables, inventory or "inventory")
    if takes is Takes.STACK:
        file = _stack_file(inventory or "inventory", stack)
        rest = words[2:]
        return run([*words[:2], "--stack", stack, "--config-file", str(file), "--non-interactive", *rest])
    if inventory is not None:
        words += [inventory] if takes is Takes.ARGUMENT else ["--inventory", inventory]
    return run(words)


def _words(variables: Mapping[str, str]) -> list[str]:
    """Return the words of COMMAND, a text or a list."""
    try:
        count = int(variables.get("COMMAND_COUNT", "0"))
        words = [os.environ[f"COMMAND_{number}"] for number in range(count)]
        words = words or shlex.split(variables.get("COMMAND", ""))
    except (ValueError, KeyError) as error:
        raise UsageError("COMMAND is neither a text nor a list of words", do="check its quotation marks") from error
    if any(map(has_token, words)):
        raise UsageError("there is a token in COMMAND", do="remove it: with `oidc: true` the pipe has the step's token")
    if not words:
        raise UsageError("COMMAND is not set", do=f"write one of {', '.join(COMMANDS)}")
    return words


def _known(words: Sequence[str]) -> str:
    for name in (" ".join(words[:2]), words[0]):
        if name in COMMANDS:
            return name
    wanted = one_line(" ".join(words[:2]) if words[0] in {"ci", "pulumi"} else words[0])[:100]
    suggestion = did_you_mean(wanted, COMMANDS, f"the commands are {', '.join(COMMANDS)}")
    raise UsageError(f"COMMAND: the pipe does not run `{wanted}`", do=suggestion)


def _path(variables: Mapping[str, str]) -> str | None:
    """Return INVENTORY, or ``None`` if it is not set."""
    inventory = variables.get("INVENTORY")
    if inventory is not None and (inventory.startswith("-") or not Path(inventory).exists()):
        what = f"INVENTORY: {one_line(inventory)[:200]} is no folder or file of the clone"
        raise UsageError(what, do="write its path from the top of the repository")
    return inventory


def _stack(variables: Mapping[str, str], name: str) -> str:
    """Return STACK, or an empty text for a command that has no stack."""
    stack = variables.get("STACK", "")
    if COMMANDS[name] is not Takes.STACK:
        if stack:
            raise UsageError(f"STACK is set, and {name} has no stack", do="remove the variable")
        return ""
    if not stack:
        raise UsageError(f"{name} needs STACK", do="write the name of the stack: production")
    if STACK_NAME.fullmatch(stack) is None:
        raise UsageError(f"STACK: {one_line(stack)[:100]} is not the name of a stack", do="write a name: production")
    return stack


def _take_role(variables: Mapping[str, str], inventory: str) -> None:
    """Give this process and its children the credentials of the step's role."""
    role, account_role = variables.get("AWS_OIDC_ROLE_ARN"), variables.get("ACCOUNT_ROLE")
    if role is None:
        if account_role is not None:
            raise UsageError("ACCOUNT_ROLE needs AWS_OIDC_ROLE_ARN", do="write the ARN of the role of this step")
        return
    arn = parse_iam_arn(role)
    if arn is None or arn.kind != "role":
        what = f"AWS_OIDC_ROLE_ARN: {one_line(role)[:200]} is not the ARN of a role"
        raise UsageError(what, do="write arn:aws:iam::222222222222:role/bitbucket/shop-deploy")
    if account_role is not None and ROLE_NAME.fullmatch(account_role) is None:
        what = f"ACCOUNT_ROLE: {one_line(account_role)[:200]} is not the name of a role"
        raise UsageError(what, do="write only the name: PulumiDeploy")
    if _TOKEN not in variables:
        raise UsageError(f"the step has no token: {_TOKEN} is not set", do="write `oidc: true` in the step")
    for name in _OTHER_CREDENTIALS:
        os.environ.pop(name, None)
    build = f"{variables.get('BITBUCKET_REPO_SLUG', 'bitbucket')}-{variables.get('BITBUCKET_BUILD_NUMBER', 'local')}"
    session = {"AWS_ROLE_ARN": role, "AWS_ROLE_SESSION_NAME": re.sub(r"[^\w+=,.@-]", "-", build, flags=re.ASCII)[:64]}
    os.environ |= session | {"AWS_WEB_IDENTITY_TOKEN_FILE": str(_new_file("web-identity-token", variables[_TOKEN]))}
    if account_role is not None:
        profiles = _output("ci", "profiles", inventory, "--pipeline-role", role, "--role", account_role)
        del os.environ["AWS_ROLE_ARN"]  # the profile names the role
        os.environ |= {"AWS_CONFIG_FILE": str(_new_file("aws-config", profiles)), "AWS_PROFILE": "pipeline"}


def _stack_file(inventory: str, stack: str) -> Path:
    """Write the stack files outside of the clone, with config keys of this program alone, and return that of STACK.

    `ci stacks` refuses a stack file that uses another inventory than INVENTORY.
    """
    os.environ.setdefault("PULUMI_CONFIG_PASSPHRASE", "")  # the stack config of this program has no secrets
    folder = Path(tempfile.mkdtemp())
    _output("ci", "stacks", "--inventory", inventory, "--config-files", str(folder))
    file = folder / f"Pulumi.{stack}.yaml"
    if not file.exists():
        raise UsageError(f"STACK: there is no {file.name} at the top of the repository", do="check the name")
    return file


def _output(*arguments: str) -> str:
    """Return the standard output of a command; a command that fails ends this one with its exit code."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = run(arguments)
    if code:
        raise SystemExit(code)
    return output.getvalue()


def _new_file(name: str, text: str) -> Path:
    """Write a file that only this user can read, outside of the clone."""
    file = Path(tempfile.mkdtemp()) / name
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return file
