"""What a user meets after a crash, and when the state cannot be read or written: the commands, as they are called."""

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import IO, Any

import pytest

import sandbox.run
from cli.main import run
from fleet.pulumi_cli.steps import Phase, Step
from sandbox.emulator_inputs import folder_of
from sandbox.engine.builtin import BuiltinEngine
from sandbox.session import read_subject, running
from tests.sandbox import accounts_held

INVENTORY = Path("inventory")
SIGKILLED = -9


@pytest.fixture(autouse=True)
def two_accounts(tmp_path: Path, project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(project_folder / "tests" / "fixtures" / "inventories" / "two-accounts", INVENTORY)


def command(action: str) -> int:
    engine = [] if action == "prove" else ["--engine", "builtin"]
    return run(["sandbox", action, str(INVENTORY), *engine])


def killed(action: str, moment: str, whom: str, project: Path) -> int:
    """Run a command in a process that kills itself, or itself and the emulator, at a moment; give its status."""
    arguments = [moment, whom, "sandbox", action, str(INVENTORY), "--engine", "builtin"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.crashing_runs", *arguments],
        env={**os.environ, "PYTHONPATH": str(project)},
        check=False,
        capture_output=True,
    )
    return done.returncode


def children() -> set[int]:
    """Return the processes that this one has started and that run."""
    return {
        int(child)
        for of_thread in Path("/proc/self/task").glob("*/children")
        for child in of_thread.read_text().split()
    }


def held() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the accounts hold, and what they should."""
    subject = read_subject(INVENTORY)
    with running(subject) as session:
        return accounts_held.held(session.endpoint, subject.plan), accounts_held.planned(subject.plan)


def test_after_kill_9_the_next_up_completes_what_was_begun(
    project_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for moment in ("before 222222222222 CreateOpenIDConnectProvider", "after 222222222222 CreateRole"):
        assert killed("up", moment, "self", project_folder) == SIGKILLED
    assert command("up") == 0
    assert command("up") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no changes"
    assert command("prove") == 0
    assert killed("destroy", "before 222222222222 DeleteRole", "self", project_folder) == SIGKILLED
    assert command("destroy") == 0
    there, _ = held()
    assert there == accounts_held.nothing(read_subject(INVENTORY).plan)


def test_after_kill_9_of_the_emulator_too_everything_is_rebuilt(
    project_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert killed("up", "done create Role prod", "all", project_folder) == SIGKILLED
    assert command("preview") == 0
    captured = capsys.readouterr()
    assert "have lost their resources" in captured.err
    assert "(it is gone from AWS)" in captured.out
    assert command("up") == 0
    there, wanted = held()
    assert there == wanted


def test_an_emulator_that_dies_in_a_run_is_one_line_and_the_next_up_rebuilds_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    others = children()

    def engine(program: Any, state_file: Path, factories: Any, on_step: Any, **rest: Any) -> BuiltinEngine:
        def kill(step: Step) -> None:
            on_step(step)
            if (step.name, step.phase) == ("prod/shop-production", Phase.BEGUN):
                for child in children() - others:
                    os.kill(child, signal.SIGKILL)

        return BuiltinEngine(program, state_file, factories, kill, **rest)

    with monkeypatch.context() as patched:
        patched.setattr(sandbox.run, "BuiltinEngine", engine)
        assert command("up") == 3
    error = only_error(capsys)
    assert "AWS" in error
    assert command("up") == 0
    there, wanted = held()
    assert there == wanted


def only_error(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that says what went wrong."""
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert captured.err.splitlines()[-1] == errors[0]
    return errors[0]


def test_a_full_disk_keeps_the_last_state_and_the_next_up_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 20

    def write(file: IO[bytes], content: bytes) -> None:
        nonlocal room
        room -= 1
        if room < 0:
            file.write(content[: len(content) // 2])
            raise OSError(28, "No space left on device")
        file.write(content)
        file.flush()

    with monkeypatch.context() as patched:
        patched.setattr(sandbox.run, "BuiltinEngine", partial(BuiltinEngine, write=write))
        assert command("up") == 3
    error = only_error(capsys)
    assert "state.json cannot be written: No space left on device; make room" in error
    assert command("up") == 0
    there, wanted = held()
    assert there == wanted


def another_stack(state: str) -> str:
    return state.replace("urn:pulumi:sandbox::", "urn:pulumi:prod::")


@pytest.mark.parametrize("action", ["up", "destroy"])
def test_a_state_that_is_not_ours_to_use_is_refused_and_left_alone(
    capsys: pytest.CaptureFixture[str], action: str
) -> None:
    assert command("up") == 0
    state = folder_of(INVENTORY) / "state.json"
    good = state.read_text()
    assert json.loads(good)["version"] == 3
    for content, says in (
        (good[: len(good) // 2], "is broken"),
        (good.replace('"version": 3', '"version": 4', 1), "has the version 4; this program knows version 3; use the"),
        (another_stack(good), "is the state of bitbucket-aws-oidc/prod, not of bitbucket-aws-oidc/sandbox"),
    ):
        state.write_text(content)
        capsys.readouterr()
        assert command(action) == 3
        assert says in only_error(capsys)
        assert state.read_text() == content
    state.write_text(good)
    assert command("preview") == 0
    assert capsys.readouterr().out == "no changes\n"


def test_what_a_broken_state_says_to_do_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("up") == 0
    folder = folder_of(INVENTORY).resolve()
    state, backup = folder / "state.json", folder / "state.json.bak"
    state.write_text("{")
    capsys.readouterr()
    assert command("up") == 3
    assert f"the last good state is {backup}: put it back with mv {backup} {state}" in only_error(capsys)
    backup.replace(state)
    assert command("preview") == 0
    assert capsys.readouterr().out == "no changes\n"
    state.write_text("{")
    assert command("up") == 3
    assert f"there is no backup; remove the folder {folder}, with the emulated accounts" in only_error(capsys)
    shutil.rmtree(folder)
    assert command("up") == 0


@pytest.mark.parametrize("place", [".", "session.lock", "aws-config", "bitbucket", "aws"])
def test_a_sandbox_that_cannot_be_written_is_one_line_that_says_so(
    capsys: pytest.CaptureFixture[str], place: str
) -> None:
    folder = folder_of(INVENTORY)
    if place in {".", "bitbucket", "aws"}:
        (folder / place).parent.mkdir(parents=True)
        (folder / place).write_text("in the way")
    else:
        (folder / place).mkdir(parents=True)
    assert command("up") == 3
    assert str(folder) in only_error(capsys)
