"""Repeat calls to AWS, as the official provider does: while a change spreads, and after throttling.

IAM is eventually consistent: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html ("Changes that I make
are not always immediately visible"). What the official provider repeats, and for how long: ``role.go``,
``role_policy.go`` and ``role_policy_attachment.go`` of its IAM service (``propagationTimeout``), and the standard retry
mode of the AWS SDK with ``max_retries``.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Result = TypeVar("Result")

SPREADING_SECONDS = 120.0
"""The longest time to repeat a call, from its first answer."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_LONGEST_BACKOFF = 20.0

_INVALID_PRINCIPAL = ("MalformedPolicyDocument", "Invalid principal in policy")
_CONCURRENT = ("ConcurrentModification", "")

_SPREADING: Mapping[str, tuple[tuple[str, str], ...]] = {
    "AttachRolePolicy": (_CONCURRENT,),
    "CreateRole": (_INVALID_PRINCIPAL, _CONCURRENT),
    "DeleteRole": (("DeleteConflict", ""),),
    "DetachRolePolicy": (_CONCURRENT,),
    "UpdateAssumeRolePolicy": (_INVALID_PRINCIPAL,),
}
"""By operation: error codes, and a part of the message."""

_THROTTLED = frozenset(
    {
        "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown", "ThrottledException",
        "Throttling", "ThrottlingException", "TooManyRequestsException",
    }
)  # fmt: skip
"""https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"""


@dataclass(frozen=True)
class AwsRetries:
    """Repeats calls.

    Attributes:
        now: Returns seconds; only differences count.
        sleep: Waits a number of seconds.
        chance: Returns a number from 0 to 1, so that many callers do not repeat at the same moment.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def repeat_calls_of(self, client: Any, most: int) -> None:  # noqa: ANN401 - botocore makes its clients at run time
        """Make a client of botocore repeat its calls, each for at most ``SPREADING_SECONDS``.

        Args:
            client: A client of ``iam`` or ``sts``.
            most: How often a throttled call is repeated at most.
        """
        service = client.meta.service_model.service_id.hyphenize()

        def needs_retry(response: Any, operation: Any, attempts: int, request_dict: Any, **_: object) -> float | None:  # noqa: ANN401 - as botocore passes them
            if response is None:
                return None
            error = response[1].get("Error", {})
            pause = self._pause(operation.name, str(error.get("Code", "")), str(error.get("Message", "")), attempts)
            since = request_dict["context"].setdefault("first_answer", self.now())
            if pause is None or attempts > most or self.now() - since + pause > SPREADING_SECONDS:
                return None
            self.sleep(pause)
            return 0  # botocore repeats at once

        client.meta.events.register(f"needs-retry.{service}", needs_retry)

    def _pause(self, operation: str, code: str, message: str, attempts: int) -> float | None:
        """Return the seconds before the next try; ``None`` if the answer is final."""
        code = code.removesuffix("Exception") if code.startswith(("Concurrent", "Malformed", "Delete")) else code
        if code in _THROTTLED:
            return float(min(_LONGEST_BACKOFF, 2 ** (attempts - 1)) * self.chance())
        if any(code == each and text in message for each, text in _SPREADING.get(operation, ())):
            return float(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempts - 1)))
        return None

    def until_present(self, read: Callable[[], Result | None]) -> Result | None:
        """Read a new resource until AWS shows it, for at most ``SPREADING_SECONDS``; ``None`` if it never does."""
        since, pause = self.now(), _FIRST_PAUSE
        while (result := read()) is None and self.now() - since + pause <= SPREADING_SECONDS:
            self.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)
        return result
