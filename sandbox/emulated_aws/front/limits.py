"""Gap: ministack accepts any value and any number. Here parameters obey AWS's service models, and accounts quotas.

The models are those of botocore, the source of the "Length Constraints" and "Pattern" in
https://docs.aws.amazon.com/IAM/latest/APIReference/ and https://docs.aws.amazon.com/STS/latest/APIReference/.
The quotas are in the emulator's settings; the other steps apply them. ministack answers GetAccountSummary with fixed
quotas, and has no Service Quotas. Sources:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html,
https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html; the codes of IAM's quotas:
https://docs.aws.amazon.com/general/latest/gr/iam-service.html.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.loaders import Loader

from oidc.limits import QUOTAS
from sandbox.emulated_aws.inner import Handler, Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step
from sandbox.emulated_aws.settings import EmulatorSettings

_UNICODE_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}
"""Java's classes of letters, numbers and separators, written for Python's ``re``."""


async def check_constraints(call: AwsCall, proceed: Proceed) -> Answer:
    """Refuse a call with parameters that its model does not allow, and name every fault as AWS does."""
    faults = list(_faults(call))
    if faults:
        count = "1 validation error" if len(faults) == 1 else f"{len(faults)} validation errors"
        raise RefusalError("ValidationError", f"{count} detected: {'; '.join(faults)}")
    return await proceed(call)


@cache
def _service_model(service: str) -> Mapping[str, Any]:
    model: Mapping[str, Any] = Loader().load_service_model(service, "service-2")
    return model


def _faults(call: AwsCall) -> Iterator[str]:
    operation = _service_model(call.service)["operations"].get(call.action)
    if operation is not None and "input" in operation:
        yield from _structure_faults(call, operation["input"]["shape"], "", "")


def _structure_faults(call: AwsCall, shape_name: str, prefix: str, place: str) -> Iterator[str]:
    shape = _service_model(call.service)["shapes"][shape_name]
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
    shape = _service_model(call.service)["shapes"][shape_name]
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


TARGET = "ServiceQuotasV20190624"
"""The beginning of the header ``X-Amz-Target`` in a call of Service Quotas."""

_SMALLEST_PAGE = 1


def account_summary(settings: EmulatorSettings) -> Step:
    """Make the step for GetAccountSummary: it replaces the fixed quotas by the account's."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        status, headers, body = await proceed(call)
        text = body.decode()
        for quota in (quota for quota in QUOTAS if quota.summary is not None):
            value = settings.quota_of(call.account, quota)
            text = re.sub(rf"(<key>{quota.summary}</key><value>)\d+", rf"\g<1>{value}", text)
        return status, headers, text.encode()

    return step


def service_quotas(inner: Inner, settings: EmulatorSettings) -> Handler:
    """Make the service Service Quotas; it only lists the quotas of IAM."""

    async def serve(
        _method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, list[str]]
    ) -> Answer:
        action = headers.get("x-amz-target", "").partition(".")[2]
        asked: dict[str, Any] = json.loads(body or b"{}")
        if action != "ListServiceQuotas":
            return _json_answer(400, {"__type": "UnknownOperationException"})
        if asked.get("ServiceCode") != "iam":
            return _json_answer(
                400, {"__type": "NoSuchResourceException", "Message": "The specified service does not exist."}
            )
        quotas = _listed_quotas(settings, inner.account())
        start, size = int(asked.get("NextToken", 0)), int(asked.get("MaxResults", len(quotas))) or _SMALLEST_PAGE
        page: dict[str, Any] = {"Quotas": quotas[start : start + size]}
        if start + size < len(quotas):
            page["NextToken"] = str(start + size)
        return _json_answer(200, page)

    return serve


def _listed_quotas(settings: EmulatorSettings, account: str) -> list[dict[str, Any]]:
    return [
        {
            "ServiceCode": "iam", "QuotaCode": quota.code, "QuotaName": quota.name,
            "Value": float(settings.quota_of(account, quota)), "GlobalQuota": True,
        }
        for quota in QUOTAS
    ]  # fmt: skip


def _json_answer(status: int, answer: dict[str, Any]) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


async def checked_tags(call: AwsCall, proceed: Proceed) -> Answer:
    """Check the tags of CreateOpenIDConnectProvider, CreateRole and TagRole."""
    check_tags(call.tags())
    return await proceed(call)


def check_tags(tags: list[tuple[str, str]]) -> None:
    """Refuse keys that differ in case alone, and keys with AWS's prefix ``aws:``.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html

    Raises:
        RefusalError: ``InvalidInput``.
    """
    keys = [key.lower() for key, _ in tags]
    if len(set(keys)) < len(keys):
        message = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        raise RefusalError("InvalidInput", message)
    if any(key.startswith("aws:") for key in keys):
        raise RefusalError("InvalidInput", "aws: prefixed tag key names are not allowed for external use.")
