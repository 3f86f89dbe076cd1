"""Judge the statements of a trust policy as `explain --trust-policy` does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from access.explanation.names import Names
from access.trust_review.fault import TrustFault
from access.trust_review.review import review
from oidc.iam.document import parse
from oidc.iam.statement import Place

_SHUTS_OUT = frozenset({
    "bad-trust-policy", "wrong-action", "wrong-issuer", "other-account", "two-issuers", "dead-key", "wrong-subject",
    "wildcard-under-equals", "wrong-audience",
})  # fmt: skip
"""Rules of faults that let in fewer tokens than their author meant."""

_OF_VALUES = frozenset({"wrong-subject", "wildcard-under-equals", "one-run", "wrong-audience"})
"""Rules of values that no token has by default, or one run alone."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Who gets in by a statement, as `explain` says it.

    Attributes:
        refused: Why no token of Bitbucket gets in; empty if any gets in, or if the statement is for others.
        wrong_values: The message for each value of ``aud`` or ``sub`` that lets in nobody by default, by its place.
    """

    refused: tuple[str, ...] = ()
    wrong_values: Mapping[Place, str] = field(default_factory=dict)


def judgements(document: Mapping[str, Any], account: str, names: Names) -> Mapping[int, Judgement]:
    """Return the judgement of each statement, by its index.

    Args:
        document: A trust policy whose form is known.
        account: Account of the role.
        names: Names of the inventory, with the UUIDs of its workspaces.
    """
    reviewed = review(document, account, names)
    admitting = {tokens.statement for tokens in reviewed.admitted if tokens.steps}
    judged: dict[int, Judgement] = {}
    for statement in parse(document).statements:
        faults = [fault for fault in reviewed.faults if fault.path[: len(statement.place)] == statement.place]
        reasons = tuple(fault.message for fault in faults if _shuts_out(fault))
        wrong = {fault.path: fault.message for fault in faults if fault.rule in _OF_VALUES and not fault.of_key}
        judged[statement.index] = Judgement(() if statement.index in admitting else reasons, wrong)
    return judged


def _shuts_out(fault: TrustFault) -> bool:
    # A step may ask for a wrong audience, unless no text matches it.
    return fault.rule in _SHUTS_OUT and (fault.rule != "wrong-audience" or fault.matches_nothing)
