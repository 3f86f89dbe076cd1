"""The weather in front of the emulated accounts: what it refuses and delays, for whom, and that a seed repeats it."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.sandbox.start import WEATHER_NAMES
from oidc.errors import SandboxError
from sandbox.emulated_aws.front.weather import weather_step, with_calm_calls
from sandbox.emulated_aws.query import Answer, AwsCall, RefusalError
from sandbox.emulated_aws.settings import CALM_AGENT, EmulatorSettings
from sandbox.emulated_aws.weather import MOST_IN_A_ROW, WEATHERS, WeatherChoice, denies
from tests.sandbox.managed_resources import ACCOUNT, ISSUER

BORN = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOST = ISSUER.format("acme")
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
CALLS = [
    ("iam", "CreateRole", {"RoleName": "a"}),
    ("iam", "GetRole", {"RoleName": "a"}),
    ("iam", "ListRolePolicies", {"RoleName": "a"}),
    ("iam", "PutRolePolicy", {"RoleName": "a", "PolicyName": "p"}),
    ("iam", "AttachRolePolicy", {"RoleName": "a", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    ("iam", "TagRole", {"RoleName": "a"}),
    ("iam", "GetOpenIDConnectProvider", {"OpenIDConnectProviderArn": PROVIDER}),
    ("sts", "AssumeRole", {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/deployer"}),
]


def run(coroutine: Any) -> None:
    """Run what never waits; an event loop for each of thousands of calls would take long."""
    with suppress(StopIteration):
        coroutine.send(None)
        pytest.fail("it waits")


class Young:
    """Accounts that have every role and OIDC provider, all of the same age."""

    def role(self, _account: str, _name: str) -> dict[str, Any]:
        return {"CreateDate": BORN.strftime("%Y-%m-%dT%H:%M:%SZ")}

    oidc_provider = role


class Sky:
    """One weather, whose clock and whose sleep are the test's."""

    def __init__(self, name: str, seed: int = 0, age: float = 0.0) -> None:
        self.age = age
        self.slept: list[float] = []
        inner: Any = Young()
        self.step = weather_step(WeatherChoice(name, seed), inner, self._now, self._sleep)

    def _now(self) -> float:
        return BORN.timestamp() + self.age

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def call(self, service: str, action: str, params: dict[str, str], *, calm: bool = False) -> str:
        """Return ``answered``, or the code of the refusal."""
        call = AwsCall(service, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", {"Action": action, **params})

        async def proceed(_call: AwsCall) -> Answer:
            return 200, {}, b""

        async def application(_scope: object, _receive: object, _send: object) -> None:
            await self.step(call, proceed)

        agent = CALM_AGENT if calm else "Boto3/1.44"
        scope = {"type": "http", "headers": [(b"user-agent", f"{agent} md/x".encode())]}
        nothing: Any = None
        try:
            run(with_calm_calls(application)(scope, nothing, nothing))
        except RefusalError as refusal:
            return refusal.code
        return "answered"

    def rounds(self, count: int, *, calm: bool = False) -> list[str]:
        return [self.call(*call, calm=calm) for _ in range(count) for call in CALLS]


def test_the_command_offers_every_weather() -> None:
    assert tuple(WEATHERS) == WEATHER_NAMES


def test_an_unknown_weather_is_refused() -> None:
    with pytest.raises(SandboxError, match="there is no weather hail; take one of unseen"):
        Sky("hail")


@given(choice=st.none() | st.builds(WeatherChoice, st.sampled_from(WEATHER_NAMES), st.integers(0)))
def test_the_settings_of_the_child_keep_the_weather(choice: WeatherChoice | None) -> None:
    settings = EmulatorSettings(weather=choice)
    assert EmulatorSettings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize("name", WEATHERS)
def test_a_seed_repeats_its_weather_in_whatever_order_the_calls_come(name: str) -> None:
    first, second = Sky(name, seed=7), Sky(name, seed=7)
    forwards = [(call[1], first.call(*call)) for _ in range(20) for call in CALLS]
    backwards = [(call[1], second.call(*call)) for _ in range(20) for call in reversed(CALLS)]
    if name not in {"expired-token", "concurrent-changes", "storm"}:  # what happens once, happens to the first call
        assert Counter(forwards) == Counter(backwards)
    assert forwards == [
        (call[1], answer) for call, answer in zip(CALLS * 20, Sky(name, seed=7).rounds(20), strict=True)
    ]


@pytest.mark.parametrize("name", WEATHERS)
def test_calls_that_prepare_accounts_meet_no_weather(name: str) -> None:
    sky = Sky(name)
    assert set(sky.rounds(20, calm=True)) == {"answered"}
    assert sky.slept == []


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("unseen", {"NoSuchEntity"}),
        ("late-policies", {"NoSuchEntity"}),
        ("refused", set()),
        ("throttling", {"Throttling"}),
        ("expired-token", {"ExpiredToken"}),
        ("concurrent-changes", {"ConcurrentModification"}),
        ("slow", set()),
        ("denied", {"AccessDenied"}),
        ("denied-and-throttled", {"AccessDenied", "Throttling"}),
        ("storm", {"NoSuchEntity", "Throttling", "ExpiredToken", "ConcurrentModification"}),
    ],
)
def test_each_weather_refuses_by_its_own_errors_only(name: str, codes: set[str]) -> None:
    seen = {code for seed in range(40) for code in Sky(name, seed).rounds(10)}
    assert seen - {"answered"} == codes


@pytest.mark.parametrize("name", ["unseen", "late-policies", "refused"])
def test_what_is_new_is_known_everywhere_after_the_longest_time(name: str) -> None:
    for seed in range(50):
        sky = Sky(name, seed, age=WEATHERS[name].spreading_seconds)
        assert set(sky.rounds(1)) == {"answered"}, seed


def test_what_the_sandbox_prepared_is_old_already() -> None:
    for seed in range(20):
        sky = Sky("unseen", seed)
        sky.call("iam", "CreateRole", {"RoleName": "a"}, calm=True)
        sky.call("iam", "CreateOpenIDConnectProvider", {"Url": f"https://{HOST}"}, calm=True)
        assert set(sky.rounds(1)) == {"answered"}


def test_a_throttled_call_passes_after_a_few_tries() -> None:
    for seed in range(100):
        sky = Sky("throttling", seed)
        answers = [sky.call(*CALLS[0]) for _ in range(MOST_IN_A_ROW + 1)]
        assert "answered" in answers


def test_a_session_ends_once_in_an_account() -> None:
    for seed in range(20):
        assert Counter(Sky("expired-token", seed).rounds(40))["ExpiredToken"] == 1


def test_a_session_that_assumes_a_role_counts_for_the_account_of_the_role() -> None:
    assume = ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::333333333333:role/deployer"})
    for seed in range(20):
        sky = Sky("expired-token", seed)
        answers = Counter(sky.call(*assume) for _ in range(200))
        assert answers["ExpiredToken"] == 1
        assert Counter(sky.rounds(40))["ExpiredToken"] == 1


def test_a_weather_denies_a_share_of_the_accounts() -> None:
    denied = Counter(
        denies(WeatherChoice("denied", seed), f"{account:012}") for account in range(1000) for seed in (0, 1)
    )
    assert 60 < denied[True] < 140


def test_an_account_denies_all_of_its_calls_or_none() -> None:
    for seed in range(40):
        answers = set(Sky("denied", seed).rounds(2))
        assert answers == ({"AccessDenied"} if denies(WeatherChoice("denied", seed), ACCOUNT) else {"answered"})


def test_a_role_cannot_be_assumed_in_an_account_that_denies_everything() -> None:
    seed = 0
    other = next(f"{n:012}" for n in range(1000) if denies(WeatherChoice("denied", seed), f"{n:012}"))
    sky = Sky("denied", seed)
    assert sky.call("sts", "AssumeRole", {"RoleArn": f"arn:aws:iam::{other}:role/deployer"}) == "AccessDenied"
    assert sky.call("sts", "AssumeRole", {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/deployer"}) == "answered"


def test_slow_answers_take_a_second_at_most() -> None:
    sky = Sky("slow")
    sky.rounds(40)
    assert 0 < len(sky.slept) < 40 * len(CALLS)
    assert all(0 < seconds < 1 for seconds in sky.slept)
