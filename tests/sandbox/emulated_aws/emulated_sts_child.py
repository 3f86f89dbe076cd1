"""Decides cases as ministack's STS does, in a separate process: importing ministack changes the importing one.

Reads a list of cases from standard input, writes a list of verdicts. What is called is the check of
AssumeRoleWithWebIdentity that ministack's STS itself calls, with the case's role, clock, address and TLS put in.
"""

import importlib
import json
import sys
from datetime import datetime, timezone, tzinfo
from types import SimpleNamespace
from typing import Any

import jwt


def main() -> None:
    """Decide what is asked for."""
    sts: Any = importlib.import_module("ministack.services.sts")
    iam: Any = importlib.import_module("ministack.services.iam")
    evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
    json.dump([_allowed(case, sts, iam, evaluator) for case in json.load(sys.stdin)], sys.stdout)


def _allowed(case: dict[str, Any], sts: Any, iam: Any, evaluator: Any) -> bool:
    at = datetime.fromisoformat(case["at"])

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Clock":
            return cls.fromtimestamp(at.timestamp(), tz)

    evaluator._dt = SimpleNamespace(datetime=Clock, timezone=timezone)
    evaluator.pin_request_origin(case["source_ip"], True)
    iam._roles = SimpleNamespace(get_scoped=lambda *_: {"AssumeRolePolicyDocument": json.dumps(case["policy"])})
    token = jwt.encode(case["claims"], "", algorithm="none")
    arn = f"arn:{case['partition']}:iam::{case['account']}:role/x"
    refusal = sts._web_identity_trust_denied(arn, {"WebIdentityToken": [token]}, False)
    return refusal is None


if __name__ == "__main__":
    main()
