"""Review a trust policy statement by statement: the tokens it admits and its faults."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from access.evaluation.decide import form_problem
from access.evaluation.text_patterns import matches, plain_tokens
from access.explanation.mistakes import issuer_mistakes
from access.explanation.names import Names
from access.trust_review.admitted import AdmittedTokens, admitted_by, undecided_tokens
from access.trust_review.condition import condition_faults, exclude_each_other, never_holds
from access.trust_review.fault import TrustFault
from access.trust_review.principal import OidcProvider, principals_of
from access.trust_review.tests_of_condition import Test, tests_of
from config.findings import did_you_mean
from config.models.scalars import describe
from config.yaml.document import Path
from oidc.iam.document import parse
from oidc.iam.statement import Statement
from oidc.iam.trust_policy import POLICY_VERSION

_DOCUMENT_ELEMENTS = ("Version", "Id", "Statement")
_STATEMENT_ELEMENTS = ("Sid", "Effect", "Principal", "Action", "NotAction", "Condition")
_WITHOUT_VARIABLES = "2008-10-17"
"""The older policy version, which is the default (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html)."""
_WEB_IDENTITY = "sts:assumerolewithwebidentity"


@dataclass(frozen=True, slots=True)
class Review:
    """Bitbucket's tokens that a trust policy admits, and the faults of the policy, in the order of its statements."""

    admitted: tuple[AdmittedTokens, ...]
    faults: tuple[TrustFault, ...]


def review(document: Mapping[str, Any], account: str | None, names: Names) -> Review:
    """Review a trust policy; never raises, whatever the policy contains.

    Args:
        document: As parsed JSON.
        account: Account of the role, for example ``222222222222``; ``None`` if unknown.
        names: Names of the inventory, if one is given.
    """
    parsed = parse(document)
    faults = list(_unknown((), parsed.names, _DOCUMENT_ELEMENTS))
    version = document.get("Version", _WITHOUT_VARIABLES)
    if version not in (_WITHOUT_VARIABLES, POLICY_VERSION):
        message = f"Version is {describe(version)}, which IAM does not have"
        faults.append(TrustFault("bad-trust-policy", ("Version",), message, f"write {POLICY_VERSION}"))
    written = document.get("Statement")
    if not written:
        faults.append(TrustFault("bad-trust-policy", (), "the policy has no statement", 'add "Statement": […]'))
        problem = form_problem(document, 0, {"Effect": "Deny"} if isinstance(written, list) else written)
        return Review(tuple(undecided_tokens(0, (), problem)) if problem is not None else (), tuple(faults))
    for malformed in parsed.malformed:
        message = f"a statement is {describe(malformed.value)}"
        faults.append(TrustFault("bad-trust-policy", malformed.place, message, "write {Effect: …, Principal: …, …}"))
    statements = {statement.index: statement for statement in parsed.statements}
    admitted: list[AdmittedTokens] = []
    for index, each in enumerate(written if isinstance(written, list) else [written]):
        statement = statements.get(index)
        judged = (
            list(_statement(statement, account, names, variables=version != _WITHOUT_VARIABLES)) if statement else []
        )
        faults += [found for found in judged if isinstance(found, TrustFault)]
        problem = form_problem(document, index, each)
        if problem is None:
            admitted += [found for found in judged if isinstance(found, AdmittedTokens)]
            continue
        named = [found for found in judged if isinstance(found, OidcProvider)]
        issuers = [found.issuer for found in named] if _is_clear_whose(document, statement, named) else []
        admitted += undecided_tokens(index, issuers, problem)
        if not any(fault.level == "error" for fault in faults):
            at: Path = ("Statement", index) if parsed.is_list else ("Statement",)
            hint = problem.do or "write it as IAM documents it"
            faults.append(TrustFault("bad-trust-policy", at, problem.what, hint))
    return Review(tuple(admitted), tuple(faults))


def _is_clear_whose(document: Mapping[str, Any], statement: Statement | None, named: Sequence[OidcProvider]) -> bool:
    """Tell whether the issuers of a statement are certain, because only other elements are undecided."""
    if statement is None or not all(each.alive for each in named):
        return False
    rest = {name: value for name, value in statement.raw.items() if name not in _NOT_OF_WHOM}
    return form_problem(document, 0, {**rest, "Action": "sts:AssumeRoleWithWebIdentity"}) is None


_NOT_OF_WHOM = ("Action", "NotAction", "Condition", "Resource", "NotResource")


def _unknown(at: Path, found: Sequence[str], known: tuple[str, ...]) -> Iterator[TrustFault]:
    for name in found:
        if name in ("NotPrincipal", "Resource", "NotResource") and at:
            why = "IAM refuses it in a trust policy"
            hint = "write Principal" if name == "NotPrincipal" else "remove it: the role is the resource"
            yield TrustFault("bad-trust-policy", (*at, name), f"`{name}`: {why}", hint, of_key=True)
        elif name not in known:
            hint = did_you_mean(name, known, f"write {', '.join(known)}")
            yield TrustFault("bad-trust-policy", (*at, name), f"`{name}` is no element here", hint, of_key=True)


def _statement(
    statement: Statement, account: str | None, names: Names, *, variables: bool
) -> Iterator[TrustFault | AdmittedTokens | OidcProvider]:
    at = statement.place
    yield from _unknown(at, statement.names, _STATEMENT_ELEMENTS)
    if statement.denies:
        message = "a Deny outweighs every Allow, and what it keeps out is not taken off what is said to be let in"
        yield TrustFault("denial", (*at, "Effect"), message, "say who is let in by what is allowed alone")
        return
    if not statement.allows:
        found = describe(statement.raw.get("Effect"))
        yield TrustFault("bad-trust-policy", (*at, "Effect"), f"Effect is {found}", "write Allow")
        return
    oidc_providers: list[OidcProvider] = []
    if not statement.has("NotPrincipal"):
        for each in principals_of(statement, account, _right_issuers(statement, names), names):
            if isinstance(each, OidcProvider):
                oidc_providers.append(each)
            yield each
    bitbucket = [oidc_provider for oidc_provider in oidc_providers if oidc_provider.is_bitbucket]
    if len({oidc_provider.issuer for oidc_provider in oidc_providers}) > 1 and bitbucket:
        message = "two issuers in one statement: their condition keys are different ones, and all must match"
        yield TrustFault("two-issuers", (*at, "Principal", "Federated"), message, "write a statement for each")
    if bitbucket:
        yield from _of_tokens(statement, bitbucket, names, variables=variables)
    if any(not principal.kind for principal in statement.principals):
        yield from _of_everybody(statement, names, variables=variables)


def _of_everybody(statement: Statement, names: Names, *, variables: bool) -> Iterator[AdmittedTokens]:
    """Yield the tokens that a statement for everybody may admit: of each issuer in its keys, and of all others.

    Nobody knows whether ``"*"`` admits a web identity, so the review assumes that it does.
    """
    tests = [each for each in tests_of(statement, variables=variables) if isinstance(each, Test)]
    if not _is_about_tokens(statement):
        return
    for issuer in (*_right_issuers(statement, names), ""):
        if not _is_closed(tests, issuer):
            yield admitted_by(statement.index, issuer, tests, names, alive=True)


def _of_tokens(
    statement: Statement, oidc_providers: Sequence[OidcProvider], names: Names, *, variables: bool
) -> Iterator[TrustFault | AdmittedTokens]:
    """Judge a statement that allows tokens of Bitbucket: its action and its condition."""
    wrong_action = _action_fault(statement)
    if wrong_action is not None:
        yield wrong_action
    found = list(tests_of(statement, variables=variables))
    tests = [each for each in found if isinstance(each, Test)]
    yield from (each for each in found if isinstance(each, TrustFault))
    # With several issuers, take the one that the condition names; the others are at fault.
    keys = Counter(test.issuer for test in tests)
    meant = max(oidc_providers, key=lambda oidc_provider: keys[oidc_provider.issuer.lower()])
    issuers = {oidc_provider.issuer.lower() for oidc_provider in oidc_providers}
    where = (*statement.place, "Condition") if statement.has("Condition") else statement.place
    claims = {key.rpartition(":")[2] for key in _keys(statement)}
    for fault in condition_faults(where, tests, claims, meant, names):
        # If the principal names a wrong or a second issuer, the principal has the fault.
        said = fault.rule == "two-issuers" and (not meant.alive or _issuer_of(fault) in issuers)
        if not said:
            yield fault
    for each in oidc_providers:
        alive = _is_about_tokens(statement) and each.alive and not _is_closed(tests, each.issuer)
        yield admitted_by(statement.index, each.issuer, tests, names, alive=alive)


def _is_closed(tests: Sequence[Test], issuer: str) -> bool:
    """Tell whether no token of the issuer passes: a test never holds, or tests of one claim exclude each other."""
    own = [test for test in tests if test.compares and test.issuer == issuer.lower()]
    claims = [[test for test in own if test.claim == claim] for claim in ("sub", "aud")]
    return any(never_holds(test, issuer) for test in tests) or any(map(exclude_each_other, claims))


def _keys(statement: Statement) -> list[str]:
    odd = [str(malformed.place[-1]).lower() for malformed in statement.malformed if malformed.part == "values"]
    return [test.key for test in statement.conditions] + odd


def _right_issuers(statement: Statement, names: Names) -> list[str]:
    """Return the Bitbucket issuers in the keys of a condition, without ``https://``, each once."""
    issuers = dict.fromkeys(key.rpartition(":")[0] for key in _keys(statement))
    return [issuer for issuer in issuers if not issuer_mistakes(f"https://{issuer}", names).phrases]


def _issuer_of(fault: TrustFault) -> str:
    return str(fault.path[-1]).rpartition(":")[0].lower()


def _action_fault(statement: Statement) -> TrustFault | None:
    at = statement.place
    hint = 'write "Action": "sts:AssumeRoleWithWebIdentity"'
    if statement.has("NotAction"):
        message = "NotAction takes in every action but those that it names"
        return TrustFault("wrong-action", (*at, "NotAction"), message, hint, of_key=True)
    if not statement.has("Action"):
        return TrustFault("wrong-action", at, "the statement names no action", hint)
    if _is_about_tokens(statement):
        return None
    actions = ", ".join(statement.values("Action")) or describe(statement.raw["Action"])
    message = f"{actions} is not what a token is exchanged by: it lets nobody in"
    return TrustFault("wrong-action", (*at, "Action"), message, "write sts:AssumeRoleWithWebIdentity")


def _is_about_tokens(statement: Statement) -> bool:
    if statement.has("NotAction") is statement.has("Action"):
        return False  # IAM requires exactly one of the two
    patterns = statement.values("NotAction") or statement.values("Action")
    named = any(matches(_WEB_IDENTITY, plain_tokens(pattern.lower())) for pattern in patterns)
    return named is statement.has("Action")
