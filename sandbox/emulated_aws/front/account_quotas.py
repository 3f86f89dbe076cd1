"""Gap: in ministack no quota is raised: GetAccountSummary answers fixed ones, and there is no Service Quotas at all.

The quotas are those that the account has by the emulator's settings, the very ones that the front holds calls to.
Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html and
https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html; codes and names
are those of ``oidc.limits``.
"""

import json
import re
from typing import Any

from oidc.limits import QUOTAS
from sandbox.emulated_aws.inner import Handler, Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, Step
from sandbox.emulated_aws.settings import EmulatorSettings

TARGET = "ServiceQuotasV20190624"
"""What the header ``X-Amz-Target`` of a call of Service Quotas begins with."""

_SMALLEST_PAGE = 1


def account_summary(settings: EmulatorSettings) -> Step:
    """Make the step for GetAccountSummary: the account's own quotas in place of the fixed ones."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        status, headers, body = await proceed(call)
        text = body.decode()
        for quota in (quota for quota in QUOTAS if quota.summary is not None):
            value = settings.quota_of(call.account, quota)
            text = re.sub(rf"(<key>{quota.summary}</key><value>)\d+", rf"\g<1>{value}", text)
        return status, headers, text.encode()

    return step


def service_quotas(inner: Inner, settings: EmulatorSettings) -> Handler:
    """Make the service Service Quotas, which lists those of IAM and does nothing else."""

    async def serve(
        _method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, list[str]]
    ) -> Answer:
        action = headers.get("x-amz-target", "").partition(".")[2]
        asked: dict[str, Any] = json.loads(body or b"{}")
        if action != "ListServiceQuotas":
            return _json(400, {"__type": "UnknownOperationException"})
        if asked.get("ServiceCode") != "iam":
            return _json(400, {"__type": "NoSuchResourceException", "Message": "The specified service does not exist."})
        quotas = _quotas(settings, inner.account())
        start, size = int(asked.get("NextToken", 0)), int(asked.get("MaxResults", len(quotas))) or _SMALLEST_PAGE
        page: dict[str, Any] = {"Quotas": quotas[start : start + size]}
        if start + size < len(quotas):
            page["NextToken"] = str(start + size)
        return _json(200, page)

    return serve


def _quotas(settings: EmulatorSettings, account: str) -> list[dict[str, Any]]:
    return [
        {
            "ServiceCode": "iam", "QuotaCode": quota.code, "QuotaName": quota.name,
            "Value": float(settings.quota_of(account, quota)), "GlobalQuota": True,
        }
        for quota in QUOTAS
    ]  # fmt: skip


def _json(status: int, answer: dict[str, Any]) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()
