"""The progress of a run: a display on a terminal, else plain lines, nothing on standard output."""

import io
import sys

import pytest

from cli.sandbox.display import progress, show_result
from fleet.pulumi_cli.steps import LogMessage, Operation, Phase, PropertyChange, Step, Summary

ROLE = "aws:iam/role:Role"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def step(operation: Operation, phase: Phase, name: str = "prod/shop", kind: str = ROLE) -> Step:
    return Step(f"urn:{name}", kind, name, operation, phase, {"tags": PropertyChange({}, {"a": "b"})})


STEPS = [
    step(Operation.CREATE, Phase.DONE, "prod", "bitbucket-aws-oidc:index:AccountAccess"),
    step(Operation.SAME, Phase.DONE, "prod/other"),
    step(Operation.UPDATE, Phase.BEGUN),
    step(Operation.UPDATE, Phase.DONE),
    step(Operation.DELETE, Phase.FAILED, "prod/\x1b[31mred"),
]


def shown(action: str) -> None:
    with progress(action) as listener:
        for step in STEPS:
            listener.on_step(step)
        listener.on_log(LogMessage("info", "the program says [bold]so[/bold]", ""))


def test_without_a_terminal_each_step_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown("up")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [" ".join(line.split()) for line in captured.err.splitlines()] == [
        "update Role prod/shop tags",
        "delete Role prod/\\x1b[31mred tags failed",
        "the program says [bold]so[/bold]",
    ]


def test_a_preview_shows_no_steps_while_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    shown("preview")
    assert capsys.readouterr().err == "the program says [bold]so[/bold]\n"


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_on_a_terminal_the_display_counts_and_names_resources(monkeypatch: pytest.MonkeyPatch, no_colour: str) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", no_colour)
    shown("up")
    text = terminal.getvalue()
    assert "2 done" in text
    assert "\x1b[2K" in text
    assert "[bold]so[/bold]" in text
    assert "\x1b[31mred" not in text
    assert ("\x1b[33m" in text) is not no_colour.startswith("1")
    assert [line for line in text.splitlines() if "prod/shop" in line and "tags" in line]


def test_a_change_outside_that_needs_no_update_is_reported_with_no_changes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unlike = Step("urn:x", ROLE, "prod/shop", Operation.SAME, outside={"uniqueId": PropertyChange("A", "B")})
    show_result("preview", Summary({Operation.SAME: 1}, {}, (unlike,)), {})
    captured = capsys.readouterr()
    assert captured.out == "no changes\n"
    assert captured.err == "changed outside, no update needed: Role prod/shop: uniqueId\n"
