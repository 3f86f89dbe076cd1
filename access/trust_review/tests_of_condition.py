"""The tests of a Condition, taken apart: operator, key and values, each with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from access.evaluation.operators import Operator, operator_of
from access.trust_review.fault import TrustFault
from config.findings import did_you_mean
from config.policy_conditions import OPERATORS
from config.scalars import describe
from config.yaml_document import Path
from oidc.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class Test:
    """One test of a Condition.

    Attributes:
        at: Of the key: ``("Statement", 0, "Condition", "StringLike", "api.bitbucket.org/…:sub")``.
        name: The operator as written: ``ForAllValues:StringLike``.
        operator: The same taken apart; ``None`` for ``Null``.
        key: As written.
        values: With their places.
    """

    __test__ = False  # for pytest: no class of tests

    at: Path
    name: str
    operator: Operator | None
    key: str
    values: tuple[tuple[Path, str], ...]

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
    def holds_without_key(self) -> bool:
        """Whether it holds where the call does not have the key."""
        if self.operator is None:
            return any(value == "true" for _, value in self.values)
        return self.operator.holds_without_key()


def tests_of(at: Path, condition: object) -> Iterator[Test | TrustFault]:
    """Yield the tests of a Condition, and what is none."""
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
        for key, written in tests.items():
            here = (*at, name, key)
            values = tuple(_values(here, written))
            if values:
                yield Test(here, name, operator, key, values)
            else:
                message = f"the condition on {key} is {describe(written)}"
                yield TrustFault("bad-trust-policy", here, message, "write text, or a list of texts")


def _values(at: Path, written: Any) -> Iterator[tuple[Path, str]]:  # noqa: ANN401 - parsed JSON
    listed = isinstance(written, list)
    for index, value in enumerate(written if listed else [written]):
        if isinstance(value, str | bool | int | float):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            yield ((*at, index) if listed else at), text
