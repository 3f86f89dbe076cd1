"""Describe the tokens of one issuer that one statement admits, in words and with a grade."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from access.explanation.names import Names
from access.explanation.reasons import workspace_of
from access.explanation.subjects import EVERY_STEP
from access.trust_review.subject_values import grade_of, live_values, value_in_words
from access.trust_review.tests_of_condition import Test
from config.findings import one_line
from oidc.bitbucket import Grade, widest
from oidc.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class AdmittedTokens:
    """The tokens of one issuer that one statement admits.

    Attributes:
        statement: Index in the policy, from 0.
        issuer: ``workspace acme``, the URL of an issuer without a known workspace, or ``any issuer``.
        steps: In words, each admitted separately; empty if no token is admitted.
        limits: Audiences, addresses and times, in words.
        grade: How wide it is; ``None`` if no token is admitted.
    """

    statement: int
    issuer: str
    steps: tuple[str, ...]
    limits: tuple[str, ...]
    grade: Grade | None


def admitted_by(
    index: int, issuer: str, tests: Sequence[Test], names: Names, *, alive: bool, by_default: bool = True
) -> AdmittedTokens:
    """Return the tokens of one issuer that a statement admits, by each test of the subject, with the other limits.

    Args:
        index: Index of the statement, from 0.
        issuer: Without ``https://``; empty for every other issuer.
        tests: Tests of the statement.
        names: Names of the inventory, if one is given.
        alive: Whether any token is admitted.
        by_default: Whether a token is admitted with the audience that every step's token has, unless the step asks for
            another.
    """
    if not alive:
        return AdmittedTokens(index, _issuer_in_words(issuer), (), (), None)
    own = [test for test in tests if test.issuer == issuer.lower() and issuer]
    of_subject = [test for test in own if test.claim == "sub" and test.compares]
    steps: list[str] = []
    grades: list[Grade] = []
    for test in of_subject:
        values = live_values(test, [other for other in of_subject if other is not test])
        steps += [value_in_words(value, test, names) for value in values]
        grades.append(widest([grade_of(test.pattern(value) or "*") for value in values]))
    # The admitted tokens are at most as wide as the narrowest test; an undecided test counts as wide.
    narrowest = next(grade for grade in Grade if grade in (*grades, Grade.WORKSPACE_WIDE))
    undecided = any(not test.is_decided(value) for test in own for _, value in test.values)
    return AdmittedTokens(
        index,
        _issuer_in_words(issuer),
        _steps(steps, issuer, by_default=by_default),
        tuple(_limits(own, [test for test in tests if not test.issuer], names, len(of_subject), undecided=undecided)),
        Grade.WORKSPACE_WIDE if undecided else narrowest,
    )


def undecided_tokens(index: int, issuers: Sequence[str], problem: EvaluationError) -> Iterator[AdmittedTokens]:
    """Yield the tokens that an undecided statement may admit: every token of the issuers, or of all issuers.

    Args:
        index: Index of the statement, from 0.
        issuers: Without ``https://``, of the OIDC providers that it certainly names; empty if it may be any issuer.
        problem: Why it cannot be decided.
    """
    limit = one_line(f"counted as wide, since it cannot be decided: {problem.what}")
    for issuer in issuers or ("",):
        yield AdmittedTokens(
            index, _issuer_in_words(issuer), (EVERY_STEP if issuer else _OF_ANY_ISSUER,), (limit,), Grade.WORKSPACE_WIDE
        )


def _steps(steps: Sequence[str], issuer: str, *, by_default: bool) -> tuple[str, ...]:
    each_once = tuple(dict.fromkeys(steps))
    if not by_default:
        return (_NOBODY_BY_DEFAULT, *each_once)
    return each_once or (EVERY_STEP if issuer else _OF_ANY_ISSUER,)


_NOBODY_BY_DEFAULT = "nobody by default: a step gets in only if it asks for an audience that no token has by default"
_OF_ANY_ISSUER = "whoever has a token of any OIDC provider of the account"


def _limits(
    own: Sequence[Test], others: Sequence[Test], names: Names, of_subject: int, *, undecided: bool
) -> Iterator[str]:
    if not any(test.claim == "aud" and test.compares for test in own):
        yield "any audience"
    for test in (*own, *others):
        if test.claim == "aud" and test.compares:
            values = [value for _, value in test.values if test.pattern(value) is not None]
            yield f"audience {' or '.join(names.audience(value) for value in values)}"
        elif test.claim != "sub" or not test.compares:
            yield one_line(f"{test.name} of {test.key}: {', '.join(value for _, value in test.values)}")
    if of_subject > 1:
        yield "and all tests of the subject must match"
    if undecided:
        yield "the values of policy variables are unknown, so the grade is the widest"


def _issuer_in_words(issuer: str) -> str:
    if not issuer:
        return "any issuer"
    workspace = workspace_of(f"https://{issuer}")
    return f"issuer {workspace}" if workspace == f"https://{issuer}" else f"workspace {workspace}"
