"""How a run is shown while it goes: a display that moves on a terminal, plain lines elsewhere, nothing on stdout."""

import io
import sys

import pytest

from cli.sandbox.display import progress, show_result
from sandbox.engine.monitor import LogMessage
from sandbox.engine.steps import Operation, Phase, PropertyChange, Step, Summary

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
        for one in STEPS:
            listener.on_step(one)
        listener.on_log(LogMessage("info", "the program says [bold]so[/bold]", ""))


def test_elsewhere_each_step_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown("up")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [" ".join(line.split()) for line in captured.err.splitlines()] == [
        "update Role prod/shop tags",
        "delete Role prod/\\x1b[31mred tags failed",
        "the program says [bold]so[/bold]",
    ]


def test_a_preview_tells_no_steps_while_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    shown("preview")
    assert capsys.readouterr().err == "the program says [bold]so[/bold]\n"


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_on_a_terminal_a_display_counts_and_names_the_resource(monkeypatch: pytest.MonkeyPatch, no_colour: str) -> None:
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


def test_what_was_changed_outside_and_needs_no_mending_is_told_beside_no_changes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unlike = Step("urn:x", ROLE, "prod/shop", Operation.SAME, outside={"uniqueId": PropertyChange("A", "B")})
    show_result("preview", Summary({Operation.SAME: 1}, {}, (unlike,)), {})
    captured = capsys.readouterr()
    assert captured.out == "no changes\n"
    assert captured.err == "changed outside, and nothing to mend: Role prod/shop: uniqueId\n"
