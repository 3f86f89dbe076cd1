"""Fill in the values of a CloudFormation template that its text tells: parameters and text functions."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

FUNCTION = "Fn::"
"""How the names of CloudFormation's functions begin, in their long form."""

Value = str | list[str]
"""The value of a parameter."""


def parameter_values(declared: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Value]:
    """Return the values of parameters: given ones, else defaults. The default of an SSM parameter is only its name.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html and
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html.
    """
    filled: dict[str, Value] = {}
    for name, parameter in declared.items():
        parts = parameter if isinstance(parameter, dict) else {}
        kind, default = str(parts.get("Type", "String")), parts.get("Default")
        if name not in values and (not isinstance(default, str | int | float) or kind.startswith("AWS::SSM::")):
            continue
        text = values.get(name, default if isinstance(default, str) else json.dumps(default))
        filled[name] = [each.strip() for each in text.split(",")] if "List" in kind else text
    return filled


def filled_or_unknown(
    policy: object, known: Mapping[str, Value], declared: Collection[str]
) -> tuple[object, tuple[str, ...]]:
    """Return a policy with its values filled in, and what is unknown: parameters, or the first function."""
    unknown: list[str] = []
    while True:
        try:
            return _filled(policy, {**known, **dict.fromkeys(unknown, "")}), tuple(unknown)
        except _UnknownValueError as error:
            unknown.append(error.what)
            if error.what not in declared:
                return policy, tuple(unknown)


class _UnknownValueError(Exception):
    """A value that only CloudFormation knows."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


_IN_SUB = re.compile(r"\$\{(!?)([^}]*)\}")


def _filled(value: Any, known: Mapping[str, Value]) -> Any:  # noqa: ANN401 - what a template holds
    """Return a value with ``Ref``, ``Fn::Sub`` and ``Fn::Join`` filled in.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html.

    Raises:
        _UnknownValueError: A name or a function has no value here.
    """
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    name, inner = next(iter(value.items())) if len(value) == 1 else ("", None)
    if name == "Fn::Sub" and isinstance(inner, str):
        inner = [inner, {}]
    match name, inner:
        case "Ref", str():
            return _named(inner, known)
        case "Fn::Sub", [str() as text, dict() as own]:
            return _substituted(text, {**known, **{key: _as_text(_filled(own[key], known), name) for key in own}})
        case "Fn::Join", [separator, list() as parts]:
            return str(separator).join(_as_text(_filled(each, known), name) for each in parts)
    if name.startswith(FUNCTION):
        raise _UnknownValueError(name)
    return {key: _filled(each, known) for key, each in value.items()}


def _substituted(text: str, known: Mapping[str, Value]) -> str:
    return _IN_SUB.sub(
        lambda found: f"${{{found[2]}}}" if found[1] else _as_text(_named(found[2].strip(), known), "Fn::Sub"), text
    )


def _named(name: str, known: Mapping[str, Value]) -> Value:
    if name not in known:
        raise _UnknownValueError(name)
    return known[name]


def _as_text(value: object, function: str) -> str:
    """Return a value in a text of CloudFormation; no function that makes a text takes a list or an object."""
    if not isinstance(value, str | int | float):
        raise _UnknownValueError(function)
    return value if isinstance(value, str) else json.dumps(value)
