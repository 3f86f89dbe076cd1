"""A group of commands, each in a file of its own that is imported only when it runs."""

import importlib
from collections.abc import Mapping
from typing import Any

import click


class FileCommands(click.Group):
    """Commands by name, with ``_`` for ``-`` in the file's: ``deploy-policy`` is ``command`` in ``deploy_policy.py``.

    Args:
        files: The names, and what each does in a line.
        package: Where their files are.
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
        """Say which command may be meant where there is none of this name: click knows only those that are imported."""
        if args[0] not in self._files and not args[0].startswith("-"):
            from config.findings import did_you_mean, one_line  # noqa: PLC0415 - nobody else has to wait for it

            name = one_line(args[0])
            meant = did_you_mean(name, self._files, f"the commands are {', '.join(sorted(self._files))}")
            raise click.UsageError(f"there is no command `{name}`; {meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing one of them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._files.items()))
