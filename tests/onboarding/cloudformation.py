"""Evaluate a CloudFormation template in an account, with only the functions that our templates use.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

import re
from typing import Any

ABSENT = object()


class UnknownAccountError(Exception):
    """CloudFormation: "Template error: Unable to get mapping for Accounts::999999999999::Variant"."""


def in_account(template: dict[str, Any], account: str) -> dict[str, dict[str, Any]]:
    """Return the properties of each resource that an account of partition aws gets, by logical id."""
    reading = _Reading(template, {"AWS::AccountId": account, "AWS::Partition": "aws", "AWS::NoValue": ABSENT})
    return {
        name: reading.value(resource["Properties"])
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or reading.holds(resource)
    }


class _Reading:
    def __init__(self, template: dict[str, Any], pseudo_parameters: dict[str, Any]) -> None:
        self._template = template
        self._pseudo = pseudo_parameters

    def holds(self, condition: dict[str, Any]) -> bool:
        if "Condition" in condition:
            return self.holds(self._template["Conditions"][condition["Condition"]])
        ((function, operands),) = condition.items()
        if function == "Fn::Or":
            assert 2 <= len(operands) <= 10
            return any(list(map(self.holds, operands)))
        assert function == "Fn::Equals"
        left, right = operands
        return bool(self.value(left) == right)

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for member in node if (value := self.value(member)) is not ABSENT]
        if not isinstance(node, dict):
            return node
        key = next(iter(node), "")
        if key == "Ref" or key.startswith("Fn::"):
            assert len(node) == 1
            return self._function(key, node[key])
        return {name: value for name, member in node.items() if (value := self.value(member)) is not ABSENT}

    def _function(self, name: str, operands: Any) -> Any:
        if name == "Ref":
            return self._pseudo.get(operands, operands)
        if name == "Fn::Sub":
            text = re.sub(r"\$\{(?!!)([^}]+)\}", lambda variable: self._pseudo[variable[1]], operands)
            return text.replace("${!", "${")
        if name == "Fn::If":
            condition, then, otherwise = operands
            return self.value(then if self.holds({"Condition": condition}) else otherwise)
        assert name == "Fn::FindInMap"
        mapping, first, second = operands
        entries = self._template["Mappings"][mapping]
        if self.value(first) not in entries:
            raise UnknownAccountError(self.value(first))
        return entries[self.value(first)][second]
