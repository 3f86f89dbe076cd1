"""One template for different accounts: differences get a condition on the account.

Logical ids are the same in every account and every version of the template. With another logical id, CloudFormation
would create a role before it deletes the old role of the same name, and fail.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_MAPPING, _ATTRIBUTE = "Accounts", "Variant"
_OPERANDS_OF_OR = 10
"""``Fn::Or`` takes 2 to 10 conditions
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-conditions.html)."""

NO_VALUE = {"Ref": "AWS::NoValue"}
Json = Any


@dataclass
class Variants:
    """Groups of accounts with the same needs.

    Attributes:
        accounts: For each variant, numbered from 1, the ids of its accounts.
        conditions: The conditions used, by name.
    """

    accounts: Sequence[Sequence[str]]
    conditions: dict[str, Json] = field(default_factory=dict)

    def mapping(self) -> dict[str, Json]:
        """Return the variant of each account; in any other account, CloudFormation refuses the stack."""
        variants = {account: {_ATTRIBUTE: str(number)} for number, ids in self._numbered() for account in ids}
        return {_MAPPING: dict(sorted(variants.items()))}

    def only_in(self, numbers: frozenset[int]) -> str | None:
        """Return the name of the condition that is true in these variants; ``None`` for all variants."""
        if len(numbers) == len(self.accounts):
            return None
        for number in sorted(numbers):
            self.conditions[f"Variant{number}"] = {
                "Fn::Equals": [{"Fn::FindInMap": [_MAPPING, {"Ref": "AWS::AccountId"}, _ATTRIBUTE]}, str(number)]
            }
        if len(numbers) == 1:
            return f"Variant{min(numbers)}"
        name = "Variants" + "And".join(map(str, sorted(numbers)))
        self.conditions[name] = _any_of([{"Condition": f"Variant{number}"} for number in sorted(numbers)])
        return name

    def property(self, values: Mapping[int, Json]) -> Json:
        """Return a property with the given value in each variant."""
        if len(set(map(_text, values.values()))) == 1:
            return next(iter(values.values()))
        if all(isinstance(value, dict) and "Statement" in value for value in values.values()):
            documents = {number: value["Statement"] for number, value in values.items()}
            return {**next(iter(values.values())), "Statement": self.list_of(documents)}
        (first, value), *others = values.items()
        return {"Fn::If": [self.only_in(frozenset({first})), value, self.property(dict(others))]}

    def list_of(self, values: Mapping[int, Sequence[Json]]) -> list[Json]:
        """Return a list with the given members in each variant; members with the same position are adjacent."""
        members = {_text(member): member for listed in values.values() for member in listed}
        positions: dict[str, list[int]] = {text: [] for text in members}
        variants: dict[str, set[int]] = {text: set() for text in members}
        for number, listed in values.items():
            for position, text in enumerate(map(_text, listed)):
                positions[text].append(position)
                variants[text].add(number)
        merged = []
        for text in sorted(members, key=lambda text: min(positions[text])):
            name = self.only_in(frozenset(variants[text]))
            merged.append(members[text] if name is None else {"Fn::If": [name, members[text], NO_VALUE]})
        return merged

    def _numbered(self) -> Iterable[tuple[int, Sequence[str]]]:
        return enumerate(self.accounts, 1)


def _any_of(conditions: Sequence[Json]) -> Json:
    if len(conditions) == 1:
        return conditions[0]
    if len(conditions) <= _OPERANDS_OF_OR:
        return {"Fn::Or": list(conditions)}
    width = -(-len(conditions) // _OPERANDS_OF_OR)
    return _any_of([_any_of(conditions[at : at + width]) for at in range(0, len(conditions), width)])


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True)
