"""The tests of a Condition, taken apart: operator, key and values, each with its place."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from access.evaluation.operators import Operator, operator_of
from access.evaluation.text_patterns import Variable, parts_of
from access.trust_review.fault import TrustFault
from config.findings import did_you_mean
from config.models.scalars import describe
from config.policy.conditions import OPERATORS
from config.yaml.document import Path
from oidc.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a Condition.

    Attributes:
        at: Of the key: ``("Statement", 0, "Condition", "StringLike", "api.bitbucket.org/…:sub")``.
        name: The operator as written: ``ForAllValues:StringLike``.
        operator: The same taken apart; ``None`` for ``Null``.
        key: As written.
        values: With their places; none for an empty list.
        variables: Whether the version of the policy has policy variables.
        faults: What is wrong with how it is written, and yet leaves it a test.
    """

    __test__ = False  # for pytest: no class of tests

    at: Path
    name: str
    operator: Operator | None
    key: str
    values: tuple[tuple[Path, str], ...]
    variables: bool = True
    faults: tuple[TrustFault, ...] = ()

    @property
    def issuer(self) -> str:
        """Whose claim the key is, in lower case, for example ``api.bitbucket.org/…/oidc``; empty for other keys."""
        prefix = self.key.rpartition(":")[0].lower()
        return prefix if "." in prefix else ""

    @property
    def claim(self) -> str:
        """The claim of an issuer's key in lower case: ``sub``; empty for other keys."""
        return self.key.rpartition(":")[2].lower() if self.issuer else ""

    @property
    def compares(self) -> bool:
        """Whether it is a plain comparison of texts that must match: ``StringEquals``, ``StringLike``."""
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
        """Whether it holds where the call does not have the key."""
        if self.operator is None:
            return any(value == "true" for _, value in self.values)
        return self.operator.holds_without_key()

    def placeholder(self, value: str) -> str:
        """Return the first ``${NAME}`` of a value that is no key of AWS and never gets a value; empty without one."""
        return next((f"${{{each.inside}}}" for each in self._variables_of(value) if each.is_placeholder), "")

    def is_decided(self, value: str) -> bool:
        """Tell whether it is known what a value matches: not where AWS puts in what it finds in the call."""
        return bool(self.placeholder(value)) or all(each.bare for each in self._variables_of(value))

    def _variables_of(self, value: str) -> list[Variable]:
        return [part for part in parts_of(value) if isinstance(part, Variable)] if self.variables else []

    def pattern(self, value: str) -> str | None:
        """Return a pattern of all texts that a value may match, a bare star as ``${*}``; ``None`` for no text.

        What is not decided could be any text. With an operator that ignores case, all is lower-case.
        """
        if self.placeholder(value):
            return None
        if not self.is_decided(value):
            return "*"
        special = r"[$]" if self.takes_wildcards else r"[$*?]"
        found = ""
        for part in parts_of(value) if self.variables else (value,):
            if isinstance(part, Variable):
                found += f"${{{part.bare}}}"
            else:
                found += re.sub(special, r"${\g<0>}", part.lower() if self.ignores_case else part)
        return found

    def patterns(self) -> list[str]:
        """Return the patterns of all of its values that match something."""
        return [pattern for _, value in self.values if (pattern := self.pattern(value)) is not None]


def tests_of(at: Path, condition: object, *, variables: bool) -> Iterator[Test | TrustFault]:
    """Yield the tests of a Condition, and what IAM refuses in it.

    Args:
        at: Of the Condition.
        condition: As parsed JSON.
        variables: Whether the version of the policy has policy variables.
    """
    if not isinstance(condition, Mapping):
        yield TrustFault(
            "bad-trust-policy", at, f"Condition is {describe(condition)}", "write {OPERATOR: {KEY: VALUE}}"
        )
        return
    for name, tests in condition.items():
        operator = None
        if name != "Null":
            try:
                operator = operator_of(name)
            except EvaluationError:
                hint = did_you_mean(name.rpartition(":")[2], OPERATORS, "write StringEquals or StringLike")
                message = f"`{name}` is no condition operator of IAM"
                yield TrustFault("bad-trust-policy", (*at, name), message, hint, of_key=True)
                continue
        if not isinstance(tests, Mapping):
            yield TrustFault("bad-trust-policy", (*at, name), f"{name} is {describe(tests)}", "write {KEY: VALUE}")
            continue
        yield from _tests_under((*at, name), operator, tests, variables=variables)


def _tests_under(
    at: Path, operator: Operator | None, tests: Mapping[str, Any], *, variables: bool
) -> Iterator[Test | TrustFault]:
    """Yield one test for each key. Of two spellings of a key it is not said which one counts, so either may match."""
    found: dict[str, Test] = {}
    for key, written in tests.items():
        here = (*at, key)
        listed = written if isinstance(written, list) else [written]
        odd = next((each for each in listed if not isinstance(each, str | bool | int | float)), None)
        if odd is not None or None in listed:
            message = f"the condition on {key} has {describe(odd)}"
            yield TrustFault("bad-trust-policy", here, message, "write text, or a list of texts")
            continue
        test = Test(
            here, str(at[-1]), operator, key, tuple(_values(here, written)), variables, tuple(_odd(here, listed))
        )
        first = found.get(key.lower())
        if first is None:
            found[key.lower()] = test
            continue
        message = f"`{key}` is the key `{first.key}` once more: AWS does not say which of the two counts"
        twice = TrustFault("bad-trust-policy", here, message, "write the key once, with a list of values", of_key=True)
        faults = (*first.faults, *test.faults, twice)
        found[key.lower()] = replace(first, values=first.values + test.values, faults=faults)
    yield from found.values()


def _odd(at: Path, listed: list[Any]) -> Iterator[TrustFault]:
    if not listed:
        message = f"the list of values of {at[-1]} is empty, so nothing can match"
        yield TrustFault("bad-trust-policy", at, message, "name what is to be let in, or remove the statement")


def _values(at: Path, written: Any) -> Iterator[tuple[Path, str]]:  # noqa: ANN401 - parsed JSON
    listed = isinstance(written, list)
    for index, value in enumerate(written if listed else [written]):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield ((*at, index) if listed else at), text
