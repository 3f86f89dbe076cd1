"""Run an engine on a sandbox: up, preview, refresh, destroy; refuse to lose too much."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from access.update_preview import OIDC_PROVIDER_TYPE, ROLE_TYPE, Loss, LossLimits, refusals
from fleet.pulumi_cli.installed_cli import find_cli, installed_cli
from fleet.pulumi_cli.steps import LogMessage, Operation, Step, Summary
from oidc.errors import MassChangeError, UsageError
from sandbox.aws_provider.account import connect_as_platform_engineer, refuse_ambient
from sandbox.aws_provider.provider import SmallAwsProvider
from sandbox.engine.builtin import BuiltinEngine
from sandbox.engine_choice import EngineMark, EngineName, choose_engine
from sandbox.pulumi_cli.engine import AwsPlugin, PulumiCliEngine
from sandbox.session import SandboxInventory, Session


class Action(StrEnum):
    """An operation of an engine."""

    UP = "up"
    PREVIEW = "preview"
    REFRESH = "refresh"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Listener:
    """Receives each step as it happens, and each message that the program logs."""

    on_step: Callable[[Step], None]
    on_log: Callable[[LogMessage], None]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The engine of a run, and the AWS provider of the CLI."""

    engine: EngineName
    aws_plugin: AwsPlugin = AwsPlugin.OURS


class Engine(Protocol):
    """The operations of both engines; they raise BitbucketOidcError."""

    def up(self) -> Summary:
        """Create, update and delete resources as the program requires."""
        ...

    def preview(self) -> Summary:
        """Report the steps that ``up`` would do."""
        ...

    def refresh(self) -> Summary:
        """Update the state from AWS; do not change AWS."""
        ...

    def destroy(self) -> Summary:
        """Delete all resources in the state."""
        ...


def settle_engine(subject: SandboxInventory, asked: str, aws_plugin: str = AwsPlugin.OURS) -> EngineSettings:
    """Choose the engine of a run, before anything starts.

    Args:
        subject: The inventory of the sandbox.
        asked: The option ``--engine``: ``auto``, ``pulumi`` or ``builtin``.
        aws_plugin: The option ``--aws-plugin``: ``ours`` or ``official``.

    Raises:
        SandboxError: The last ``up`` used another engine, the Pulumi CLI is missing, or the official AWS plugin cannot
            enter an account of this inventory.
        UsageError: The official AWS plugin is chosen with the built-in engine.
    """
    engine = choose_engine(asked, EngineMark(subject.folder).read(), lambda: installed_cli() is not None)
    settings = EngineSettings(engine, AwsPlugin(aws_plugin))
    official = settings.aws_plugin is AwsPlugin.OFFICIAL
    if engine is EngineName.PULUMI:
        find_cli(instead="take --engine builtin")
        if official:
            refuse_ambient(subject.plan)
    elif official:
        raise UsageError("the built-in engine has only the sandbox's AWS provider", do="take --engine pulumi")
    return settings


def act(session: Session, action: Action, listener: Listener, settings: EngineSettings) -> Summary:
    """Run one operation of the engine.

    Raises:
        BitbucketOidcError: A step failed; the state has all steps before it.
    """
    mark = EngineMark(session.subject.folder)
    choose_engine(settings.engine, mark.read(), lambda: True)
    engine = _engine(session, listener, settings)
    if action is Action.UP:
        mark.set(settings.engine)
    actions: dict[Action, Callable[[], Summary]] = {
        Action.UP: engine.up,
        Action.PREVIEW: engine.preview,
        Action.REFRESH: engine.refresh,
        Action.DESTROY: engine.destroy,
    }
    summary = actions[action]()
    if action is Action.DESTROY:
        mark.clear()
    return summary


def _engine(session: Session, listener: Listener, settings: EngineSettings) -> Engine:
    endpoints = {"iam": session.endpoint, "sts": session.endpoint}
    if settings.engine is EngineName.PULUMI:
        return PulumiCliEngine(
            find_cli(instead="take --engine builtin"),
            session.program,
            session.subject.folder.resolve() / "pulumi",
            endpoints=endpoints,
            aws_plugin=settings.aws_plugin,
            on_step=listener.on_step,
            on_log=listener.on_log,
        )
    return BuiltinEngine(
        session.program,
        session.state_file,
        {"aws": lambda: SmallAwsProvider(connect=connect_as_platform_engineer)},
        listener.on_step,
        on_log=listener.on_log,
        endpoints=endpoints,
    )


_LOSING = frozenset({Operation.DELETE, Operation.REPLACE, Operation.DELETE_REPLACED})


def refuse_mass_change(session: Session, settings: EngineSettings, limits: LossLimits) -> None:
    """Refuse an ``up`` that would lose too much; it previews ``up`` if the sandbox has resources.

    Raises:
        MassChangeError: Too many roles, or an OIDC provider, would be deleted or replaced.
        BitbucketOidcError: ``up`` would fail.
    """
    if EngineMark(session.subject.folder).read() is None:
        return
    silent = Listener(on_step=lambda _step: None, on_log=lambda _message: None)
    reasons = refusals(loss_of(act(session, Action.PREVIEW, silent, settings)), limits)
    if reasons:
        raise MassChangeError("; ".join(reasons))


def loss_of(preview: Summary) -> Loss:
    """Return the loss in a preview's steps, by logical names: ``prod/shop-deploy``."""

    def lost(kind: str) -> tuple[str, ...]:
        return tuple(sorted({step.name for step in preview.steps if step.type == kind and step.operation in _LOSING}))

    present = {step.urn for step in preview.steps if step.type == ROLE_TYPE and step.operation is not Operation.CREATE}
    return Loss(len(present), lost(ROLE_TYPE), lost(OIDC_PROVIDER_TYPE))
