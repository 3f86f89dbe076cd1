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
from oidc.iam.document import Document, parse
from oidc.iam.statement import Statement
from oidc.iam.trust_policy import POLICY_VERSION

_DOCUMENT_ELEMENTS = ("Version", "Id", "Statement")
_STATEMENT_ELEMENTS = ("Sid", "Effect", "Principal", "Action", "NotAction", "Condition")
_WITHOUT_VARIABLES = "2008-10-17"
"""The older policy version, which is the default (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html)."""
_WEB_IDENTITY = "sts:assumerolewithwebidentity"


@dataclass(frozen=True, slots=True)
class Review:
    """The Bitbucket tokens that a trust policy admits, and the policy's faults, in the order of its statements."""

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
    version = document.get("Version", _WITHOUT_VARIABLES)
    faults = [*_unknown_elements((), parsed.names, _DOCUMENT_ELEMENTS), *_document_faults(parsed, version)]
    if not _has_statements(parsed):
        raw = {"Effect": "Deny"} if "Statement" in parsed.names and parsed.is_list else document.get("Statement")
        problem = form_problem(document, 0, raw)
        return Review(tuple(undecided_tokens(0, (), problem)) if problem is not None else (), tuple(faults))
    admitted: list[AdmittedTokens] = []
    for index, raw, statement in _in_order(parsed):
        results = (
            []
            if statement is None
            else list(_review_statement(statement, account, names, variables=version != _WITHOUT_VARIABLES))
        )
        faults += [fault for fault in results if isinstance(fault, TrustFault)]
        problem = form_problem(document, index, raw)
        if problem is None:
            admitted += [tokens for tokens in results if isinstance(tokens, AdmittedTokens)]
            continue
        oidc_providers = [each for each in results if isinstance(each, OidcProvider)]
        certain = _are_issuers_certain(document, statement, oidc_providers)
        admitted += undecided_tokens(index, [each.issuer for each in oidc_providers if certain], problem)
        if not any(fault.level == "error" for fault in faults):
            at: Path = ("Statement", index) if parsed.is_list else ("Statement",)
            hint = problem.do or "write it as IAM documents it"
            faults.append(TrustFault("bad-trust-policy", at, problem.what, hint))
    return Review(tuple(admitted), tuple(faults))


def _has_statements(parsed: Document) -> bool:
    listed = _in_order(parsed)
    return bool(listed) if parsed.is_list else bool(listed[0][1])


def _in_order(parsed: Document) -> list[tuple[int, Any, Statement | None]]:
    """Return each statement with its index and its JSON value; ``None`` for one that is not an object."""
    statements: dict[int, tuple[Any, Statement | None]] = {
        statement.index: (statement.raw, statement) for statement in parsed.statements
    }
    for malformed in parsed.malformed:
        statements[int(malformed.place[-1]) if parsed.is_list else 0] = (malformed.value, None)
    return [(index, *statements[index]) for index in sorted(statements)]


def _document_faults(parsed: Document, version: object) -> Iterator[TrustFault]:
    if version not in (_WITHOUT_VARIABLES, POLICY_VERSION):
        message = f"expected {POLICY_VERSION}, found {describe(version)}"
        yield TrustFault("bad-trust-policy", ("Version",), message, f"write {POLICY_VERSION}")
    if not _has_statements(parsed):
        yield TrustFault("bad-trust-policy", (), "the policy has no statement", 'add "Statement": […]')
        return
    for malformed in parsed.malformed:
        message = f"expected a statement, found {describe(malformed.value)}"
        yield TrustFault("bad-trust-policy", malformed.place, message, "write {Effect: …, Principal: …, …}")


def _are_issuers_certain(
    document: Mapping[str, Any], statement: Statement | None, oidc_providers: Sequence[OidcProvider]
) -> bool:
    """Tell whether the issuers of an undecided statement are certain: only its other elements are undecided."""
    if statement is None or not all(oidc_provider.alive for oidc_provider in oidc_providers):
        return False
    elements = {name: value for name, value in statement.raw.items() if name not in _NOT_ABOUT_ISSUERS}
    return form_problem(document, 0, {**elements, "Action": "sts:AssumeRoleWithWebIdentity"}) is None


_NOT_ABOUT_ISSUERS = ("Action", "NotAction", "Condition", "Resource", "NotResource")


def _unknown_elements(at: Path, elements: Sequence[str], known: tuple[str, ...]) -> Iterator[TrustFault]:
    for name in elements:
        if name in ("NotPrincipal", "Resource", "NotResource") and at:
            hint = "write Principal" if name == "NotPrincipal" else "remove it: the role is the resource"
            message = f"IAM refuses `{name}` in a trust policy"
            yield TrustFault("bad-trust-policy", (*at, name), message, hint, of_key=True)
        elif name not in known:
            hint = did_you_mean(name, known, f"write {', '.join(known)}")
            message = f"`{name}` is not an element of a {'statement' if at else 'policy'}"
            yield TrustFault("bad-trust-policy", (*at, name), message, hint, of_key=True)


def _review_statement(
    statement: Statement, account: str | None, names: Names, *, variables: bool
) -> Iterator[TrustFault | AdmittedTokens | OidcProvider]:
    at = statement.place
    yield from _unknown_elements(at, statement.names, _STATEMENT_ELEMENTS)
    if statement.denies:
        message = "a Deny overrides every Allow, and this review does not subtract it from what it lists"
        yield TrustFault("denial", (*at, "Effect"), message, "write Allow statements alone")
        return
    if not statement.allows:
        message = f"expected Allow, found {describe(statement.raw.get('Effect'))}"
        yield TrustFault("bad-trust-policy", (*at, "Effect"), message, "write Allow")
        return
    oidc_providers: list[OidcProvider] = []
    if not statement.has("NotPrincipal"):
        for each in principals_of(statement, account, _right_issuers(statement, names), names):
            if isinstance(each, OidcProvider):
                oidc_providers.append(each)
            yield each
    bitbucket = [oidc_provider for oidc_provider in oidc_providers if oidc_provider.is_bitbucket]
    if len({oidc_provider.issuer for oidc_provider in oidc_providers}) > 1 and bitbucket:
        message = "two issuers in one statement: each has its own condition keys, and all of them must match"
        yield TrustFault("two-issuers", (*at, "Principal", "Federated"), message, "write a statement for each issuer")
    if bitbucket:
        yield from _review_bitbucket(statement, bitbucket, names, variables=variables)
    if any(not principal.kind for principal in statement.principals):
        yield from _tokens_of_everybody(statement, names, variables=variables)


def _tokens_of_everybody(statement: Statement, names: Names, *, variables: bool) -> Iterator[AdmittedTokens]:
    """Yield the tokens that a statement for everybody may admit: of each issuer in its keys, and of all others.

    AWS does not document whether ``"*"`` admits a web identity, so the review assumes that it does.
    """
    tests = [test for test in tests_of(statement, variables=variables) if isinstance(test, Test)]
    if not _is_about_tokens(statement):
        return
    for issuer in (*_right_issuers(statement, names), ""):
        if not _is_closed(tests, issuer):
            yield admitted_by(statement.index, issuer, tests, names, alive=True)


def _review_bitbucket(
    statement: Statement, oidc_providers: Sequence[OidcProvider], names: Names, *, variables: bool
) -> Iterator[TrustFault | AdmittedTokens]:
    """Review the action and the condition of a statement that allows tokens of Bitbucket."""
    wrong_action = _action_fault(statement)
    if wrong_action is not None:
        yield wrong_action
    tests_and_faults = list(tests_of(statement, variables=variables))
    tests = [test for test in tests_and_faults if isinstance(test, Test)]
    yield from (fault for fault in tests_and_faults if isinstance(fault, TrustFault))
    # With several issuers, take the one that the condition names; the others are at fault.
    keys = Counter(test.issuer for test in tests)
    meant = max(oidc_providers, key=lambda oidc_provider: keys[oidc_provider.issuer.lower()])
    issuers = {oidc_provider.issuer.lower() for oidc_provider in oidc_providers}
    place = (*statement.place, "Condition") if statement.has("Condition") else statement.place
    claims = {key.rpartition(":")[2] for key in _keys(statement)}
    faults = list(condition_faults(place, tests, claims, meant, names))
    for fault in faults:
        # If the principal names a wrong or a second issuer, only the principal is reported.
        if fault.rule != "two-issuers" or (meant.alive and _issuer_of(fault) not in issuers):
            yield fault
    for each in oidc_providers:
        alive = _is_about_tokens(statement) and each.alive and not _is_closed(tests, each.issuer)
        by_default = not _asks_for_audience(tests, each.issuer, faults)
        yield admitted_by(statement.index, each.issuer, tests, names, alive=alive, by_default=by_default)


def _asks_for_audience(tests: Sequence[Test], issuer: str, faults: Sequence[TrustFault]) -> bool:
    """Tell whether a token gets in only with an audience of another form: none has it unless its step asks for it."""
    wrong = {fault.path for fault in faults if fault.rule in ("wrong-audience", "other-audience")}
    own = [test for test in tests if test.compares and test.issuer == issuer.lower() and test.claim == "aud"]
    pinned = [test for test in own if test.values and not test.holds_without_key]
    return any(all(place in wrong for place, _ in test.values) for test in pinned)


def _is_closed(tests: Sequence[Test], issuer: str) -> bool:
    """Tell whether no token of the issuer passes: a test never holds, or tests of one claim exclude each other."""
    own = [test for test in tests if test.compares and test.issuer == issuer.lower()]
    claims = [[test for test in own if test.claim == claim] for claim in ("sub", "aud")]
    return any(never_holds(test, issuer) for test in tests) or any(map(exclude_each_other, claims))


def _keys(statement: Statement) -> list[str]:
    malformed = [str(part.place[-1]).lower() for part in statement.malformed if part.part == "values"]
    return [test.key for test in statement.conditions] + malformed


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
        message = "NotAction covers every action except those that it names"
        return TrustFault("wrong-action", (*at, "NotAction"), message, hint, of_key=True)
    if not statement.has("Action"):
        return TrustFault("wrong-action", at, "the statement names no action", hint)
    if _is_about_tokens(statement):
        return None
    actions = ", ".join(statement.values("Action")) or describe(statement.raw["Action"])
    message = f"the action is {actions}, which takes no token: nobody gets in"
    return TrustFault("wrong-action", (*at, "Action"), message, "write sts:AssumeRoleWithWebIdentity")


def _is_about_tokens(statement: Statement) -> bool:
    if statement.has("NotAction") is statement.has("Action"):
        return False  # IAM requires exactly one of them
    patterns = statement.values("NotAction") or statement.values("Action")
    named = any(matches(_WEB_IDENTITY, plain_tokens(pattern.lower())) for pattern in patterns)
    return named is statement.has("Action")
