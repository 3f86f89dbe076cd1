"""kill -9 at a moment of a run, then the run once more: it converges, nothing is orphaned, nothing is there twice.

One cycle makes everything, edits it (updates, replacements, deletions, creations), takes the edit back and destroys
everything; each of the four dies once and is run again. Which moments there are, the first cycle finds out.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.sandbox import accounts_held
from tests.sandbox.one_sandbox import OneSandbox, one_sandbox

SIGKILLED = -9
PROJECT = Path(__file__).parents[2]
INVENTORIES = PROJECT / "tests" / "fixtures" / "inventories"
AWS_TYPES = ("OpenIdConnectProvider", "Role", "RolePolicy", "RolePolicyAttachmentsExclusive")

EDITS = {
    "two-accounts": {
        "inventory.yaml": [
            ("environments: [production]", "environments: [staging]"),
            ("max_session_duration: 2h", "path: /shop/"),
            ("aws:AmazonECS_FullAccess", "aws:ReadOnlyAccess"),
            ("    inline_policies: [publish-site]\n", ""),
        ]
    },
    "acme": {
        "roles/payments.yaml": [
            ("environments: [staging]", "environments: [production]"),
            ("    max_session_duration: 2h\n", "    path: /payments/\n"),
            ("inline_policies: [push-images]", "max_session_duration: 3h"),
        ],
        "roles/platform.yaml": [
            ("accounts: [dev, staging, prod]", "accounts: [dev, prod, data]"),
            ('"account:team/ci-extra"', '"aws:ReadOnlyAccess"'),
            ("s3:DeleteObject", "s3:GetObject"),
        ],
        "workspaces.yaml": [("  acme-data:\n", "  acme-data:\n    audiences: [sts.amazonaws.com]\n")],
        "accounts.yaml": [("Owner: platform@acme.example", "Owner: core@acme.example")],
    },
    "wide": {
        "inventory.yaml": [
            ("  from-the-office:\n", "  from-the-office:\n    name: office\n"),
            ("by-*: {inline_policies: [publish], ", "by-*: {inline_policies: [], "),
            ("accounts: [ambient]\n", "accounts: [ambient-too]\n"),
            ("tags: {Team: core}", "tags: {Team: edge}"),
            ("keep_oidc_providers: [acme-data]", "labels: {kept: nobody}"),
            ("permissions_boundary: account:boundary", "permissions_boundary: account:other"),
        ]
    },
}


class Runs:
    """Runs of the engine on one sandbox, each in a separate process."""

    def __init__(self, sandbox: OneSandbox, forking: "subprocess.Popen[str]") -> None:
        self.sandbox = sandbox
        self._forking = forking

    def run(self, action: str, die: str | None = None) -> dict[str, Any]:
        """Run to the end, or to the moment ``die``; say how it ended."""
        assert self._forking.stdin is not None
        assert self._forking.stdout is not None
        request = {
            "action": action,
            "config": self.sandbox.program().config,
            "state_file": str(self.sandbox.state_file),
            "endpoint": self.sandbox.session.endpoint,
            "die": die,
        }
        self._forking.stdin.write(json.dumps(request) + "\n")
        self._forking.stdin.flush()
        answer: dict[str, Any] = json.loads(self._forking.stdout.readline())
        return answer


@contextmanager
def runs_of(inventory: str, folder: Path) -> Iterator[Runs]:
    copytree(INVENTORIES / inventory, folder / inventory)
    with one_sandbox(folder, folder / inventory) as sandbox:
        forking = subprocess.Popen(
            [sys.executable, "-m", "tests.sandbox.crashing_runs"],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with forking:
            yield Runs(sandbox, forking)


def edited(folder: Path, inventory: str) -> None:
    for name, changes in EDITS[inventory].items():
        text = (folder / inventory / name).read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        (folder / inventory / name).write_text(text)


def taken_back(folder: Path, inventory: str) -> None:
    copytree(INVENTORIES / inventory, folder / inventory, dirs_exist_ok=True)


class Cycle:
    """The four runs of a cycle; ``deaths`` has the moment at which each dies, ``None`` for a run without."""

    NAMES = ("made", "edited", "taken back", "destroyed")

    def __init__(self, runs: Runs, folder: Path, inventory: str) -> None:
        self._runs = runs
        self._before: dict[str, Callable[[], None]] = {
            "edited": lambda: edited(folder, inventory),
            "taken back": lambda: taken_back(folder, inventory),
        }

    def moments(self) -> dict[str, list[str]]:
        """Return the moments of each run, those of a kind side by side."""
        found = {}
        for name in self.NAMES:
            self._before.get(name, lambda: None)()
            answer = self._runs.run(self._action(name))
            assert answer.keys() == {"status", "moments", "changes"}, (name, answer)
            found[name] = [moment for moment in answer["moments"] if tells_apart(moment)]
            self._right(name)
        return found

    def run(self, deaths: dict[str, str | None], *, twice: bool) -> None:
        """Let each run die and run it again; ``twice``: once more, to see that nothing is left to do."""
        for name in self.NAMES:
            self._before.get(name, lambda: None)()
            died = self._runs.run(self._action(name), deaths[name])
            if deaths[name] is not None:
                assert died["status"] == SIGKILLED, (name, deaths[name], died)
            again = self._runs.run(self._action(name))
            assert again.keys() == {"status", "moments", "changes"}, (name, deaths[name], again)
            self._right(name, deaths[name])
            if twice:
                once_more = self._runs.run(self._action(name))
                assert once_more["changes"] is False, (name, deaths[name], once_more)

    def _right(self, name: str, death: str | None = None) -> None:
        sandbox = self._runs.sandbox
        expected = accounts_held.nothing(sandbox.subject.plan) if name == "destroyed" else sandbox.planned()
        assert sandbox.held() == expected, (name, death)

    @staticmethod
    def _action(name: str) -> str:
        return "destroy" if name == "destroyed" else "up"


def tells_apart(moment: str) -> bool:
    """Say whether a death at this moment leaves something else behind than one at a moment beside it.

    Components and AWS providers are in the state alone, and before a step begins nothing has happened since the last.
    """
    kind, *words = moment.split(" ")
    return kind in {"before", "after"} or (kind in {"torn", "done"} and any(word in AWS_TYPES for word in words))


def nth(moments: Sequence[str], at: int) -> str | None:
    return moments[at] if at < len(moments) else None


def test_a_run_that_was_killed_is_completed_by_the_next(tmp_path: Path) -> None:
    with runs_of("two-accounts", tmp_path) as runs:
        cycle = Cycle(runs, tmp_path, "two-accounts")
        moments = cycle.moments()
        kinds = {"made": "after", "edited": "torn", "taken back": "before", "destroyed": "after"}
        of_kind = {name: [one for one in moments[name] if one.startswith(kind)] for name, kind in kinds.items()}
        cycle.run({name: found[len(found) // 2] for name, found in of_kind.items()}, twice=True)


@pytest.mark.exhaustive
@pytest.mark.parametrize("inventory", EDITS)
def test_a_run_that_was_killed_at_any_moment_is_completed_by_the_next(inventory: str, tmp_path: Path) -> None:
    with runs_of(inventory, tmp_path) as runs:
        cycle = Cycle(runs, tmp_path, inventory)
        moments = cycle.moments()
        # In strides, so that a fault of a whole kind shows early.
        for at in sorted(range(max(map(len, moments.values()))), key=lambda at: (at % 8, at)):
            cycle.run({name: nth(found, at) for name, found in moments.items()}, twice=at % 8 == 0)
