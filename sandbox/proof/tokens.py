"""Tokens that the emulated Bitbucket signs for the proof, the flawed ones included."""

from datetime import UTC, datetime, timedelta

from sandbox.emulated_bitbucket.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.step import Step, step_claims
from sandbox.proof import cases
from sandbox.proof.cases import Presented

_LONG_AGO = timedelta(days=2)
"""More than AWS's leeway for clocks that differ."""


def token_of(presented: Presented, bitbucket: EmulatedBitbucket) -> str:
    """Return the token of one run of one step, with its flaw, if it has one."""
    step = Step(presented.workspace, presented.repository_uuid, presented.environment_uuid)
    issued_at = datetime.now(UTC) - (_LONG_AGO if presented.flaw == cases.EXPIRED else timedelta())
    claims = step_claims(step, issued_at=issued_at) | {"aud": presented.audience}
    if presented.flaw == cases.FORGED:
        return bitbucket.forge(claims)
    if presented.flaw == cases.TRAILING_SLASH:
        return bitbucket.sign(claims | {"iss": f"{claims['iss']}/"})
    return bitbucket.sign(claims | {"sub": _misspelt(str(claims["sub"]), presented.flaw)})


def _misspelt(subject: str, flaw: str) -> str:
    misspellings = {
        cases.MISSING_BRACE: subject.replace("}", "", 1),
        cases.NO_BRACES: subject.replace("{", "").replace("}", ""),
        cases.UPPER_CASE: subject.upper(),
    }
    return misspellings.get(flaw, subject)
