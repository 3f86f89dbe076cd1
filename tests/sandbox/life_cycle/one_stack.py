"""One stack of one engine, with a separate account, whose inventory changes from one operation to the next."""

import copy
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from fleet.pulumi_cli.steps import Operation, Summary
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.run import Action, EngineSettings, Listener, act
from tests.sandbox.running_engine import RunningEngine, ignore

ISSUER = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
WORKSPACES = {
    "acme": {
        "uuid": "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}",
        "repositories": {
            "shop": {
                "uuid": "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}",
                "environments": {"production": "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"},
            }
        },
    }
}
_numbers = itertools.count(300_000_000_001)

Document = dict[str, Any]


@dataclass
class OneStack:
    """A stack: change ``inventory``, then do something.

    Attributes:
        running: The engine, with a folder of this stack alone.
        inventory: What is written before each operation.
        lock: The same, of the lock; none where it is empty.
        config: Of the stack, beside what leads it into the sandbox.
    """

    running: RunningEngine
    account_id: str = field(default_factory=lambda: str(next(_numbers)))
    inventory: Document = field(default_factory=dict)
    lock: Document = field(default_factory=dict)
    config: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.inventory:
            self.inventory = small_inventory(self.account_id)

    @property
    def folder(self) -> Path:
        return self.running.folder / "inventory"

    @property
    def role(self) -> Document:
        found: Document = self.inventory["roles"]["shop-deploy"]
        return found

    @property
    def arn(self) -> str:
        """Of the OIDC provider."""
        return f"arn:aws:iam::{self.account_id}:oidc-provider/{ISSUER.removeprefix('https://')}"

    def write(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "inventory.yaml").write_text(yaml.safe_dump(self.inventory))
        lock = self.folder / "inventory.lock.yaml"
        if self.lock:
            lock.write_text(yaml.safe_dump({"version": 1, **self.lock}))
        else:
            lock.unlink(missing_ok=True)
        return self.folder

    def act(self, action: Action, before: Callable[[Any], None] | None = None) -> Summary:
        """Do something; ``before`` does by hand what preparing the accounts would undo."""
        with self.running.session(self.write()) as session:
            if before is not None:
                with self.iam() as iam:
                    before(iam)
            program = replace(session.program, config={**session.program.config, **self.config})
            mine = replace(session, program=program)
            return act(mine, action, Listener(ignore, ignore), EngineSettings(self.running.engine))

    def up(self) -> Summary:
        return self.act(Action.UP)

    def preview(self) -> Summary:
        return self.act(Action.PREVIEW)

    def refresh(self) -> Summary:
        return self.act(Action.REFRESH)

    def destroy(self) -> Summary:
        return self.act(Action.DESTROY)

    def with_mode(self, mode: str) -> "OneStack":
        """Choose what becomes of the account's OIDC provider."""
        self.inventory["accounts"]["prod"]["oidc_provider"] = mode
        self.lock = {"accounts": {"prod": {"id": self.account_id, "oidc_providers": {"acme": "present"}}}}
        return self

    @contextmanager
    def iam(self) -> Iterator[Any]:
        """Give an IAM client of the account's root, for what people do by hand."""
        users = RootUsers(self.running.aws.endpoint)
        try:
            yield users.client(self.account_id)
        finally:
            users.close()

    def made_by_hand(self, *audiences: str) -> None:
        """Make the OIDC provider as somebody in the account would have done years ago."""
        with self.iam() as iam:
            iam.create_open_id_connect_provider(
                Url=ISSUER,
                ClientIDList=list(audiences),
                ThumbprintList=["b" * 40],
                Tags=[{"Key": "Owner", "Value": "network-team"}],
            )

    def oidc_provider(self) -> Document | None:
        """Return what IAM has, without times and metadata; ``None`` for nothing."""
        with self.iam() as iam:
            try:
                found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=self.arn)
            except iam.exceptions.NoSuchEntityException:
                return None
        return {key: found.get(key) for key in ("ClientIDList", "ThumbprintList", "Tags")}

    def roles(self) -> set[str]:
        with self.iam() as iam:
            return {one["RoleName"] for page in iam.get_paginator("list_roles").paginate() for one in page["Roles"]}


def small_inventory(account_id: str) -> Document:
    """Return an inventory of one role in one account."""
    return copy.deepcopy(
        {
            "workspaces": WORKSPACES,
            "accounts": {"prod": {"id": account_id}},
            "roles": {
                "shop-deploy": {
                    "accounts": ["prod"],
                    "trust": [{"repository": "acme/shop", "environments": ["production"]}],
                    "managed_policies": ["aws:ReadOnlyAccess"],
                }
            },
        }
    )


def did(summary: Summary) -> set[tuple[str, str, str]]:
    """Return operation, kind and name of each resource in AWS that did not stay the same."""
    return {
        (str(step.operation), step.type.rpartition(":")[2], step.name)
        for step in summary.steps
        if step.type.startswith("aws:") and step.operation is not Operation.SAME
    }
