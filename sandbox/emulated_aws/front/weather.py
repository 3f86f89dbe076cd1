"""Weather: real AWS shows changes late, throttles, ends sessions, and answers slowly; ministack does none of it.

The weather is before all other steps, and refuses or delays calls; it never lets in what a later step refuses. Each
weather is a frozen value. Chance follows from the seed and the call alone, not from the order of calls, so a seed
repeats the same weather. Calls with ``CALM_AGENT`` prepare or read accounts and meet no weather.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime

from oidc.errors import SandboxError
from sandbox.emulated_aws.front.authorisation import Application, Receive, Scope, Send
from sandbox.emulated_aws.front.web_identity import read_claims
from sandbox.emulated_aws.inner import Inner
from sandbox.emulated_aws.query import Answer, AwsCall, Proceed, RefusalError, Step
from sandbox.emulated_aws.settings import CALM_AGENT
from sandbox.emulated_aws.weather import MOST_IN_A_ROW, WEATHERS, WeatherChoice, chance, denies

_calm: ContextVar[bool] = ContextVar("calm", default=False)


def with_calm_calls(inner: Application) -> Application:
    """Wrap an ASGI application: calls with ``CALM_AGENT`` in their user agent meet no weather."""
    agent = CALM_AGENT.encode()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        token = _calm.set(any(name == b"user-agent" and agent in value for name, value in scope.get("headers", ())))
        try:
            await inner(scope, receive, send)
        finally:
            _calm.reset(token)

    return application


def weather_step(
    choice: WeatherChoice,
    inner: Inner,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Step:
    """Make the step before all others, for every operation.

    Args:
        choice: The name of the weather, and its seed.
        inner: Tells how old a role or OIDC provider is.
        now: Returns seconds since 1970.
        sleep: Waits a number of seconds.

    Raises:
        SandboxError: There is no such weather.
    """
    if choice.name not in WEATHERS:
        raise SandboxError(f"there is no weather {choice.name}", do=f"take one of {', '.join(WEATHERS)}")
    sky = _Sky(choice, inner, now)

    async def step(call: AwsCall, proceed: Proceed) -> Answer:
        if _calm.get():
            sky.note_prepared(call)
            return await proceed(call)
        refusal = sky.refusal(call)
        if refusal is not None:
            raise refusal
        delay = sky.delay(call)
        if delay:
            await sleep(delay)
        return await proceed(call)

    return step


_READS = frozenset(
    {
        "GetOpenIDConnectProvider", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies",
        "ListOpenIDConnectProviderTags", "ListRolePolicies",
    }
)  # fmt: skip
_OFTEN_CONCURRENT = frozenset({"AttachRolePolicy", "CreateRole", "DetachRolePolicy"})
"""Writes that the official AWS provider repeats after ConcurrentModification."""

_CONCURRENT = frozenset(
    {
        "AddClientIDToOpenIDConnectProvider", "CreateOpenIDConnectProvider", "DeleteRole",
        "RemoveClientIDFromOpenIDConnectProvider", "TagOpenIDConnectProvider", "TagRole",
        "UntagOpenIDConnectProvider", "UntagRole", "UpdateOpenIDConnectProviderThumbprint",
    }
)  # fmt: skip
"""Further operations whose page names ConcurrentModification; it happens at most once for each account."""


class _Sky:
    """Decides what happens to each call."""

    def __init__(self, choice: WeatherChoice, inner: Inner, now: Callable[[], float]) -> None:
        self._choice = choice
        self._weather = WEATHERS[choice.name]
        self._inner = inner
        self._now = now
        self._calls: Counter[tuple[str, ...]] = Counter()
        self._in_a_row: Counter[tuple[str, ...]] = Counter()
        self._once: set[tuple[str, str]] = set()
        self._prepared: set[str] = set()

    def note_prepared(self, call: AwsCall) -> None:
        """Note what the sandbox itself creates: a real account has had it for long."""
        if call.action in {"CreateRole", "CreateOpenIDConnectProvider"}:
            self._prepared.add(_created(call))

    def refusal(self, call: AwsCall) -> RefusalError | None:
        """Return AWS's error, or ``None`` if the call goes on."""
        rules = (
            self._throttled, self._denied, self._expired, self._concurrent, self._unseen, self._late_policies,
            self._refused,
        )  # fmt: skip
        return next((refusal for rule in rules if (refusal := rule(call)) is not None), None)

    def delay(self, call: AwsCall) -> float:
        """Return the seconds by which the answer comes late."""
        return self._chance("seconds", *_kind(call)) if self._happens("slow", self._weather.slow, call) else 0.0

    def _throttled(self, call: AwsCall) -> RefusalError | None:
        if self._happens("throttled", self._weather.throttled, call):
            return RefusalError("Throttling", "Rate exceeded", 400)
        return None

    def _denied(self, call: AwsCall) -> RefusalError | None:
        if not denies(self._choice, _account_of(call)):
            return None
        message = f"User: {call.caller} is not authorized to perform: {call.service}:{call.action}"
        return RefusalError("AccessDenied", f"{message} with an explicit deny in a service control policy", 403)

    def _expired(self, call: AwsCall) -> RefusalError | None:
        signed = call.action != "AssumeRoleWithWebIdentity"
        if signed and self._happens("expired", self._weather.expired, call) and self._first("expired", call):
            return RefusalError("ExpiredToken", "The security token included in the request is expired", 403)
        return None

    def _concurrent(self, call: AwsCall) -> RefusalError | None:
        often = call.action in _OFTEN_CONCURRENT
        if not (often or call.action in _CONCURRENT) or not self._happens("concurrent", self._weather.concurrent, call):
            return None
        if not often and not self._first("concurrent", call):
            return None
        message = (
            "The request was rejected because multiple requests to change this object were submitted simultaneously."
        )
        return RefusalError("ConcurrentModification", message, 409)

    def _unseen(self, call: AwsCall) -> RefusalError | None:
        arn = call.params.get("OpenIDConnectProviderArn")
        if call.action not in _READS or not self._is_new("unseen", self._weather.unseen_seconds, _entity(call)):
            return None
        if arn is not None:
            return RefusalError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", 404)
        return _no_role(call)

    def _late_policies(self, call: AwsCall) -> RefusalError | None:
        entity = _entity(call)
        late = "ListRolePolicies" if self._chance("late policies", entity) < 0.5 else "PutRolePolicy"  # noqa: PLR2004 - half of the roles
        if call.action == late and self._is_new("policies", self._weather.policies_seconds, entity):
            return _no_role(call)
        return None

    def _refused(self, call: AwsCall) -> RefusalError | None:
        if call.action != "AssumeRoleWithWebIdentity":
            return None
        arn, seconds = call.params["RoleArn"], self._weather.refused_seconds
        account = _account_of_arn(arn)
        if self._is_new("refused", seconds, f"{account}/role/{arn.rpartition('/')[2]}"):
            return RefusalError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
        issuer = str(read_claims(call.params["WebIdentityToken"].strip())["iss"])
        if self._is_new("refused", seconds, f"{account}/oidc-provider/{_host_and_path(issuer)}"):
            return RefusalError("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}")
        return None

    def _happens(self, what: str, share: float, call: AwsCall) -> bool:
        key = (what, *_kind(call))
        self._calls[key] += 1
        happens = self._chance(*key, str(self._calls[key])) < share and self._in_a_row[key] < MOST_IN_A_ROW
        self._in_a_row[key] = self._in_a_row[key] + 1 if happens else 0
        return happens

    def _first(self, what: str, call: AwsCall) -> bool:
        account = _account_of(call)
        first = (what, account) not in self._once
        self._once.add((what, account))
        return first

    def _is_new(self, what: str, seconds: float, entity: str) -> bool:
        if not seconds or not entity or entity in self._prepared:
            return False
        account, kind, name = entity.split("/", 2)
        if kind == "role":
            record = self._inner.role(account, name)
        else:
            record = self._inner.oidc_provider(account, f"arn:aws:iam::{account}:oidc-provider/{name}")
        if record is None:
            return False
        age = self._now() - datetime.fromisoformat(str(record["CreateDate"])).timestamp()
        return age < seconds * self._chance(what, entity)

    def _chance(self, *key: str) -> float:
        """Return a number from 0 to 1 that follows from the seed and the key."""
        return chance(self._choice.seed, *key)


def _kind(call: AwsCall) -> tuple[str, ...]:
    names = ("RoleArn", "RoleName", "PolicyName", "PolicyArn", "OpenIDConnectProviderArn", "Url", "ClientID")
    return (call.account, call.action, *(call.params.get(name, "") for name in names))


def _account_of_arn(arn: str) -> str:
    return arn.split(":")[4] if arn.count(":") >= 5 else ""  # noqa: PLR2004 - the parts of an ARN


def _account_of(call: AwsCall) -> str:
    """Return the account that a call is about: that of the role to assume, though a session of another calls."""
    return _account_of_arn(call.params.get("RoleArn", "")) or call.account


def _entity(call: AwsCall) -> str:
    """Return the role or OIDC provider of a call of IAM: ``222222222222/role/shop-deploy``; or the empty string."""
    if "RoleName" in call.params:
        return f"{call.account}/role/{call.params['RoleName']}"
    provider = call.params.get("OpenIDConnectProviderArn", "").partition(":oidc-provider/")[2]
    return f"{call.account}/oidc-provider/{provider}" if provider else ""


def _created(call: AwsCall) -> str:
    return _entity(call) or f"{call.account}/oidc-provider/{_host_and_path(call.params.get('Url', ''))}"


def _host_and_path(url: str) -> str:
    return url.removeprefix("https://").rstrip("/")


def _no_role(call: AwsCall) -> RefusalError:
    message = f"The role with name {call.params.get('RoleName', '')} cannot be found."
    return RefusalError("NoSuchEntity", message, 404)
