"""bitbucket-oidc sandbox: run the program on emulated AWS accounts, on this machine alone."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from access.update_preview import LossLimits
from cli.extras import require_extra
from cli.inventory import (
    format_option,
    inventory_argument,
    max_loss_option,
    named_guardrails,
    oidc_provider_loss_option,
)
from cli.sandbox.fleet import fleet
from cli.sandbox.start import running_sandbox, show_warnings, started, weather_options

if TYPE_CHECKING:
    from sandbox.emulated_aws.weather import WeatherChoice


@click.group("sandbox")
def command() -> None:
    """Run the program on this machine, with emulated AWS accounts and an emulated Bitbucket.

    The sandbox keeps its state in .sandbox/, separate for each inventory. It never reaches a real account.
    """
    require_extra("sandbox", "sandbox")


command.add_command(fleet)


def _engine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    engine = click.option(
        "--engine",
        type=click.Choice(["auto", "pulumi", "builtin"]),
        default="auto",
        show_default=True,
        help="The engine that runs the program: the Pulumi CLI, or the built-in one for machines without it. "
        "auto uses the engine of the last `up`, else the CLI if it is on PATH, else the built-in one.",
    )
    aws_plugin = click.option(
        "--aws-plugin",
        type=click.Choice(["ours", "official"]),
        default="ours",
        show_default=True,
        help="The AWS provider of the Pulumi CLI: the sandbox's small one, or the installed official one.",
    )
    return engine(aws_plugin(function))


@command.command()
@inventory_argument
@_engine_options
@weather_options
@max_loss_option
@oidc_provider_loss_option
def up(
    inventory: Path,
    engine: str,
    aws_plugin: str,
    *,
    max_loss: float,
    allow_oidc_provider_loss: bool,
    weather: "WeatherChoice | None",
) -> int:
    """Deploy the inventory to the emulated accounts.

    The command refuses to delete or replace more roles than --max-loss allows, or an OIDC provider.
    """
    limits = LossLimits(max_loss, allow_oidc_provider_loss)
    return _run("up", inventory, engine, aws_plugin, weather=weather, limits=limits)


@command.command(short_help="Show what `up` would do, property by property.")
@inventory_argument
@_engine_options
@weather_options
@format_option("text", "json")
def preview(inventory: Path, engine: str, aws_plugin: str, output: str, weather: "WeatherChoice | None") -> int:
    """Show what `up` would do, property by property, and change nothing."""
    return _run("preview", inventory, engine, aws_plugin, output, weather=weather)


@command.command(short_help="Update the state from the emulated accounts.")
@inventory_argument
@_engine_options
@weather_options
def refresh(inventory: Path, engine: str, aws_plugin: str, weather: "WeatherChoice | None") -> int:
    """Update the state from what the emulated accounts have."""
    return _run("refresh", inventory, engine, aws_plugin, weather=weather)


@command.command()
@inventory_argument
@_engine_options
@weather_options
def destroy(inventory: Path, engine: str, aws_plugin: str, weather: "WeatherChoice | None") -> int:
    """Delete everything that `up` created."""
    return _run("destroy", inventory, engine, aws_plugin, weather=weather)


@command.command(short_help="Present right and wrong tokens to every role.")
@inventory_argument
@weather_options
@click.option("--all", "every", is_flag=True, help="Show each token for each role, with the full reason.")
@format_option("table", "json")
def prove(inventory: Path, output: str, weather: "WeatherChoice | None", *, every: bool) -> int:
    """Present right and wrong tokens to every role; inventory, trust evaluator and STS must agree on each.

    With the credentials of a right token, the command also tries an action that the policies of the role allow, and one
    that they do not. One disagreement is exit code 1. If `sandbox serve` runs, its emulators are used.
    """
    from cli.sandbox.proof_table import proof_json, show_proof  # noqa: PLC0415 - the sandbox's imports, in this command only
    from sandbox.proof.prove import prove as proof_of  # noqa: PLC0415 - as above

    with running_sandbox(inventory, weather) as sandbox:
        proof = proof_of(sandbox)
    if output == "json":
        click.echo(json.dumps(proof_json(proof), indent=2))
    else:
        show_proof(proof, every=every)
    return 0 if proof.agrees else 1


@command.command(short_help="Keep the emulated accounts and Bitbucket running until Ctrl-C.")
@inventory_argument
@weather_options
@click.option("--new-accounts", is_flag=True,
              help="Serve accounts as an organization creates them, for `bootstrap --deploy`.")  # fmt: skip
@format_option("text", "json")
def serve(inventory: Path, output: str, weather: "WeatherChoice | None", *, new_accounts: bool) -> int:
    """Serve the emulated accounts and Bitbucket until Ctrl-C, for other clients: the AWS CLI, boto3, curl, openssl.

    Prints the addresses, and for each role the commands that get a token and assume the role, for a second shell.
    """
    from cli.sandbox.serve import made_new, served_json, show_served  # noqa: PLC0415 - the sandbox's imports, in this command only
    from sandbox.emulated_aws.new_accounts import SERVICES  # noqa: PLC0415 - as above
    from sandbox.running_sandbox import announced, in_this_process, stay_until_gone  # noqa: PLC0415 - as above
    from sandbox.session import read_subject  # noqa: PLC0415 - as above

    subject = read_subject(inventory, named_guardrails())
    with started(subject, weather, prepare=False, more_services=SERVICES) as session:
        new = made_new(session) if new_accounts else None
        if new is None:
            in_this_process(session)
        with announced(session), suppress(KeyboardInterrupt):
            if output == "json":
                click.echo(json.dumps(served_json(session, new)))
            else:
                show_served(session, new)
            stay_until_gone(session.endpoint)
        click.echo("stopping; the state is kept", err=True)
    return 0


@command.command(short_help="Print the token of a step.")
@inventory_argument
@click.option(
    "--repository", required=True, metavar="WORKSPACE/REPOSITORY", help="The step's repository, for example acme/shop."
)
@click.option("--environment", metavar="NAME", help="The deployment environment that the step names.")
@click.option(
    "--audience",
    "audiences",
    multiple=True,
    metavar="TEXT",
    help="`aud` of the token instead of the workspace's own audience; several become a list.",
)
@click.option("--branch", default="main", show_default=True, help="The branch in the token; AWS does not see it.")
def token(inventory: Path, repository: str, environment: str | None, audiences: tuple[str, ...], branch: str) -> int:
    """Print the token of a step, like `BITBUCKET_STEP_OIDC_TOKEN`, signed by the emulated Bitbucket.

    It needs one earlier `sandbox up`, works while `sandbox serve` runs, and is valid for an hour.
    """
    from sandbox.running_sandbox import named_step, signed, signing_bitbucket  # noqa: PLC0415 - as above
    from sandbox.session import read_subject  # noqa: PLC0415 - the sandbox's imports, in this command only

    subject = read_subject(inventory, named_guardrails())
    show_warnings(subject)
    step = named_step(subject.inventory, repository, environment, branch=branch)
    click.echo(signed(signing_bitbucket(subject), step, audiences))
    return 0


def _run(
    action: str,
    inventory: Path,
    engine: str,
    aws_plugin: str,
    output: str = "text",
    *,
    weather: "WeatherChoice | None",
    limits: LossLimits | None = None,
) -> int:
    from cli.sandbox.display import progress, show_json, show_result  # noqa: PLC0415 - the sandbox's imports, in this command only
    from sandbox.run import (  # noqa: PLC0415 - as above
        Action,
        act,
        refuse_mass_change,
        settle_engine,
    )
    from sandbox.session import read_subject  # noqa: PLC0415 - as above

    subject = read_subject(inventory, named_guardrails())
    settings = settle_engine(subject, engine, aws_plugin)
    with started(subject, weather, runs_program=action in {"up", "preview"}) as session:
        if session.forgot:
            click.echo(_FORGOT, err=True)
        if limits is not None:
            refuse_mass_change(session, settings, limits)
        with progress(action) as listener:
            summary = act(session, Action(action), listener, settings)
    if output == "json":
        show_json(summary)
    else:
        show_result(action, summary, {account.key: account.id for account in subject.plan.accounts})
    return 0


_FORGOT = (
    "the emulated AWS accounts have lost their resources, because their last run was killed; `up` creates them again"
)
