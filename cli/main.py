"""A group of commands, each in a separate file that is imported only when it runs."""

import gc
import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from oidc.errors import BitbucketOidcError, UsageError
from oidc.hidden_secrets import has_token

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class FileCommands(click.Group):
    """Commands by name: ``deploy-policy`` is ``command`` in ``deploy_policy.py``.

    Args:
        files: The commands, each with one sentence about it.
        package: The package that has their files.
    """

    def __init__(self, *arguments: Any, files: Mapping[str, str], package: str, **options: Any) -> None:  # noqa: ANN401 - click's
        super().__init__(*arguments, **options)
        self._files = files
        self._package = package

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._files)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the file of one command."""
        if cmd_name not in self._files:
            return None
        module = importlib.import_module(f"{self._package}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest a command for an unknown name: click knows only imported commands."""
        if args[0] not in self._files and not args[0].startswith("-") and not ctx.resilient_parsing:
            from config.findings import did_you_mean, one_line  # noqa: PLC0415 - other commands need not wait for it

            name = one_line(args[0])
            suggestion = did_you_mean(name, self._files, f"the commands are {', '.join(sorted(self._files))}")
            raise click.UsageError(f"there is no command `{name}`; {suggestion}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete names of commands without importing their files, and options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell that completes needs it

        names = [(name, text) for name, text in sorted(self._files.items()) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=text) for name, text in names), *options]

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing their files."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._files.items()))


COMMANDS = {
    "bootstrap": "Print the CloudFormation template that accounts need before the first `up`, or its SCP.",
    "check-pipeline": "Report which steps of a bitbucket-pipelines.yml will not get into their roles.",
    "ci": "Comment on pull requests, report findings, name changed stacks, and refuse mass deletion.",
    "deploy-policy": "Print the permission policy that the deploying role of each account needs.",
    "adopt": "Write the existing roles of accounts as an inventory, with files for `pulumi import`.",
    "explain": "Explain which roles given claims may assume, or what a trust policy admits.",
    "diff": "Compare the access of two inventories, plans or git revisions.",
    "fleet": "Run many accounts, each with its own stack, in waves.",
    "doctor": "Report, inside a pipeline step, why it cannot assume its role.",
    "init": "Write a repository of data: inventory, stack files, pipelines.",
    "lock": "Look up UUIDs and certificates; write inventory.lock.yaml.",
    "pipe": "Run the command that the variables of a Bitbucket pipe name: the image's entry point.",
    "plan": "Show who may assume which role, in which account.",
    "pulumi": "Run the Pulumi CLI on this program, for the stacks of the current folder.",
    "report": "Write the plan as one self-contained HTML page, for reviews and audits.",
    "sandbox": "Run the program on this machine, with emulated AWS accounts and an emulated Bitbucket.",
    "schema": "Print the JSON Schema of the inventory, for editors, or of the run report.",
    "snippet": "Print the bitbucket-pipelines.yml of a repository, with the roles of its steps.",
    "validate": "Report every finding in the inventory.",
}
"""Commands, and one sentence about each; a command's file is imported only when it runs."""

_HELP_WIDTH = 100


class Commands(FileCommands):
    """All commands. None takes a token as an argument: logs and other users of the machine can read arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse a token before a message can repeat it."""
        if any(map(has_token, args)):
            raise UsageError(
                "there is a token on the command line, where others can read it",
                do="pipe it: printenv BITBUCKET_STEP_OIDC_TOKEN | bitbucket-oidc explain --token -",
            )
        return super().parse_args(ctx, args)


@click.command(
    cls=Commands,
    files=COMMANDS,
    package="cli",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _HELP_WIDTH},
)
@click.version_option(package_name="bitbucket-aws-oidc")
def cli() -> None:
    """Manage which Bitbucket Pipelines may assume which AWS roles, from one inventory in YAML.

    Exit codes: 0 success or only warnings, 1 findings of level error or a failed proof, 2 wrong usage, 3 a failure of
    network, AWS, Bitbucket or the engine.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code. A fault of the user or of the network never ends in a traceback.

    The garbage collector is off: all loaded values stay in use until the end, so it would collect nothing.
    """
    gc.disable()
    code = run(arguments)
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    try:
        result: Any = cli.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - an unknown exception is raised again
        return _exit_code(error)
    return result if isinstance(result, int) else 0


def _exit_code(error: BaseException) -> int:
    match error:
        case BitbucketOidcError():
            click.echo(f"error: {error}", err=True)
            return error.exit_code
        case click.ClickException():
            error.show()
            return error.exit_code
        case click.Abort() | KeyboardInterrupt():
            click.echo(
                "stopped; run the same command again: it continues with the resources created so far, if any", err=True
            )
            return 130
        case SystemExit(__context__=BrokenPipeError()):
            # The reader of a pipe ended early, as `head` does. That is no failure; click has closed the streams.
            return 0
        case SystemExit():
            return error.code if isinstance(error.code, int) else 1
        case OSError():
            click.echo(f"error: the output cannot be written: {error.strerror}", err=True)
            return 3
    raise error
