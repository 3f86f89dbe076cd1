"""Gap: in ministack no quota is raised: GetAccountSummary answers fixed ones, and there is no Service Quotas at all.

The quotas are those that the account has by the emulator's settings, the very ones that the front holds calls to.
Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html and
https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html; the codes of IAM's quotas:
https://docs.aws.amazon.com/general/latest/gr/iam-service.html.
"""

import json
import re
from typing import Any

from sandbox.emulated_aws.inner import Handler, Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, Step
from sandbox.emulated_aws.settings import AccountQuotas, EmulatorSettings

TARGET = "ServiceQuotasV20190624"
"""What the header ``X-Amz-Target`` of a call of Service Quotas begins with."""

_SMALLEST_PAGE = 1


def account_summary(settings: EmulatorSettings) -> Step:
    """Make the step for GetAccountSummary: the account's own quotas in place of the fixed ones."""

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        status, headers, body = await proceed(call)
        quotas = settings.quotas_of(call.account)
        text = body.decode()
        for name, value in (
            ("RolesQuota", quotas.roles_per_account),
            ("AssumeRolePolicySizeQuota", quotas.trust_policy_chars),
            ("AttachedPoliciesPerRoleQuota", quotas.managed_policies_per_role),
        ):
            text = re.sub(rf"(<key>{name}</key><value>)\d+", rf"\g<1>{value}", text)
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
        quotas = _quotas(settings.quotas_of(inner.account()))
        start, size = int(asked.get("NextToken", 0)), int(asked.get("MaxResults", len(quotas))) or _SMALLEST_PAGE
        page: dict[str, Any] = {"Quotas": quotas[start : start + size]}
        if start + size < len(quotas):
            page["NextToken"] = str(start + size)
        return _json(200, page)

    return serve


def _quotas(quotas: AccountQuotas) -> list[dict[str, Any]]:
    return [
        {"ServiceCode": "iam", "QuotaCode": code, "QuotaName": name, "Value": float(value), "GlobalQuota": True}
        for code, name, value in (
            ("L-0DA4ABF3", "Managed policies per role", quotas.managed_policies_per_role),
            ("L-858F3967", "OpenId connect providers per account", quotas.oidc_providers_per_account),
            ("L-C07B4B0D", "Role trust policy length", quotas.trust_policy_chars),
            ("L-FE177D64", "Roles per account", quotas.roles_per_account),
        )
    ]


def _json(status: int, answer: dict[str, Any]) -> Answer:
    return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()
