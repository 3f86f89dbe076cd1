"""What can be done with a sandbox: bring it up, take it down, compare."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from access.update_preview import OIDC_PROVIDER_TYPE, ROLE_TYPE, Loss, LossLimits, refusals
from oidc.errors import MassChangeError, UsageError
from sandbox.aws_provider.account import connect_as_platform_engineer, refuse_ambient
from sandbox.aws_provider.provider import SmallAwsProvider
from sandbox.engine import BuiltinEngine
from sandbox.engine.monitor import LogMessage
from sandbox.engine.steps import Operation, Step, Summary
from sandbox.engine_choice import EngineMark, EngineName, choose_engine
from sandbox.pulumi_cli import AwsPlugin, PulumiCliEngine
from sandbox.pulumi_cli.environment import find_cli, installed_cli
from sandbox.session import SandboxInventory, Session


class Action(StrEnum):
    """What an engine does with a program and its state."""

    UP = "up"
    PREVIEW = "preview"
    REFRESH = "refresh"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told of steps as they happen, and of what the program logs."""

    on_step: Callable[[Step], None]
    on_log: Callable[[LogMessage], None]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Which engine a run takes, and for the CLI, with which AWS provider."""

    engine: EngineName
    aws_plugin: AwsPlugin = AwsPlugin.OURS


class Engine(Protocol):
    """What both engines can do; errors are BitbucketOidcError."""

    def up(self) -> Summary:
        """Make everything as the program says."""
        ...

    def preview(self) -> Summary:
        """Say what ``up`` would do."""
        ...

    def refresh(self) -> Summary:
        """Bring the state in line with what AWS has."""
        ...

    def destroy(self) -> Summary:
        """Delete everything that the state holds."""
        ...


def settle_engine(subject: SandboxInventory, asked: str, aws_plugin: str = AwsPlugin.OURS) -> EngineSettings:
    """Decide which engine a run takes, before anything is started.

    Args:
        subject: What the sandbox is about.
        asked: The option ``--engine``: ``auto``, ``pulumi`` or ``builtin``.
        aws_plugin: The option ``--aws-plugin``: ``ours`` or ``official``.

    Raises:
        SandboxError: The sandbox was brought up by another engine, the Pulumi CLI is not on this machine, or the
            official AWS plugin cannot do what this inventory needs.
        UsageError: The official AWS plugin is asked for where the built-in engine runs.
    """
    engine = choose_engine(asked, EngineMark(subject.folder).read(), lambda: installed_cli() is not None)
    settings = EngineSettings(engine, AwsPlugin(aws_plugin))
    official = settings.aws_plugin is AwsPlugin.OFFICIAL
    if engine is EngineName.PULUMI:
        find_cli()
        if official:
            refuse_ambient(subject.plan)
    elif official:
        raise UsageError("the built-in engine has the sandbox's own AWS provider alone", do="take --engine pulumi")
    return settings


def act(session: Session, action: Action, listener: Listener, settings: EngineSettings) -> Summary:
    """Do one thing with the sandbox.

    Raises:
        BitbucketOidcError: A step failed; what was done until then is in the state.
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
            find_cli(),
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
    """Look at what ``up`` would do where there is something to lose, and refuse it where that is too much.

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
    """Return what a preview's steps come to; names are the logical ones, ``prod/shop-deploy``."""

    def lost(kind: str) -> tuple[str, ...]:
        return tuple(sorted({step.name for step in preview.steps if step.type == kind and step.operation in _LOSING}))

    there = {step.urn for step in preview.steps if step.type == ROLE_TYPE and step.operation is not Operation.CREATE}
    return Loss(len(there), lost(ROLE_TYPE), lost(OIDC_PROVIDER_TYPE))
