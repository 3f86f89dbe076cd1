"""What a trust policy really admits, and what is wrong with it, statement by statement."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from access.evaluation.text_patterns import matches, plain_tokens
from access.explanation.names import Names
from access.explanation.reasons import workspace_of
from access.explanation.subjects import EVERY_STEP
from access.trust_review.condition import condition_faults, never_holds
from access.trust_review.fault import TrustFault
from access.trust_review.principal import OidcProvider, principals_of
from access.trust_review.subject_values import grade_of, is_alive, value_in_words
from access.trust_review.tests_of_condition import Test, tests_of
from config.findings import did_you_mean, one_line
from config.scalars import describe
from config.yaml_document import Path
from oidc.subject import Grade, widest

_DOCUMENT_ELEMENTS = ("Version", "Id", "Statement")
_STATEMENT_ELEMENTS = ("Sid", "Effect", "Principal", "Action", "NotAction", "Condition")
_WEB_IDENTITY = "sts:assumerolewithwebidentity"


@dataclass(frozen=True, slots=True)
class Admitted:
    """What one statement admits of one issuer's tokens.

    Attributes:
        statement: Its place in the policy, from 0.
        issuer: ``workspace acme``, or the issuer's URL where it is that of no workspace.
        steps: In words, each a way in of its own; none where nobody gets in.
        limits: Audiences, addresses, times, in words.
        grade: How wide it is; ``None`` where nobody gets in.
    """

    statement: int
    issuer: str
    steps: tuple[str, ...]
    limits: tuple[str, ...]
    grade: Grade | None


@dataclass(frozen=True, slots=True)
class Review:
    """What a trust policy admits of Bitbucket's tokens, and what is wrong with it, in the order of its statements."""

    admitted: tuple[Admitted, ...]
    faults: tuple[TrustFault, ...]


def review(document: Mapping[str, Any], account: str | None, names: Names) -> Review:
    """Review a trust policy; never raises for what it holds.

    Args:
        document: As parsed JSON.
        account: Of the role, for example ``222222222222``; ``None`` where that is not known.
        names: Of the inventory, where one is given.
    """
    faults = list(_unknown((), document, _DOCUMENT_ELEMENTS))
    admitted: list[Admitted] = []
    written = document.get("Statement")
    listed = isinstance(written, list)
    if not written:
        faults.append(TrustFault("bad-trust-policy", (), "the policy has no statement", 'add "Statement": […]'))
    for index, statement in enumerate((written if listed else [written]) if written else []):
        at: Path = ("Statement", index) if listed else ("Statement",)
        if not isinstance(statement, Mapping):
            message = f"a statement is {describe(statement)}"
            faults.append(TrustFault("bad-trust-policy", at, message, "write {Effect: …, Principal: …, …}"))
            continue
        for found in _statement(at, index, statement, account, names):
            (admitted if isinstance(found, Admitted) else faults).append(found)  # type: ignore[arg-type]  # told apart
    return Review(tuple(admitted), tuple(faults))


def _unknown(at: Path, found: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[TrustFault]:
    for name in found:
        if name in ("NotPrincipal", "Resource", "NotResource") and at:
            why = "IAM refuses it in a trust policy"
            hint = "write Principal" if name == "NotPrincipal" else "remove it: the role is the resource"
            yield TrustFault("bad-trust-policy", (*at, name), f"`{name}`: {why}", hint, of_key=True)
        elif name not in known:
            hint = did_you_mean(name, known, f"write {', '.join(known)}")
            yield TrustFault("bad-trust-policy", (*at, name), f"`{name}` is no element here", hint, of_key=True)


def _statement(
    at: Path, index: int, statement: Mapping[str, Any], account: str | None, names: Names
) -> Iterator[TrustFault | Admitted]:
    yield from _unknown(at, statement, _STATEMENT_ELEMENTS)
    effect = statement.get("Effect")
    if effect == "Deny":
        message = "a Deny outweighs every Allow, and what it keeps out is not taken off what is said to be let in"
        yield TrustFault("denial", (*at, "Effect"), message, "say who is let in by what is allowed alone")
        return
    if effect != "Allow":
        yield TrustFault("bad-trust-policy", (*at, "Effect"), f"Effect is {describe(effect)}", "write Allow")
        return
    oidc_providers: list[OidcProvider] = []
    if "NotPrincipal" not in statement:
        for found in principals_of((*at, "Principal"), statement.get("Principal"), account, names):
            if isinstance(found, OidcProvider):
                oidc_providers.append(found)
            else:
                yield found
    bitbucket = [oidc_provider for oidc_provider in oidc_providers if oidc_provider.is_bitbucket]
    if len({oidc_provider.issuer for oidc_provider in oidc_providers}) > 1 and bitbucket:
        message = "two issuers in one statement: their condition keys are different ones, and all must match"
        yield TrustFault("two-issuers", (*at, "Principal", "Federated"), message, "write a statement for each")
    if bitbucket:
        yield from _of_tokens(at, index, statement, bitbucket, names)


def _of_tokens(
    at: Path, index: int, statement: Mapping[str, Any], oidc_providers: Sequence[OidcProvider], names: Names
) -> Iterator[TrustFault | Admitted]:
    """Judge a statement that allows tokens of Bitbucket: its action and its condition."""
    condition = statement.get("Condition", {})
    wrong_action = _action_fault(at, statement)
    if wrong_action is not None:
        yield wrong_action
    found = list(tests_of((*at, "Condition"), condition))
    tests = [each for each in found if isinstance(each, Test)]
    broken = [each for each in found if isinstance(each, TrustFault)]
    yield from broken
    # Of several issuers, of which one is too many, the one that the condition is about.
    keys = Counter(test.issuer for test in tests)
    meant = max(oidc_providers, key=lambda oidc_provider: keys[oidc_provider.issuer.lower()])
    issuers = {oidc_provider.issuer.lower() for oidc_provider in oidc_providers}
    place = (*at, "Condition") if "Condition" in statement else at
    for fault in condition_faults(place, tests, _claims_named(condition), meant.issuer, names):
        # Where the principal's issuer is at fault, or has a second beside it, that is said there.
        said = fault.rule == "two-issuers" and (not meant.alive or _issuer_of(fault) in issuers)
        if not said:
            yield fault
    taken = _is_about_tokens(statement) and not broken and statement.keys() <= set(_STATEMENT_ELEMENTS)
    for each in oidc_providers:
        alive = taken and each.alive and not any(never_holds(test, each.issuer, names) for test in tests)
        yield _admitted(index, each, tests, names, alive=alive)


def _claims_named(condition: object) -> set[str]:
    tests = condition.values() if isinstance(condition, Mapping) else ()
    keys = {str(key) for each in tests if isinstance(each, Mapping) for key in each}
    return {key.rpartition(":")[2].lower() for key in keys}


def _issuer_of(fault: TrustFault) -> str:
    return str(fault.at[-1]).rpartition(":")[0].lower()


def _action_fault(at: Path, statement: Mapping[str, Any]) -> TrustFault | None:
    hint = 'write "Action": "sts:AssumeRoleWithWebIdentity"'
    if "NotAction" in statement:
        message = "NotAction takes in every action but those that it names"
        return TrustFault("wrong-action", (*at, "NotAction"), message, hint, of_key=True)
    if "Action" not in statement:
        return TrustFault("wrong-action", at, "the statement names no action", hint)
    if _is_about_tokens(statement):
        return None
    actions = ", ".join(_texts(statement["Action"])) or describe(statement["Action"])
    message = f"{actions} is not what a token is exchanged by: it lets nobody in"
    return TrustFault("wrong-action", (*at, "Action"), message, "write sts:AssumeRoleWithWebIdentity")


def _is_about_tokens(statement: Mapping[str, Any]) -> bool:
    if ("NotAction" in statement) is ("Action" in statement):
        return False  # IAM takes neither both nor none
    patterns = _texts(statement.get("NotAction", statement.get("Action")))
    named = any(matches(_WEB_IDENTITY, plain_tokens(pattern.lower())) for pattern in patterns)
    return named is ("Action" in statement)


def _texts(written: object) -> list[str]:
    return [each for each in (written if isinstance(written, list) else [written]) if isinstance(each, str)]


def _admitted(index: int, oidc_provider: OidcProvider, tests: list[Test], names: Names, *, alive: bool) -> Admitted:
    """Put together what gets in: by each test of the subject, and by what limits it besides."""
    issuer = f"https://{oidc_provider.issuer}"
    workspace = workspace_of(issuer)
    workspace = f"issuer {workspace}" if workspace == issuer else f"workspace {workspace}"
    if not alive:
        return Admitted(index, workspace, (), (), None)
    steps: list[str] = []
    grades: list[Grade] = []
    limits: list[str] = []
    for test in tests:
        own = test.issuer == oidc_provider.issuer.lower()
        if own and test.claim == "sub" and test.compares:
            wild = test.takes_wildcards
            values = [value for _, value in test.values if is_alive(value, wildcards=wild)]
            steps += [value_in_words(value, names, wildcards=wild) for value in values]
            grades.append(widest([grade_of(value, wildcards=wild) for value in values]))
        elif own and test.claim == "aud" and test.compares:
            limits.append(f"audience {' or '.join(names.audience(value) for _, value in test.values)}")
        elif own or not test.issuer:
            limits.append(one_line(f"{test.name} of {test.key}: {', '.join(value for _, value in test.values)}"))
    if not steps:
        steps = [EVERY_STEP]
        grades = [Grade.WORKSPACE_WIDE]
    if not any(test.claim == "aud" and test.compares for test in tests):
        limits.insert(0, "any audience")
    if len(grades) > 1:
        limits.append("and all tests of the subject must match")
    # So what gets in is no wider than the narrowest.
    narrowest = next(grade for grade in Grade if grade in grades)
    return Admitted(index, workspace, tuple(dict.fromkeys(steps)), tuple(limits), narrowest)
