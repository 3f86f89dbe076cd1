"""The Condition of a statement that allows: what is compared, what is not, and what never holds or always does."""

from collections.abc import Collection, Iterator, Sequence

from access.evaluation.condition_keys import CONSTANT_KEYS, is_always_absent
from access.explanation.names import Names
from access.explanation.slips import audience_slips, workspace_of_audience
from access.trust_review.fault import TrustFault
from access.trust_review.subject_values import is_alive, subject_fault
from access.trust_review.tests_of_condition import Test
from config.yaml_document import Path
from oidc.errors import EvaluationError

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
    at: Path, tests: Sequence[Test], claims: Collection[str], issuer: str, names: Names
) -> Iterator[TrustFault]:
    """Yield what is wrong with the tests of a statement for the tokens of one issuer.

    Args:
        at: Of the Condition, or of the statement where it has none.
        tests: Its tests.
        claims: All that the Condition names, by whatever operator: ``aud``, ``sub``.
        issuer: Without ``https://``, as the principal has it.
        names: Of the inventory, where one is given.
    """
    audiences = [value for test in tests if test.claim == "aud" for _, value in test.values]
    workspace = next((uuid for value in audiences if (uuid := workspace_of_audience(value))), None)
    if "aud" not in claims:
        hint = f"compare {issuer}:aud by StringEquals with the workspace's own audience"
        yield TrustFault("no-audience", at, "the audience is not compared", hint)
    if "sub" not in claims:
        message = "the subject is not compared, so no repository is asked for"
        yield TrustFault("no-repository", at, message, f"compare {issuer}:sub by StringLike with {_PATTERN}")
    for test in tests:
        fault = key_fault(test, issuer) or _operator_fault(test)
        if fault is not None:
            yield fault
        if test.issuer != issuer.lower() or not test.compares:
            continue
        for here, value in test.values:
            if test.claim == "aud":
                found = _audience_fault(here, value, names, wildcards=test.takes_wildcards)
            elif test.claim == "sub":
                found = subject_fault(here, value, names, workspace, wildcards=test.takes_wildcards)
            else:
                found = None
            if found is not None:
                yield found


def key_fault(test: Test, issuer: str) -> TrustFault | None:
    """Return what is wrong with a key that a token of this issuer never fills, or ``None``."""
    what, hint, rule = "", "", "dead-key"
    key = test.key.lower()
    if test.issuer.startswith(("https://", "http://")):
        what, hint = "condition keys have the issuer without https://", f"write {test.key.partition('://')[2]}"
    elif test.issuer and test.issuer != issuer.lower():
        rule = "two-issuers"
        what, hint = f"it is a claim of another issuer than {issuer}", f"write {issuer}:{test.claim}"
    elif test.claim in _OF_TOKENS:
        what = "AWS compares aud and sub of Bitbucket's tokens and ignores this claim"
        hint = _NO_BRANCH if test.claim == "branchname" else _BY_SUBJECT
    elif test.issuer and test.claim not in ("aud", "sub"):
        what, hint = "Bitbucket's tokens have no such claim that AWS compares", _BY_SUBJECT
    elif is_always_absent(key):
        what, hint = "no call with a token of Bitbucket has this key", "remove it"
    if not what:
        return _constant_fault(test)
    if test.holds_without_key:
        message = f"{test.key} under {test.name} checks nothing: {what}, and the operator holds without the key"
        return TrustFault("void-check", test.at, message, hint, of_key=True)
    return TrustFault(rule, test.at, f"{test.key} never matches: {what}", hint, of_key=True)


def _constant_fault(test: Test) -> TrustFault | None:
    """Return what is wrong with a test that fails whoever calls: ``sts:RoleAuthorizedByIdp`` asked to be true."""
    value, operator = CONSTANT_KEYS.get(test.key.lower()), test.operator
    if value is None or operator is None:
        return None
    try:
        matches = any(operator.compare(value, wanted, None) for _, wanted in test.values)
    except EvaluationError:
        return None
    if matches is not operator.negated:
        return None
    message = f"{test.key} never matches: in every call with a token of Bitbucket it is {value}"
    return TrustFault("dead-key", test.at, message, "remove it", of_key=True)


def _operator_fault(test: Test) -> TrustFault | None:
    if test.claim not in ("aud", "sub"):
        return None
    plain = "StringEquals" if test.claim == "aud" else "StringLike"
    at = test.at[:-1]
    operator = test.operator
    if operator is None:
        message = f"Null compares nothing: it asks only whether {test.claim} is there"
        return TrustFault("void-check", at, message, f"write {plain}", of_key=True)
    if operator.negated:
        message = f"{test.name} lets in every {test.claim} but those that it names"
        return TrustFault("void-check", at, message, f"write {plain} with what is to be let in", of_key=True)
    if test.holds_without_key:
        message = f"{test.name} holds where {test.claim} is missing"
        return TrustFault("void-check", at, message, f"write {plain}", of_key=True)
    if operator.over:
        message = f"{test.name} is for keys with several values, and {test.claim} has one"
        return TrustFault("set-operator", at, message, f"write {plain}", of_key=True)
    return None


def _audience_fault(at: Path, value: str, names: Names, *, wildcards: bool) -> TrustFault | None:
    own = "write the workspace's own: ari:cloud:bitbucket::workspace/UUID, without braces"
    if "${" in value:
        return None
    if "*" in value or "?" in value:
        if wildcards:
            return TrustFault("no-audience", at, f"`{value}` lets in more than one audience", own)
        message = f"`{value}` is compared character by character: to StringEquals a wildcard is a character"
        return TrustFault("wildcard-under-equals", at, message, own)
    slips = audience_slips(value, names)
    if slips.foreign:
        message = f"`{value}` is in a token only where the step asks for it: {slips.found[0]}"
        return TrustFault("other-audience", at, message, own)
    if slips.found:
        hint = f"write {slips.meant}" if workspace_of_audience(slips.meant) else own
        return TrustFault("wrong-audience", at, f"`{value}` matches nothing: {', and '.join(slips.found)}", hint)
    return None


def never_holds(test: Test, issuer: str, names: Names) -> bool:
    """Tell whether a test holds for no token of the issuer."""
    if (fault := key_fault(test, issuer)) is not None:
        return fault.rule != "void-check"
    if not test.compares or test.issuer != issuer.lower():
        return False
    if test.claim == "sub":
        return not any(is_alive(value, wildcards=test.takes_wildcards) for _, value in test.values)
    faults = [_audience_fault(at, value, names, wildcards=test.takes_wildcards) for at, value in test.values]
    return all(fault is not None and fault.rule in ("wrong-audience", "wildcard-under-equals") for fault in faults)
