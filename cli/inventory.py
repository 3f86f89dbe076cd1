"""The inventory for commands: its argument and options, loading, and the exit code for findings."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from access.compile import Compiled, compile_plan
from access.update_preview import MAX_LOSS_PERCENT
from config.findings import Finding, Level, has_errors
from config.inventory_files import Locate
from config.load import Loaded, load_inventory
from review.findings import counted, show_findings

F = TypeVar("F", bound=Callable[..., Any])


def inventory_argument(function: F) -> F:
    """Add the argument INVENTORY, a folder or a file, and the option --guardrails.

    The argument adds the option, so no command can load an inventory without its guardrails.
    """
    argument = click.argument(
        "inventory", default="inventory", type=FilledPath("the path of the inventory"), metavar="[INVENTORY]"
    )
    return argument(guardrails_option(function))


def guardrails_option(function: F) -> F:
    """Add the option --guardrails, whose value ``named_guardrails`` returns."""
    return click.option(
        "--guardrails",
        type=FilledPath("the path of the guardrails"),
        metavar="FILE",
        expose_value=False,
        callback=_keep_guardrails,
        help="The guardrails file.  [default: guardrails.yaml in the inventory]",
    )(function)


class FilledPath(click.Path):
    """A path that is not empty: an unset shell variable would otherwise mean the current folder."""

    def __init__(self, what: str) -> None:
        super().__init__(path_type=Path)
        self._what = what

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's
        """Refuse an empty path."""
        if value == "":
            self.fail(f"{self._what} is empty", param, ctx)
        return super().convert(value, param, ctx)


_GUARDRAILS = f"{__name__}.guardrails"


def _keep_guardrails(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    context.meta[_GUARDRAILS] = value


def named_guardrails() -> Path | None:
    """Return the value of --guardrails of the running command, or ``None``."""
    file: Path | None = click.get_current_context().meta.get(_GUARDRAILS)
    return file


def strict_option(function: F) -> F:
    """Add --strict."""
    return click.option("--strict", is_flag=True, help="Exit with code 1 for warnings too.")(function)


_QUIET = f"{__name__}.quiet"


def quiet_option(function: F) -> F:
    """Add --quiet, which hides warnings; ``is_quiet`` returns it."""
    return click.option(
        "--quiet", is_flag=True, expose_value=False, callback=_keep_quiet, help="Say nothing about warnings."
    )(function)


def _keep_quiet(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    context.meta[_QUIET] = value


def is_quiet() -> bool:
    """Tell whether the running command has --quiet."""
    quiet: bool = click.get_current_context().meta.get(_QUIET, False)
    return quiet


def unless_quiet(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings, with --quiet only those of level error."""
    return [finding for finding in findings if finding.level is Level.ERROR or not is_quiet()]


def show_briefly(findings: Sequence[Finding]) -> None:
    """Print errors in full, and unless --quiet is given how many warnings ``validate`` shows."""
    errors = [finding for finding in findings if finding.level is Level.ERROR]
    show_findings(errors)
    warnings = counted(len(findings) - len(errors), "warning")
    if warnings and not is_quiet():
        click.echo(f"{warnings}; see `validate`", err=True)


def project_option(function: F) -> F:
    """Add --project, the folder of the stack files."""
    return click.option(
        "--project",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        default=Path(),
        help="The folder of the stack files Pulumi.STACK.yaml; their paths are relative to it.  [default: .]",
    )(function)


def format_option(*formats: str) -> Callable[[F], F]:
    """Add --format with these choices; the first is the default."""
    return click.option("--format", "output", type=click.Choice(formats), default=formats[0], show_default=True)


def compiled(inventory: Path, today: date | None = None) -> Compiled:
    """Load and compile an inventory as of a day, UTC; ``None``: today."""
    return compile_plan(loaded_with(inventory, named_guardrails(), today))


def loaded(inventory: Path) -> Loaded:
    """Load an inventory with the guardrails of the running command."""
    return loaded_with(inventory, named_guardrails())


def loaded_with(
    inventory: Path,
    guardrails: Path | None,
    today: date | None = None,
    *,
    any_version: bool = False,
    locate: Locate | None = None,
) -> Loaded:
    """Load an inventory with a guardrails file; ``None``: with the file that the inventory names or holds."""
    return load_inventory(inventory, guardrails=guardrails, today=today, any_version=any_version, locate=locate)


def findings_json(findings: Sequence[Finding]) -> str:
    """Return the findings as a JSON list."""
    return json.dumps([finding.to_json() for finding in findings], indent=2)


def exit_code(findings: Sequence[Finding], *, strict: bool) -> int:
    """Return 1 for an error, and with ``strict`` for any finding; else 0."""
    return 1 if has_errors(findings) or (strict and findings) else 0


def max_loss_option(function: F) -> F:
    """Add --max-loss, a number from 0 to 100."""
    return click.option(
        "--max-loss",
        type=click.FloatRange(0, 100),
        default=MAX_LOSS_PERCENT,
        show_default=True,
        metavar="PERCENT",
        help="Share of all roles that may be deleted or replaced; two roles are always allowed.",
    )(function)


def oidc_provider_loss_option(function: F) -> F:
    """Add --allow-oidc-provider-loss."""
    return click.option(
        "--allow-oidc-provider-loss",
        is_flag=True,
        help="Allow deleting or replacing OIDC providers; every role that trusts one stops working.",
    )(function)
