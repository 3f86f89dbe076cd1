"""bitbucket-oidc sandbox: the whole program on emulated AWS accounts, on this machine alone."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cli.inventory import format_option, inventory_argument

if TYPE_CHECKING:
    from sandbox.session import Session, Subject


@click.group("sandbox")
def command() -> None:
    """Run this program on emulated AWS accounts and an emulated Bitbucket, on loopback alone.

    The state is kept in .sandbox/, apart for each inventory. Nothing here reaches a real account.
    """


def _engine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    engine = click.option(
        "--engine",
        type=click.Choice(["auto", "pulumi", "builtin"]),
        default="auto",
        show_default=True,
        help="What carries the program out: the Pulumi CLI, or the engine of this project, for machines without it. "
        "auto takes the one that the sandbox was brought up with, else the CLI where it is on PATH.",
    )
    aws_plugin = click.option(
        "--aws-plugin",
        type=click.Choice(["ours", "official"]),
        default="ours",
        show_default=True,
        help="The AWS provider of the Pulumi CLI: the small one of the sandbox, or the installed official one.",
    )
    return engine(aws_plugin(function))


@command.command()
@inventory_argument
@_engine_options
def up(inventory: Path, engine: str, aws_plugin: str) -> int:
    """Make the emulated accounts as the inventory says."""
    return _run("up", inventory, engine, aws_plugin)


@command.command()
@inventory_argument
@_engine_options
def preview(inventory: Path, engine: str, aws_plugin: str) -> int:
    """Show what `up` would do; nothing is written."""
    return _run("preview", inventory, engine, aws_plugin)


@command.command()
@inventory_argument
@_engine_options
def refresh(inventory: Path, engine: str, aws_plugin: str) -> int:
    """Bring the state in line with what the emulated accounts have."""
    return _run("refresh", inventory, engine, aws_plugin)


@command.command()
@inventory_argument
@_engine_options
def destroy(inventory: Path, engine: str, aws_plugin: str) -> int:
    """Delete what `up` made."""
    return _run("destroy", inventory, engine, aws_plugin)


@command.command()
@inventory_argument
@format_option("table", "json")
def prove(inventory: Path, output: str) -> int:
    """Present tokens, right and wrong, to every role, and hold what STS decides against the inventory.

    One disagreement is exit code 1.
    """
    from cli.proof_table import proof_json, show_proof  # noqa: PLC0415 - the sandbox's imports, in this command only
    from sandbox.proof.prove import prove as decisions_of  # noqa: PLC0415 - as above
    from sandbox.session import read_subject  # noqa: PLC0415 - as above

    with _session(read_subject(inventory), with_furniture=False) as session:
        decisions = list(decisions_of(session))
    if output == "json":
        click.echo(json.dumps(proof_json(decisions), indent=2))
    else:
        show_proof(decisions)
    return 0 if all(decision.agrees for decision in decisions) else 1


def _run(action: str, inventory: Path, engine: str, aws_plugin: str) -> int:
    from cli.sandbox_display import listener, show_summary  # noqa: PLC0415 - the sandbox's imports, in this command only
    from sandbox.run import Action, act, settle_engine  # noqa: PLC0415 - as above
    from sandbox.session import read_subject  # noqa: PLC0415 - as above

    subject = read_subject(inventory)
    settings = settle_engine(subject, engine, aws_plugin)
    with _session(subject) as session:
        summary = act(session, Action(action), listener(), settings)
    show_summary(action, summary)
    return 0


@contextmanager
def _session(subject: "Subject", *, with_furniture: bool = True) -> "Iterator[Session]":
    """Start a sandbox; a request to end stops it in an orderly way."""
    from sandbox.session import running  # noqa: PLC0415 - the sandbox's imports, in this command only

    for warning in subject.warnings:
        click.echo(warning, err=True)
    for key in subject.left_out:
        click.echo(f"{key} is left out: the emulated AWS has the partition aws alone", err=True)
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with running(subject, with_furniture=with_furniture) as session:
            for warning in session.bitbucket.warnings:
                click.echo(warning, err=True)
            yield session
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
