"""Gap: ministack takes any value. Here every parameter keeps the lengths, patterns and ranges of AWS's service model.

The models are those that botocore ships, the source of the "Length Constraints" and "Pattern" in
https://docs.aws.amazon.com/IAM/latest/APIReference/ and https://docs.aws.amazon.com/STS/latest/APIReference/.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader

from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError

_UNICODE_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}
"""Java's classes of letters, numbers and separators, in the words of Python's ``re``."""


async def check_constraints(call: AwsCall, proceed: Proceed) -> Answer:
    """Refuse a call with a parameter that its model does not allow, naming every fault as AWS does."""
    faults = list(_faults(call))
    if faults:
        count = "1 validation error" if len(faults) == 1 else f"{len(faults)} validation errors"
        raise RefusalError("ValidationError", f"{count} detected: {'; '.join(faults)}")
    return await proceed(call)


@cache
def _model(service: str) -> Mapping[str, Any]:
    model: Mapping[str, Any] = Loader().load_service_model(service, "service-2")
    return model


def _faults(call: AwsCall) -> Iterator[str]:
    operation = _model(call.service)["operations"].get(call.action)
    if operation is not None and "input" in operation:
        yield from _structure_faults(call, operation["input"]["shape"], "", "")


def _structure_faults(call: AwsCall, shape_name: str, prefix: str, place: str) -> Iterator[str]:
    shape = _model(call.service)["shapes"][shape_name]
    for name, member in shape["members"].items():
        key, where = f"{prefix}{name}", f"{place}{name[0].lower()}{name[1:]}"
        if not _is_given(call, key):
            if name in shape.get("required", ()):
                yield f"Value null at '{where}' failed to satisfy constraint: Member must not be null"
        else:
            yield from _member_faults(call, member["shape"], key, where)


def _is_given(call: AwsCall, key: str) -> bool:
    return key in call.params or any(name.startswith(f"{key}.") for name in call.params)


def _member_faults(call: AwsCall, shape_name: str, key: str, where: str) -> Iterator[str]:
    shape = _model(call.service)["shapes"][shape_name]
    if shape["type"] == "structure":
        yield from _structure_faults(call, shape_name, f"{key}.", f"{where}.")
    elif shape["type"] == "list":
        count = 0
        while _is_given(call, f"{key}.member.{count + 1}"):
            count += 1
            member = f"{key}.member.{count}"
            yield from _member_faults(call, shape["member"]["shape"], member, f"{where}.{count}.member")
        yield from _length_faults(shape, count, "null", where)
    elif shape["type"] in {"integer", "long"}:
        yield from _number_faults(shape, call.params.get(key, ""), where)
    elif shape["type"] == "string":
        yield from _string_faults(shape, call.params.get(key, ""), where)


def _number_faults(shape: Mapping[str, Any], value: str, where: str) -> Iterator[str]:
    try:
        number = int(value)
    except ValueError as error:
        raise RefusalError("MalformedInput", f"'{value}' at '{where}' is not a number") from error
    start = f"Value '{number}' at '{where}' failed to satisfy constraint: Member must have value"
    if "min" in shape and number < shape["min"]:
        yield f"{start} greater than or equal to {shape['min']}"
    if "max" in shape and number > shape["max"]:
        yield f"{start} less than or equal to {shape['max']}"


def _string_faults(shape: Mapping[str, Any], value: str, where: str) -> Iterator[str]:
    shown = "null" if shape.get("sensitive") else f"'{value}'"
    yield from _length_faults(shape, len(value), shown, where)
    start = f"Value {shown} at '{where}' failed to satisfy constraint: Member must satisfy"
    if "pattern" in shape and not _compiled(shape["pattern"]).fullmatch(value):
        yield f"{start} regular expression pattern: {shape['pattern']}"
    if "enum" in shape and value not in shape["enum"]:
        yield f"{start} enum value set: [{', '.join(shape['enum'])}]"


def _length_faults(shape: Mapping[str, Any], length: int, shown: str, where: str) -> Iterator[str]:
    start = f"Value {shown} at '{where}' failed to satisfy constraint: Member must have length"
    if "min" in shape and length < shape["min"]:
        yield f"{start} greater than or equal to {shape['min']}"
    if "max" in shape and length > shape["max"]:
        yield f"{start} less than or equal to {shape['max']}"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    r"""Compile a pattern of Java, in which ``\w`` is ASCII and ``\p{L}`` is not."""
    translated = pattern
    for java, python in _UNICODE_CLASSES.items():
        translated = translated.replace(java, python)
    return re.compile(translated, 0 if translated != pattern else re.ASCII)
