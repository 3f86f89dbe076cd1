"""One running sandbox for many runs of the built-in engine: an inventory that changes, emulators that stay."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fleet.pulumi_cli.steps import Step
from sandbox.aws_provider.account import connect_as_platform_engineer
from sandbox.aws_provider.provider import SmallAwsProvider
from sandbox.emulated_aws.prepare_accounts import RootUsers, prepare_accounts
from sandbox.emulator_inputs import prepared_accounts
from sandbox.engine.builtin import BuiltinEngine
from sandbox.engine.program import Program
from sandbox.session import PROJECT, SandboxInventory, Session, read_subject, running
from tests.sandbox import accounts_held


@dataclass
class OneSandbox:
    """The sandbox of ``inventory``, which tests may rewrite between runs."""

    session: Session
    inventory: Path

    @property
    def subject(self) -> SandboxInventory:
        """The inventory as it is now."""
        return read_subject(self.inventory)

    @property
    def state_file(self) -> Path:
        return self.session.state_file

    def program(self) -> Program:
        """The program for the inventory as it is now; what real accounts already have is there too."""
        plan = self.subject.plan
        prepare_accounts(self.session.endpoint, prepared_accounts(plan))
        accounts = json.dumps([account.key for account in plan.accounts])
        config = {**self.session.program.config, f"{PROJECT}:accounts": accounts}
        return replace(self.session.program, config=config)

    def engine(self, on_step: Callable[[Step], None] = lambda _: None) -> BuiltinEngine:
        return BuiltinEngine(
            self.program(),
            self.state_file,
            {"aws": lambda: SmallAwsProvider(connect=connect_as_platform_engineer)},
            on_step,
            endpoints={"iam": self.session.endpoint, "sts": self.session.endpoint},
        )

    def edit(self, old: str, new: str) -> None:
        text = self.inventory.read_text()
        assert old in text
        self.inventory.write_text(text.replace(old, new))

    def by_hand(self, account_id: str, use: Callable[[Any], None]) -> None:
        """Change something in an account as its root."""
        users = RootUsers(self.session.endpoint)
        use(users.client(account_id))
        users.close()

    def held(self) -> dict[str, accounts_held.Held]:
        return accounts_held.held(self.session.endpoint, self.subject.plan)

    def planned(self) -> dict[str, accounts_held.Held]:
        return accounts_held.planned(self.subject.plan)


@contextmanager
def one_sandbox(folder: Path, inventory: Path) -> Iterator[OneSandbox]:
    """Start the emulators; they keep everything in ``folder``."""
    subject = replace(read_subject(inventory), folder=folder / "sandbox")
    with running(subject) as session:
        yield OneSandbox(session, inventory)
