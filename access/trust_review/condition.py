"""Check the Condition of an Allow statement: missing tests, tests that never hold and tests that always hold."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

from access.evaluation.condition_keys import CONSTANT_KEYS, is_always_absent
from access.explanation.names import Names
from access.trust_review.fault import TrustFault
from access.trust_review.principal import OidcProvider
from access.trust_review.subject_values import live_values, matches_some_subject, subject_fault
from access.trust_review.tests_of_condition import Test
from config.policy.policy_variables import tool_of
from config.yaml.document import Path
from oidc.audience import audience_mistakes, workspace_of_audience
from oidc.errors import EvaluationError
from oidc.iam.pattern import ANY, ONE, intersect, tokens
from oidc.identifiers import accepted_spelling

_OF_TOKENS = {
    "branchname", "repositoryuuid", "workspaceuuid", "pipelineuuid", "pipelinerunuuid", "stepuuid",
    "deploymentenvironmentuuid", "deploymentenvironment",
}  # fmt: skip
"""Claims of Bitbucket's tokens that STS ignores
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html)."""

_NO_BRANCH = (
    "compare sub with {REPOSITORY}:{ENVIRONMENT}:*, and restrict that deployment environment to the branch in Bitbucket"
)
_PATTERN = "{REPOSITORY}:{ENVIRONMENT}:*"
_BY_SUBJECT = f"compare sub instead, with {_PATTERN}"


def condition_faults(
    at: Path, tests: Sequence[Test], claims: Collection[str], oidc_provider: OidcProvider, names: Names
) -> Iterator[TrustFault]:
    """Yield the faults in the tests of a statement for the tokens of one issuer.

    Args:
        at: Path of the Condition, or of a statement without one.
        tests: Its tests.
        claims: All claims that the Condition names with any operator: ``aud``, ``sub``.
        oidc_provider: Of the issuer.
        names: Names of the inventory, if one is given.
    """
    issuer, advised = oidc_provider.issuer, oidc_provider.advised
    audiences = [value for test in tests if test.claim == "aud" for _, value in test.values]
    subjects = " ".join(value for test in tests if test.claim == "sub" for _, value in test.values)
    workspace = next((uuid for value in audiences if (uuid := workspace_of_audience(value))), None)
    if "aud" not in claims:
        hint = f"compare {advised}:aud by StringEquals with the workspace's own audience"
        yield TrustFault("no-audience", at, "the audience is not compared", hint)
    if "sub" not in claims and not _only_subjects(tests):
        message = "the subject is not compared, so any repository matches"
        yield TrustFault("no-repository", at, message, f"compare {advised}:sub by StringLike with {_PATTERN}")
    for test in tests:
        yield from test.faults
        fault = key_fault(test, issuer, advised) or _operator_fault(test)
        if fault is not None:
            yield fault
        for fault in _value_faults(test, issuer, advised, names, workspace):
            # A UUID that also appears in a subject is not the UUID of a workspace.
            is_known = any(uuid in subjects for each in fault.suggested if (uuid := workspace_of_audience(each)))
            yield replace(fault, hint=_OWN, suggested=()) if is_known else fault
    yield from _together(tests, issuer)


def _value_faults(test: Test, issuer: str, advised: str, names: Names, workspace: str | None) -> Iterator[TrustFault]:
    if test.claim not in ("aud", "sub"):
        return
    for at, value in test.values:
        if not test.is_decided(value):
            tool = next(filter(None, map(tool_of, test.variables_in(value))), None)
            what = f"placeholder of {tool}" if tool else "policy variable"
            message = f"`{value}` has a {what}, whose value is unknown here: any {test.claim} may match"
            yield TrustFault("policy-variable", at, message, "write the value itself")
        elif test.compares and test.issuer == issuer.lower():
            if test.claim == "aud":
                fault = _audience_fault(at, value, test, advised, names)
            else:
                fault = subject_fault(at, value, test, names, workspace)
            if fault is not None:
                yield fault


def _together(tests: Sequence[Test], issuer: str) -> Iterator[TrustFault]:
    """Yield a fault if each test of a claim matches some value, but no value matches all of them."""
    for claim, rule in (("sub", "wrong-subject"), ("aud", "wrong-audience")):
        of_claim = [test for test in tests if _compares(test, issuer, claim)]
        if not any(never_holds(test, issuer) for test in of_claim) and exclude_each_other(of_claim):
            last = of_claim[-1]
            message = f"no {claim} passes all its tests: {', '.join(test.name for test in of_claim)}"
            hint = "keep one of them, or write a statement for each"
            yield TrustFault(rule, last.at, message, hint, of_key=True, matches_nothing=True)


def _compares(test: Test, issuer: str, claim: str) -> bool:
    return test.compares and test.issuer == issuer.lower() and test.claim == claim


def exclude_each_other(tests: Sequence[Test]) -> bool:
    """Tell whether no value passes all these tests of one claim."""
    if len(tests) > 1 and tests[0].claim == "sub":
        return any(not live_values(test, [other for other in tests if other is not test]) for test in tests)
    # A set operator may match a different audience. An operator that ignores case may match a different spelling.
    single = [test.patterns() for test in tests if test.operator and not test.operator.over and not test.ignores_case]
    return any(not any(intersect(*both) for both in product(*pair)) for pair in combinations(single, 2))


def key_fault(test: Test, issuer: str, advised: str) -> TrustFault | None:
    """Return the fault of a key that a token of this issuer never fills, or ``None``.

    Args:
        test: The test of the key.
        issuer: Without ``https://``, as the principal has it.
        advised: The issuer that the key should have.
    """
    what, hint, rule = "", "", "dead-key"
    key = test.key.lower()
    if test.issuer.startswith(("https://", "http://")):
        what, hint = "condition keys have the issuer without https://", f"write {test.key.partition('://')[2]}"
    elif test.issuer and test.issuer != issuer.lower():
        rule = "two-issuers"
        right = test.issuer == advised.lower()
        what = f"it is a claim of another issuer than {issuer}"
        hint = "correct the principal, and keep this key" if right else f"write {advised}:{test.claim}"
    elif test.claim in _OF_TOKENS:
        what = "of a Bitbucket token, AWS compares only aud and sub"
        hint = _NO_BRANCH if test.claim == "branchname" else _BY_SUBJECT
    elif test.issuer and test.claim not in ("aud", "sub"):
        what, hint = "AWS compares no such claim of a Bitbucket token", _BY_SUBJECT
    elif is_always_absent(key):
        what, hint = "no call with a token of Bitbucket has this key", "remove it"
    if not what:
        return _constant_fault(test)
    if test.holds_without_key:
        message = f"{test.key} under {test.name} checks nothing: {what}, and the operator holds if the key is missing"
        return TrustFault("void-check", test.at, message, hint, of_key=True)
    message = f"{test.key} never matches: {what}"
    return TrustFault(rule, test.at, message, hint, of_key=True, matches_nothing=True)


def _constant_fault(test: Test) -> TrustFault | None:
    """Return the fault of a test that fails for every caller: it requires ``sts:RoleAuthorizedByIdp`` to be true."""
    value, operator = CONSTANT_KEYS.get(test.key.lower()), test.operator
    if value is None or operator is None or not all(test.is_decided(wanted) for _, wanted in test.values):
        return None
    try:
        matches = any(operator.compare(value, wanted, None) for _, wanted in test.values)
    except EvaluationError:
        return None
    if matches is not operator.negated:
        return None
    message = f"{test.key} never matches: in every call with a token of Bitbucket it is {value}"
    return TrustFault("dead-key", test.at, message, "remove it", of_key=True, matches_nothing=True)


def _operator_fault(test: Test) -> TrustFault | None:
    """Return the fault of the operator that compares ``aud`` or ``sub``, or ``None``."""
    if test.claim not in ("aud", "sub"):
        return None
    plain = "StringEquals" if test.claim == "aud" else "StringLike"
    operator, rule, hint = test.operator, "void-check", f"write {plain}"
    if operator is None:
        message = f"Null compares no value: it only tests whether the token has {test.claim}"
    elif operator.family != "String":
        rule = "no-audience" if test.claim == "aud" else "no-repository"
        message = f"{test.name} does not compare text, and {test.claim} is text: the result in AWS is unknown"
    elif operator.negated:
        message = f"{test.name} lets in every {test.claim} except those that it names"
        hint = f"write {plain} with the values to let in"
    elif test.holds_without_key:
        message = f"{test.name} holds if {test.claim} is missing"
    elif operator.over:
        rule, message = "set-operator", f"{test.name} is for keys with several values, and {test.claim} has one"
    else:
        return None
    return TrustFault(rule, test.at[:-1], message, hint, of_key=True)


_OWN = "write the workspace's own: ari:cloud:bitbucket::workspace/UUID, without braces"


def _audience_fault(at: Path, value: str, test: Test, advised: str, names: Names) -> TrustFault | None:
    """Return the fault of an audience. Only a placeholder never matches: a step may ask for any other text."""
    pattern = test.pattern(value)
    if pattern is None:
        name = test.placeholder(value)
        message = f"`{value}` matches nothing: AWS has no key {name[2:-1]}, so {name} never has a value"
        hint = f"replace {name} before you apply the policy"
        return TrustFault("wrong-audience", at, message, hint, matches_nothing=True)
    if _is_subject(value):
        message = f"`{value}` is a subject pattern, not an audience"
        return TrustFault("wrong-audience", at, message, f"move it to {advised}:sub under StringLike")
    if {ANY, ONE} & set(tokens(pattern)):
        return TrustFault("no-audience", at, f"`{value}` lets in more than one audience", _OWN)
    if not test.takes_wildcards and ("*" in value or "?" in value):
        message = f"{test.name} compares `{value}` literally: it has no wildcards"
        return TrustFault("wildcard-under-equals", at, message, _OWN)
    return _misspelt_audience(at, value, test, names)


def _is_subject(value: str) -> bool:
    """Tell whether a value begins as a subject does: a UUID and a colon, ``{9a6d6bde-…}:*``."""
    uuid, colon, _ = value.partition(":")
    return bool(colon) and accepted_spelling(uuid) is not None


def _only_subjects(tests: Sequence[Test]) -> bool:
    """Tell whether a test of the audience has only subject patterns: then its own fault says where they belong."""
    return any(
        test.claim == "aud" and test.values and all(_is_subject(value) for _, value in test.values) for test in tests
    )


def _misspelt_audience(at: Path, value: str, test: Test, names: Names) -> TrustFault | None:
    mistakes = audience_mistakes(value.lower() if test.ignores_case else value, names.workspaces)
    if mistakes.foreign:
        message = f"`{value}` is in a token only if the step asks for it: {mistakes.phrases[0]}"
        return TrustFault("other-audience", at, message, _OWN)
    if mistakes.phrases:
        hint, suggested = (f"write {mistakes.suggested}", (mistakes.suggested,)) if mistakes.suggested else (_OWN, ())
        why = ", and ".join(mistakes.phrases)
        message = f"`{value}` is not the workspace's own audience: {why}; a step may ask for it"
        return TrustFault("wrong-audience", at, message, hint, suggested=suggested)
    return None


def never_holds(test: Test, issuer: str) -> bool:
    """Tell whether a test fails for every token of the issuer, whatever the values of policy variables."""
    if (fault := key_fault(test, issuer, issuer)) is not None:
        return fault.rule != "void-check"
    if not test.values and test.operator is not None and test.operator.needs_a_match:
        return True
    if test.issuer != issuer.lower():
        return False
    if test.operator is None:
        # A token always has both claims, so only a test for their absence fails.
        return bool(test.values) and all(value == "true" for _, value in test.values)
    if not test.compares:
        return False
    return not any(matches_some_subject(each) if test.claim == "sub" else True for each in test.patterns())
