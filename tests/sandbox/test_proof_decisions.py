"""Inventory, trust evaluator and STS must say the same of a token, and are shown side by side."""

from dataclasses import replace

import pytest

from access.explanation.explain import RoleAnswer
from access.explanation.subjects import Reason
from cli.sandbox.proof_table import proof_json, show_proof
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace
from sandbox.proof.cases import EXPIRED, Presented
from sandbox.proof.prove import Patience, Proof, ProofDecision

ACME = EmulatedWorkspace("acme", "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}")
STEP = Presented("acme/shop, no deployment environment", ACME, "{9a6d6bde-…}", None, ACME.default_audience)
YES = RoleAnswer(allowed=True, undecided=False, reasons=(Reason(0, "acme/shop, no deployment environment"),))
NO = RoleAnswer(
    allowed=False, undecided=False, reasons=(Reason(3, "subject has another repository", ": expected a, got b"),)
)
UNDECIDED = RoleAnswer(allowed=False, undecided=True, reasons=(Reason(2, "not decided: two audiences"),))
RIGHT = ProofDecision("prod", "deploy", "arn:aws:iam::222222222222:role/deploy", STEP, False, True, YES, "assumed")
WRONG = replace(RIGHT, made_up=True, expected=False, evaluated=NO, answer="AccessDenied")


@pytest.mark.parametrize(
    ("decision", "agrees"),
    [
        (RIGHT, True),
        (WRONG, True),
        (replace(WRONG, answer="InvalidIdentityToken"), True),
        (replace(RIGHT, answer="AccessDenied"), False),
        (replace(WRONG, answer="assumed"), False),
        (replace(RIGHT, evaluated=NO), False),
        (replace(WRONG, evaluated=YES), False),
        (replace(WRONG, evaluated=UNDECIDED), False),
        (replace(RIGHT, expected=False), False),
    ],
)
def test_all_three_must_say_the_same(decision: ProofDecision, agrees: bool) -> None:
    assert decision.agrees is agrees
    assert Proof((RIGHT, decision), ()).agrees is agrees


def test_of_an_expired_token_the_evaluator_is_not_asked_and_sts_must_refuse_it() -> None:
    expired = replace(WRONG, presented=replace(STEP, flaw=EXPIRED), evaluated=None)
    assert expired.agrees
    assert expired.reasons[0].text == "the token is expired: STS refuses it whatever the trust policy says"
    assert not replace(expired, answer="assumed").agrees


def shown(*decisions: ProofDecision, every: bool = False) -> None:
    show_proof(Proof(decisions, ()), every=every)


def test_a_disagreement_is_shown_with_what_each_says(capsys: pytest.CaptureFixture[str]) -> None:
    shown(RIGHT, replace(WRONG, evaluated=YES))
    out = capsys.readouterr().out
    assert (
        "role/deploy: acme/shop, no deployment environment from 192.0.2.77: the inventory refuses it, the evaluator "
        "admits it (acme/shop, no deployment environment), STS answered AccessDenied"
    ) in out
    assert "1 NOT decided alike by inventory, evaluator and STS" in out


def test_alike_tokens_are_counted_together_over_all_roles(capsys: pytest.CaptureFixture[str]) -> None:
    shown(RIGHT, replace(RIGHT, arn="arn:aws:iam::222222222222:role/other"), WRONG, WRONG, WRONG)
    rows = [" ".join(line.replace("│", "").split()) for line in capsys.readouterr().out.splitlines()]
    assert "2 steps of the inventory yes assumed the trust policy names it" in rows
    assert "3 acme/shop, no deployment environment (made up) no AccessDenied subject has another repository" in rows


def test_all_shows_each_token_with_the_reason_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    shown(RIGHT, WRONG, every=True)
    out = " ".join(capsys.readouterr().out.replace("│", "").split())
    assert "subject has another repository: expected a, got b" in out


def test_names_and_answers_are_shown_and_do_nothing_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b]0;owned\x07[red]x[/red]"
    token = replace(STEP, name=hostile)
    answer = RoleAnswer(allowed=True, undecided=False, reasons=(Reason(0, hostile),))
    for every in (True, False):
        shown(replace(WRONG, presented=token, evaluated=answer, answer=hostile), every=every)
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\x07" not in out
        assert "[red]x[/red]" in out


def test_json_keeps_its_keys_and_adds_what_the_evaluator_says() -> None:
    (decision,) = proof_json(Proof((WRONG,), ()))["decisions"]
    before = ["account", "role", "arn", "token", "made_up", "source_ip", "source_vpce", "expected", "allowed", "answer"]
    assert list(decision) == [*before, "evaluated", "reasons", "agrees"]
    assert decision["evaluated"] is False
    assert decision["reasons"] == ["subject has another repository: expected a, got b"]


def test_the_proof_waits_for_sts_no_longer_than_its_patience() -> None:
    slept: list[float] = []
    patience = Patience(3, slept.append)
    assert [patience.wait() for _ in range(5)] == [True, True, True, False, False]
    assert (slept, patience.waited) == ([1, 1, 1], 3)
    assert not Patience(0, slept.append).wait()


def test_the_proof_says_how_long_it_waited(capsys: pytest.CaptureFixture[str]) -> None:
    show_proof(Proof((RIGHT,), (), waited_seconds=4.0))
    assert "waited 4 seconds for STS to accept right tokens" in capsys.readouterr().out
    assert proof_json(Proof((RIGHT,), (), waited_seconds=4.0))["waited_seconds"] == 4
    shown(RIGHT)
    assert "waited" not in capsys.readouterr().out
