"""Tokens that the emulated Bitbucket signs for the proof, the flawed ones included."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.emulated_bitbucket.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.step import Step, step_claims
from sandbox.proof import cases
from sandbox.proof.cases import Presented

_LONG_AGO = timedelta(days=2)
"""More than AWS's leeway for clocks that differ."""


def claims_of(presented: Presented) -> dict[str, Any]:
    """Return the claims of one run of one step, with the flaw of its token, if that is in them."""
    step = Step(presented.workspace, presented.repository_uuid, presented.environment_uuid)
    issued_at = datetime.now(UTC) - (_LONG_AGO if presented.flaw == cases.EXPIRED else timedelta())
    claims = step_claims(step, issued_at=issued_at, audiences=presented.further)
    if not presented.further:
        claims |= {"aud": presented.audience}
    if presented.flaw == cases.TRAILING_SLASH:
        return claims | {"iss": f"{claims['iss']}/"}
    return claims | {"sub": _misspelt(str(claims["sub"]), presented.flaw)}


def token_of(presented: Presented, claims: Mapping[str, Any], bitbucket: EmulatedBitbucket) -> str:
    """Return the token with these claims: signed as Bitbucket does, or forged where that is its flaw."""
    return (bitbucket.forge if presented.flaw == cases.FORGED else bitbucket.sign)(dict(claims))


def _misspelt(subject: str, flaw: str) -> str:
    misspellings = {
        cases.MISSING_BRACE: subject.replace("}", "", 1),
        cases.NO_BRACES: subject.replace("{", "").replace("}", ""),
        cases.UPPER_CASE: subject.upper(),
    }
    return misspellings.get(flaw, subject)
