"""Whether the role trusts this very step, by what ``bitbucket-oidc plan --format json`` prints."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping

from cli.doctor_script.report import Report

Decide = Callable[[Mapping[str, Any], Mapping[str, Any], str], bool]
"""Of a trust policy, claims and the ARN of the role: whether it admits the token."""


def check_plan(claims: Mapping[str, Any], report: Report, plan: Mapping[str, Any], decide: Decide) -> None:
    """Report a role that the plan does not have, or that does not trust the step, with those that do."""
    roles = [role for account in plan["accounts"] for role in account["roles"]]
    found = next((role for role in roles if role["arn"] == report.role), None)
    admitting = [role["arn"] for role in roles if decide(role["trust_policy"], claims, role["arn"])]
    may = f"this step may assume {', '.join(admitting)}" if admitting else "no role of the inventory trusts this step"
    if found is None:
        report.problem("other-role", f"the inventory has no role {report.role}", may)
    elif found["arn"] not in admitting:
        trusted = "; ".join(_trusted(line) for line in found["trust"])
        report.problem("refused", f"{report.role} does not trust this step but {trusted}", may)


def _trusted(line: Mapping[str, Any]) -> str:
    where = f"{line['workspace']}/{line['repository'] or '*'}"
    if line.get("environment"):
        return f"steps of {where} with `deployment: {line['environment']}`"
    return f"steps of {where} ({line.get('steps')})"


def admits(policy: Mapping[str, Any], claims: Mapping[str, Any], _arn: str) -> bool:
    """Compare issuer, audience and subject in statements of the plan's form; addresses and days are not known here."""
    issuer = str(claims.get("iss", "")).replace("https://", "", 1)
    for statement in policy["Statement"]:
        accepted = statement["Condition"].get("StringEquals", {}).get(f"{issuer}:aud", [])
        patterns = statement["Condition"].get("StringLike", {}).get(f"{issuer}:sub", [])
        # Where the token has it, `azp` alone is what `aud` of a trust policy compares with.
        has_audience = any(one in _listed(accepted) for one in _listed(claims.get("azp", claims.get("aud"))))
        if has_audience and any(_like(str(claims.get("sub")), pattern) for pattern in _listed(patterns)):
            return True
    return False


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else [value]


def _like(text: str, pattern: str) -> bool:
    wanted = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wanted, text, re.DOTALL) is not None
