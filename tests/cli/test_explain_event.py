"""explain --event: calls that CloudTrail recorded, in every form in which people have them."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.explanation.events import recorded_calls
from cli.main import run
from oidc.errors import UsageError
from tests.cli.recorded_event import AUDIENCE, PRODUCTION, PROVIDER, ROLE, SECRET, SHOP, STAGING, STEP, event

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"


def explained(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    data: object,
    *options: str,
    code: int = 0,
) -> tuple[str, str]:
    text = data if isinstance(data, str) else json.dumps(data)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run(["explain", "--event", "-", *options, str(QUICKSTART)]) == code
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err
    assert "Traceback" not in shown.err
    return shown.out, shown.err


FORMS: dict[str, Callable[[list[dict[str, Any]]], object]] = {
    "one event": lambda events: events[0],
    "a list": lambda events: events,
    "a log file": lambda events: {"Records": events},
    "lookup-events": lambda events: {"Events": [{"EventId": "1", "CloudTrailEvent": json.dumps(e)} for e in events]},
    "EventBridge": lambda events: {"detail-type": "AWS API Call via CloudTrail", "detail": events[0]},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_denied_call_is_explained_with_the_names_beside_the_uuids(
    form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = explained(capsys, monkeypatch, FORMS[form]([event()]))
    assert err == ""
    assert out.splitlines() == [
        "call      at 2026-11-27T10:00:00Z from 203.0.113.7; refused: AccessDenied",
        f"subject   acme/shop, deployment environment staging: {SHOP}:{STAGING}:{STEP}",
        f"no  prod  shop-production  {ROLE}",
        "      subject has another deployment environment: expected production, got staging",
        "      another role admits it: dev  shop-staging  arn:aws:iam::111111111111:role/bitbucket/shop-staging",
    ]


def test_calls_of_one_kind_are_one_entry_and_other_events_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = event(eventTime="2026-11-27T11:00:00Z")
    subject = f"{SHOP}:{STAGING}:{STEP.replace('1', '2')}"
    again["userIdentity"] |= {"userName": subject, "principalId": f"{PROVIDER}:{AUDIENCE}:{subject}"}
    events = [event(), {"eventName": "GetRole"}, event(PRODUCTION, error=None), again]
    out, _ = explained(capsys, monkeypatch, {"Records": events}, "--format", "json")
    answers = json.loads(out)
    assert [(answer["step"], answer["calls"], answer["allowed"]) for answer in answers] == [
        ("acme/shop, deployment environment staging", 2, False),
        ("acme/shop, deployment environment production", 1, True),
    ]
    assert [answer["last"] for answer in answers] == ["2026-11-27T11:00:00Z", "2026-11-27T10:00:00Z"]


def test_a_decision_of_aws_that_differs_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, err = explained(capsys, monkeypatch, event(PRODUCTION))
    assert err.startswith("note: AWS refused what the inventory admits")
    _, err = explained(capsys, monkeypatch, event(STAGING, error=None))
    assert err.startswith("note: AWS admitted what the inventory refuses")


def test_a_role_that_the_inventory_lacks_is_named_with_the_nearest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"roleArn": ROLE.replace("production", "produktion")}
    out, _ = explained(capsys, monkeypatch, event(PRODUCTION, requestParameters=asked))
    assert f"the inventory has no role with this ARN; did you mean `{ROLE}`?" in out
    assert "another role admits it: prod  shop-production" in out


def test_an_event_without_issuer_and_audience_takes_those_of_the_workspace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = {"type": "WebIdentityUser", "userName": f"{SHOP}:{PRODUCTION}:{STEP}"}
    out, err = explained(capsys, monkeypatch, event(error=None, userIdentity=bare))
    assert "yes prod  shop-production" in out
    assert err == "note: the event has no issuer and audience: the workspace's own is taken\n"
    _, err = explained(capsys, monkeypatch, event(userIdentity={"userName": f"{STEP}:{STEP}"}), code=2)
    assert "the event has no issuer, and the inventory has no repository of the subject" in err


def test_a_call_from_an_aws_service_has_no_address(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = explained(
        capsys, monkeypatch, event(sourceIPAddress="AWS Internal", vpcEndpointId="vpce-0a1b2c3d4e5f60718")
    )
    assert "from an unknown address through vpce-0a1b2c3d4e5f60718" in out


@pytest.mark.parametrize("data", ["", "no", "{}", "[]", "[[[]]]", '{"Records": [1, null]}', '{"eventName": "GetRole"}'])
def test_a_text_without_such_a_call_is_one_line(
    data: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = explained(capsys, monkeypatch, data, code=2)
    assert (out, err.count("\n")) == ("", 1)
    assert "lookup-events" in err


@pytest.mark.parametrize(
    "options",
    [
        ("--claims", "{}"),
        ("--token", "-"),
        ("--repository", "acme/shop"),
        ("--at", "2026-11-27"),
        ("--source-ip", "::1"),
    ],
)
def test_an_event_says_everything_about_its_call(
    options: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, err = explained(capsys, monkeypatch, event(), *options, code=2)
    assert "--event" in err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(event())) | st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(event())), JSON))
def test_no_event_gives_a_traceback(changes: dict[str, Any]) -> None:
    try:
        calls = recorded_calls(json.dumps([event() | changes, {"Records": [event() | changes], "detail": changes}]))
    except UsageError:
        return
    assert all(call.times >= 1 and call.last.role_arn and call.last.subject for call in calls)
