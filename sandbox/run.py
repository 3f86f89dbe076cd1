"""What can be done with a sandbox: bring it up, take it down, compare."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sandbox.ambient import connect_as_platform_engineer
from sandbox.aws_provider.provider import SmallAwsProvider
from sandbox.engine.engine import BuiltinEngine
from sandbox.engine.monitor import LogMessage
from sandbox.engine.steps import Step, Summary
from sandbox.session import Session


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


def act(session: Session, action: Action, listener: Listener) -> Summary:
    """Do one thing with the built-in engine.

    Raises:
        BitbucketOidcError: A step failed; what was done until then is in the state.
    """
    engine = BuiltinEngine(
        session.program,
        session.state_file,
        {"aws": lambda: SmallAwsProvider(connect=connect_as_platform_engineer)},
        listener.on_step,
        on_log=listener.on_log,
        endpoints={"iam": session.endpoint, "sts": session.endpoint},
    )
    actions: dict[Action, Callable[[], Summary]] = {
        Action.UP: engine.up,
        Action.PREVIEW: engine.preview,
        Action.REFRESH: engine.refresh,
        Action.DESTROY: engine.destroy,
    }
    return actions[action]()
