"""What an update of a sandbox would delete or replace, before it does."""

from access.mass_change import Loss, LossLimits, refusals
from access.update_preview import OIDC_PROVIDER_TYPE, ROLE_TYPE
from oidc.errors import MassChangeError
from sandbox.engine.steps import Operation, Summary
from sandbox.engine_choice import EngineMark
from sandbox.run import Action, EngineSettings, Listener, act
from sandbox.session import Session

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
