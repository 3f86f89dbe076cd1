"""bitbucket-oidc lock when Bitbucket's limit of requests ends: what was answered counts, and the exit code tells."""

import functools
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

import cli.lock.run as lock_run
from cli.main import run
from config.findings import has_errors
from config.load import load_inventory
from facts.bitbucket import resolution
from facts.bitbucket.api import BitbucketApi, BitbucketSettings
from facts.bitbucket.client import BitbucketClient
from facts.bitbucket.credentials import find_credentials
from facts.http import Clock
from facts.web_address import WebAddress
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulated_bitbucket.workspaces import EmulatedEnvironment, EmulatedRepository, EmulatedWorkspace
from tests.facts.bitbucket.in_memory import uuid

COUNT, LIMIT = 12, 100
NAMES = [f"r{number:02}" for number in range(COUNT)]
REPOSITORIES = tuple(
    EmulatedRepository(name, uuid(10 + number), (EmulatedEnvironment("production", uuid(100 + number)),))
    for number, name in enumerate(NAMES)
)
REPOSITORY_LINES = "\n".join(f"      {name}: {{environments: {{production: }}}}" for name in NAMES)
TRUST_LINES = "\n".join(f"      - {{repository: acme/{name}, environments: [production]}}" for name in NAMES)
INVENTORY = f"""
workspaces:
  acme:
    repositories:
{REPOSITORY_LINES}
accounts: {{prod: {{id: "222222222222"}}}}
roles:
  deploy:
    accounts: [prod]
    trust:
{TRUST_LINES}
"""
LOCK = Path("inventory/inventory.lock.yaml")

UseUp = Callable[[int], None]


@pytest.fixture
def bitbucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedBitbucket]:
    """Serve 12 repositories with an environment each, for an inventory in the current folder."""
    with EmulatedBitbucket(tmp_path / "bitbucket", [EmulatedWorkspace("acme", uuid(1), REPOSITORIES)]) as bitbucket:
        for name in ("BITBUCKET_EMAIL", "BITBUCKET_API_TOKEN", "HTTPS_PROXY", "https_proxy", "REQUESTS_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("BITBUCKET_ACCESS_TOKEN", SANDBOX_TOKEN)
        monkeypatch.setenv("BITBUCKET_API_URL", bitbucket.api_url)
        monkeypatch.setenv("BITBUCKET_CA_FILE", str(bitbucket.ca_file))
        monkeypatch.chdir(tmp_path)
        Path("inventory").mkdir()
        Path("inventory/base.yaml").write_text(INVENTORY)
        bitbucket.behaviour.requests_per_hour, bitbucket.behaviour.retry_after = LIMIT, "3600"
        yield bitbucket


@pytest.fixture
def use_up(bitbucket: EmulatedBitbucket) -> UseUp:
    """Return a function that begins a new hour in which other programs leave only this many requests."""

    def use(left: int) -> None:
        began = 4000.0 * (len(bitbucket.requests) + 1)
        bitbucket.behaviour.now = lambda: began
        address = WebAddress.parse(bitbucket.api_url, named="the URL")
        settings = BitbucketSettings(address, bitbucket.ca_file, clock=Clock(lambda: 0.0, lambda _: None))
        api = BitbucketApi(find_credentials({"BITBUCKET_ACCESS_TOKEN": SANDBOX_TOKEN}, ""), settings)
        for _ in range(LIMIT - left):
            assert BitbucketClient(api).workspace("acme")

    return use


def test_a_used_up_limit_writes_the_answers_and_the_next_run_adds_the_others(
    use_up: UseUp, capsys: pytest.CaptureFixture[str]
) -> None:
    use_up(8)  # the workspace, a page, 6 of 12 repositories' environments
    assert run(["lock"]) == 3
    _note, error, end = capsys.readouterr().err.splitlines()
    assert error.startswith("error: Bitbucket's limit of requests is used up: ")
    assert "run it again in 3600 seconds" in error
    assert end.startswith("inventory.lock.yaml is written, ")
    assert "; 6 of 13 workspaces and repositories have no new answer: the next run begins with those" in end
    text = LOCK.read_text()
    written = {name for name in NAMES if f"      {name}:" in text}
    assert len(written) == 6
    assert "answers:" not in text
    assert run(["validate"]) == 1
    assert has_errors(load_inventory(Path("inventory")).findings)
    for _ in range(3):
        use_up(8)  # never enough for all in one run
        assert run(["lock"]) == 3
    assert not has_errors(load_inventory(Path("inventory")).findings)
    use_up(50)
    assert run(["lock"]) == 0
    assert "answers:" in LOCK.read_text()
    assert run(["lock", "--check"]) == 0


def test_a_check_with_a_used_up_limit_writes_nothing_and_tells_how_many_names_were_compared(
    use_up: UseUp, capsys: pytest.CaptureFixture[str]
) -> None:
    use_up(50)
    assert run(["lock"]) == 0
    before = LOCK.read_text()
    use_up(8)
    capsys.readouterr()
    assert run(["lock", "--check"]) == 3
    _note, error, end = capsys.readouterr().err.splitlines()
    assert "run it again in 3600 seconds" in error
    assert end.endswith("6 of 13 workspaces and repositories were not compared; the others agree with the lock")
    assert LOCK.read_text() == before
    use_up(8)
    capsys.readouterr()
    assert run(["lock", "--check", "--format", "json"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert (report["agrees"], report["changes"]) == (False, [])
    assert report["unanswered"]["total"] == 13
    assert report["unanswered"]["names"] == 6
    assert report["unanswered"]["message"].startswith("Bitbucket's limit of requests is used up: ")


def test_an_error_among_the_answers_so_far_writes_nothing(
    bitbucket: EmulatedBitbucket, use_up: UseUp, capsys: pytest.CaptureFixture[str]
) -> None:
    bitbucket.workspaces = (EmulatedWorkspace("acme", uuid(1), REPOSITORIES[1:]),)
    use_up(8)
    assert run(["lock"]) == 3
    shown = capsys.readouterr().err
    assert "error[not-in-bitbucket] workspaces.acme.repositories.r00: " in shown
    assert shown.splitlines()[-1] == "inventory.lock.yaml is not changed: fix the errors above first"
    assert not LOCK.exists()


def test_a_wait_for_the_limit_is_told_with_the_time_left(
    bitbucket: EmulatedBitbucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slept: list[float] = []
    clock = Clock(lambda: sum(slept), slept.append)
    monkeypatch.setattr(lock_run, "BitbucketSettings", functools.partial(BitbucketSettings, clock=clock))
    monkeypatch.setattr(resolution, "_AT_ONCE", 1)  # no request is on its way while an hour passes at once
    bitbucket.behaviour.now, bitbucket.behaviour.requests_per_hour = clock.now, 5
    assert run(["lock"]) == 0
    waits = [line for line in capsys.readouterr().err.splitlines() if line.startswith("waiting ")]
    wait = "waiting 60 minutes: Bitbucket's hourly limit of requests is used up; "
    assert re.fullmatch(re.escape(wait) + "1[0-2] names are left: about 3.0 hours", waits[0])
    assert len(waits) == len([seconds for seconds in slept if seconds]) == 3
    assert LOCK.exists()


@pytest.mark.parametrize(
    ("seconds", "text"), [(59.0, ""), (60.0, "about 1 minute left"), (3500.0, "about 59 minutes left")]
)
def test_the_progress_bar_has_the_time_that_the_limit_costs(
    monkeypatch: pytest.MonkeyPatch, seconds: float, text: str
) -> None:
    written = io.StringIO()
    screen = Console(file=written, force_terminal=True, width=100, _environ={"TERM": "xterm"})
    monkeypatch.setattr(lock_run, "console", lambda *, stderr: screen)
    asked: list[int] = []

    def seconds_for(requests: int) -> float:
        asked.append(requests)
        return seconds

    with lock_run.progress("asking Bitbucket", seconds_for) as on_progress:
        on_progress(2, 9)
    assert asked[-1] == 7
    assert ("left" in written.getvalue()) == bool(text)
    assert text in written.getvalue()
