"""Parse the tests of a Condition: operator, key and values, each with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from access.evaluation.operators import ConditionOperator, operator_of
from access.evaluation.text_patterns import Variable, parts_of
from access.trust_review.fault import TrustFault
from config.findings import did_you_mean
from config.models.scalars import describe
from config.yaml.document import Path
from oidc.errors import EvaluationError
from oidc.iam.operators import OPERATORS
from oidc.iam.statement import Condition, Malformed, Statement


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a Condition.

    Attributes:
        at: Path of the key: ``("Statement", 0, "Condition", "StringLike", "api.bitbucket.org/…:sub")``.
        name: The operator as written: ``ForAllValues:StringLike``.
        operator: The parsed operator; ``None`` for ``Null``.
        key: As written.
        values: Values with their places; empty for an empty list.
        variables: Whether the version of the policy has policy variables.
        faults: Faults in its form; the test is usable despite them.
    """

    __test__ = False  # for pytest: this class has no tests

    at: Path
    name: str
    operator: ConditionOperator | None
    key: str
    values: tuple[tuple[Path, str], ...]
    variables: bool = True
    faults: tuple[TrustFault, ...] = ()

    @property
    def issuer(self) -> str:
        """The issuer of the key's claim in lower case: ``api.bitbucket.org/…/oidc``; empty for other keys."""
        prefix = self.key.rpartition(":")[0].lower()
        return prefix if "." in prefix else ""

    @property
    def claim(self) -> str:
        """The claim of an issuer's key in lower case: ``sub``; empty for other keys."""
        return self.key.rpartition(":")[2].lower() if self.issuer else ""

    @property
    def compares(self) -> bool:
        """Whether it compares texts, which must match: ``StringEquals``, ``StringLike``."""
        operator = self.operator
        return operator is not None and operator.family == "String" and not operator.negated

    @property
    def takes_wildcards(self) -> bool:
        """Whether ``*`` and ``?`` are wildcards to it."""
        return "Like" in self.name

    @property
    def ignores_case(self) -> bool:
        """Whether ``A`` and ``a`` are the same to it."""
        return "IgnoreCase" in self.name

    @property
    def holds_without_key(self) -> bool:
        """Whether it holds if the call lacks the key."""
        if self.operator is None:
            return any(value == "true" for _, value in self.values)
        return self.operator.holds_without_key()

    def placeholder(self, value: str) -> str:
        """Return the first ``${NAME}`` of a value that is not an AWS key and never has a value; empty without one."""
        return next((f"${{{each.text}}}" for each in self._variables_of(value) if each.is_placeholder), "")

    def is_decided(self, value: str) -> bool:
        """Tell whether the texts that a value matches are known: not if it has a variable that AWS replaces."""
        return bool(self.placeholder(value)) or all(each.bare for each in self._variables_of(value))

    def variables_in(self, value: str) -> list[str]:
        """Return the texts between ``${`` and ``}`` in a value."""
        return [variable.text for variable in self._variables_of(value)]

    def _variables_of(self, value: str) -> list[Variable]:
        return [part for part in parts_of(value) if isinstance(part, Variable)] if self.variables else []

    def pattern(self, value: str) -> str | None:
        """Return a pattern of all texts that a value may match, a bare star as ``${*}``; ``None`` for no text.

        An undecided value may match any text. With an operator that ignores case, the pattern is lower-case.
        """
        if self.placeholder(value):
            return None
        if not self.is_decided(value):
            return "*"
        special = r"[$]" if self.takes_wildcards else r"[$*?]"
        pattern = ""
        for part in parts_of(value) if self.variables else (value,):
            if isinstance(part, Variable):
                pattern += f"${{{part.bare}}}"
            else:
                pattern += re.sub(special, r"${\g<0>}", part.lower() if self.ignores_case else part)
        return pattern

    def patterns(self) -> list[str]:
        """Return the patterns of all values that can match a text."""
        return [pattern for _, value in self.values if (pattern := self.pattern(value)) is not None]


def tests_of(statement: Statement, *, variables: bool) -> Iterator[Test | TrustFault]:
    """Yield the tests of a statement's Condition, and the faults that IAM refuses.

    Args:
        statement: Statement of a trust policy.
        variables: Whether the version of the policy has policy variables.
    """
    yield from filter(None, map(_malformed_fault, statement.malformed))
    tests: dict[tuple[str, str], Test] = {}
    for condition in statement.conditions:
        if _is_known(condition.operator):
            which, test = (condition.operator, condition.key), _test(condition, variables=variables)
            tests[which] = _both(tests[which], test) if which in tests else test
    yield from _unknown_operators(statement)
    yield from tests.values()


def _is_known(operator: str) -> bool:
    try:
        return operator == "Null" or bool(operator_of(operator))
    except EvaluationError:
        return False


def _unknown_operators(statement: Statement) -> Iterator[TrustFault]:
    places = {test.operator: test.place[:-1] for test in statement.conditions}
    places |= {str(each.place[-1]): each.place for each in statement.malformed if each.part == "tests"}
    places |= {str(each.place[-2]): each.place[:-1] for each in statement.malformed if each.part == "values"}
    for name, place in places.items():
        if not _is_known(name):
            hint = did_you_mean(name.rpartition(":")[2], OPERATORS, "write StringEquals or StringLike")
            yield TrustFault("bad-trust-policy", place, f"IAM has no condition operator `{name}`", hint, of_key=True)


def _malformed_fault(malformed: Malformed) -> TrustFault | None:
    place, value = malformed.place, describe(malformed.value)
    if malformed.part == "condition":
        message = f"expected condition operators, found {value}"
        return TrustFault("bad-trust-policy", place, message, "write {OPERATOR: {KEY: VALUE}}")
    if malformed.part == "tests" and malformed.value != {} and _is_known(str(place[-1])):
        message = f"expected condition keys, found {value}"
        return TrustFault("bad-trust-policy", place, message, "write {KEY: VALUE}")
    if malformed.part == "values" and _is_known(str(place[-2])):
        message = f"expected text as a value of {place[-1]}, found {value}"
        return TrustFault("bad-trust-policy", place, message, "write text, or a list of texts")
    return None


def _test(condition: Condition, *, variables: bool) -> Test:
    faults: tuple[TrustFault, ...] = ()
    operator = operator_of(condition.operator) if condition.operator != "Null" else None
    if not condition.values:
        never = operator is not None and operator.needs_a_match
        matches = "no value matches, and nobody gets in" if never else "AWS does not document what that matches"
        message = f"the list of values of {condition.name} is empty: {matches}"
        hint = "add the values to let in, or remove the statement"
        faults = (TrustFault("bad-trust-policy", condition.place, message, hint, matches_nothing=never),)
    values = tuple((condition.place_of(index), text) for index, text in enumerate(condition.values))
    return Test(condition.place, condition.operator, operator, condition.name, values, variables, faults)


def _both(first: Test, again: Test) -> Test:
    """Combine two spellings of a key: AWS does not document which one counts, so either may match."""
    message = f"`{again.key}` repeats the key `{first.key}`: AWS does not document which of the two counts"
    hint = "write the key once, with a list of values"
    twice = TrustFault("bad-trust-policy", again.at, message, hint, of_key=True)
    return replace(first, values=first.values + again.values, faults=(*first.faults, *again.faults, twice))
