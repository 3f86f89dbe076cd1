"""Whether the run of a lock is dead: only what is known counts, and anything else needs somebody's word."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.backend.locks import StackLock, is_dead, read_lock

HERE = socket.gethostname()


def lock(pid: int, host: str = HERE) -> StackLock:
    return StackLock("prod", "id", pid, "ci", host, None)


@pytest.fixture
def ended() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_lock_as_pulumi_writes_it_is_read_whole() -> None:
    text = b'{"pid":4711,"username":"ci","hostname":"runner-7","timestamp":"2026-11-29T02:52:29.381759316+01:00"}'
    since = datetime(2026, 11, 29, 2, 52, 29, 381759, timezone(timedelta(hours=1)))
    assert read_lock("prod", "id", text) == StackLock("prod", "id", 4711, "ci", "runner-7", since)
    assert str(StackLock("prod", "id", 4711, "ci", "runner-7", datetime(2026, 11, 29, tzinfo=UTC))) == (
        "ci@runner-7, process 4711, since 2026-11-29 00:00:00 UTC"
    )


@given(st.binary(max_size=20) | st.dictionaries(
    st.sampled_from(["pid", "username", "hostname", "timestamp"]), st.none() | st.integers() | st.text(max_size=5)
).map(lambda fields: json.dumps(fields).encode()))  # fmt: skip
def test_any_other_file_is_a_lock_too_and_its_run_may_be_alive(text: bytes) -> None:
    read = read_lock("prod", "id", text)
    assert (read.stack, read.id) == ("prod", "id")
    assert not is_dead(read)


def test_a_run_without_process_is_dead(ended: int) -> None:
    assert is_dead(lock(ended))


@pytest.mark.parametrize("host", ["", "localhost", "another-machine"])
def test_a_run_elsewhere_is_not_known_to_be_dead(ended: int, host: str) -> None:
    assert not is_dead(lock(ended, host))
    assert not is_dead(lock(ended, "localhost"), host="localhost")


def test_a_process_of_another_program_is_not_the_run(tmp_path: Path) -> None:
    assert is_dead(lock(os.getpid()))  # Python has the process ID of the run
    assert not is_dead(lock(os.getpid()), processes=tmp_path)  # a machine that does not tell of programs


@pytest.mark.parametrize(
    ("stat", "dead"),
    [
        ("1 (pulumi) S 1", False),
        ("1 (pulumi-3.276) R 1", False),
        ("1 (pulumi) Z 1", True),
        ("1 (pulumi) X 1", True),
        ("1 (bash (pulumi)) S 1", True),
        ("1 (pul) S) S 1", True),
        ("1 pulumi", False),
        ("", False),
    ],
)
def test_the_name_and_state_of_the_process_decide(tmp_path: Path, stat: str, dead: bool) -> None:
    (tmp_path / str(os.getpid())).mkdir()
    (tmp_path / str(os.getpid()) / "stat").write_text(stat)
    assert is_dead(lock(os.getpid()), processes=tmp_path) == dead


def test_a_killed_run_that_nobody_has_waited_for_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    child.kill()
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(lock(child.pid))
    finally:
        child.wait()
