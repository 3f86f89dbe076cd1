"""The weathers of the emulated accounts: what real AWS does to calls, and the emulator alone does not.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html ("Changes that I make are not always
immediately visible"), https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html (ThrottlingException,
ExpiredTokenException), and the errors of each operation there (ConcurrentModification). On real AWS (2026-09-11,
us-east-1) STS refused a new role with a new OIDC provider for about 8 seconds.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MOST_IN_A_ROW = 3


@dataclass(frozen=True)
class WeatherChoice:
    """A weather of the emulated accounts.

    Attributes:
        name: A name in ``WEATHERS``, such as ``throttling``.
        seed: The same seed gives the same weather.
    """

    name: str
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Weather:
    """What happens to calls. Seconds are the longest ones; shares of calls are from 0 to 1.

    Attributes:
        unseen_seconds: Until IAM shows a new role or OIDC provider.
        policies_seconds: Until ListRolePolicies, or PutRolePolicy, knows a new role.
        refused_seconds: Until STS accepts a new role or OIDC provider for web identities.
        throttled: The share of throttled calls, at most ``MOST_IN_A_ROW`` of the same kind in a row.
        expired: The share of calls that end a session, at most one for each account.
        concurrent: The share of writes that meet another change.
        slow: The share of calls that take up to a second.
        denied: The share of accounts that deny every call to them, AssumeRole of their roles included.
    """

    unseen_seconds: float = 0
    policies_seconds: float = 0
    refused_seconds: float = 0
    throttled: float = 0
    expired: float = 0
    concurrent: float = 0
    slow: float = 0
    denied: float = 0

    @property
    def spreading_seconds(self) -> float:
        """The longest time until every new resource is known everywhere."""
        return max(self.unseen_seconds, self.policies_seconds, self.refused_seconds)


WEATHERS: Mapping[str, Weather] = MappingProxyType(
    {
        "unseen": Weather(unseen_seconds=2),
        "late-policies": Weather(policies_seconds=2),
        "refused": Weather(refused_seconds=8),
        "throttling": Weather(throttled=0.1),
        "expired-token": Weather(expired=0.05),
        "concurrent-changes": Weather(concurrent=0.3),
        "slow": Weather(slow=0.2),
        "storm": Weather(
            unseen_seconds=2, policies_seconds=2, refused_seconds=4,
            throttled=0.05, expired=0.03, concurrent=0.15, slow=0.1,
        ),
        "denied": Weather(denied=0.05),
        "denied-and-throttled": Weather(denied=0.05, throttled=0.2),
    }
)  # fmt: skip
"""Each weather by its name; ``docs/guides/sandbox.md`` describes them."""


def chance(seed: int, *key: str) -> float:
    """Return a number from 0 to 1 that follows from the seed and the key."""
    digest = hashlib.sha256("\n".join((str(seed), *key)).encode()).digest()
    return float(int.from_bytes(digest[:6]) / 2**48)


def denies(choice: WeatherChoice, account: str) -> bool:
    """Tell whether the account with this id denies every call in this weather."""
    return chance(choice.seed, "denied", account) < WEATHERS[choice.name].denied
