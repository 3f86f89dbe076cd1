"""An AWS account for nothing else, and a stack of this program in it, for what emulated accounts cannot show."""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from pulumi import automation as auto

SETTLES = 15
"""Seconds: for some 10 after a role was made, STS was seen to refuse it (two recorded samples)."""

STACK = "live"
KEY = "live"
ROLE = "bitbucket-oidc-live"
PATH = "/bitbucket-oidc-live/"
UUID = "{00000000-0000-4000-8000-000000000001}"
"""Of workspace, repository and environment, with another end each: made up, so that no token of anybody fits."""


_NAMES = ("ACCOUNT", "WORKSPACE", "REPOSITORY", "ENVIRONMENT", "OTHER_ENVIRONMENT")


def stop(reason: str) -> NoReturn:
    """End the run with one line instead of a traceback for each check."""
    pytest.exit(f"{reason}; see docs/internals/live.md", returncode=2)


@dataclass(frozen=True)
class LiveSettings:
    """What whoever runs the checks says.

    Attributes:
        account_id: The only account that anything is done in; the ambient credentials must be of it.
        workspace: A workspace of Bitbucket with OIDC switched on: its issuer's certificates are fetched.
        stack_config: More stack config: empty except for the test of these checks on emulated accounts.
        repository: The slug of a repository for the proof with genuine tokens, or the empty string for no such proof.
        environment: A deployment environment of the repository; its steps get in.
        other_environment: Another one; its steps do not get in.
    """

    account_id: str
    workspace: str
    stack_config: Mapping[str, Any]
    repository: str = ""
    environment: str = ""
    other_environment: str = ""

    @classmethod
    def of_environment(cls) -> "LiveSettings":
        if not (os.environ.get("LIVE_ACCOUNT") and os.environ.get("LIVE_WORKSPACE")):
            stop("ACCOUNT and WORKSPACE are needed: make live ACCOUNT=111111111111 WORKSPACE=acme")
        config = json.loads(os.environ.get("LIVE_STACK_CONFIG", "{}"))
        account, workspace, *names = (os.environ.get(f"LIVE_{name}", "") for name in _NAMES)
        if any(names) and not all(names):
            stop(f"set all of {', '.join(_NAMES[2:])} or none")
        return cls(account, workspace, config, *names)

    @property
    def endpoint(self) -> str | None:
        """The URL of an emulated AWS, or ``None`` for AWS itself."""
        return self.stack_config.get("bitbucket-aws-oidc:awsEndpoint")


class ThrowAwayAccount:
    """The account, with an inventory that may be edited and a separate stack in a folder that is thrown away.

    Args:
        settings: As given.
        iam: A botocore client with the ambient credentials.
        stack: Of the Automation API.
        inventory: The file.
    """

    def __init__(self, settings: LiveSettings, iam: Any, stack: auto.Stack, inventory: Path) -> None:
        self.settings, self.iam, self.stack, self.inventory = settings, iam, stack, inventory
        self.write(max_session_duration="1h")

    @property
    def oidc_provider_arn(self) -> str:
        issuer = f"api.bitbucket.org/2.0/workspaces/{self.settings.workspace}/pipelines-config/identity/oidc"
        return f"arn:aws:iam::{self.settings.account_id}:oidc-provider/{issuer}"

    def up(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Update the stack, and wait until what was made counts everywhere; emulated accounts need no wait."""
        self.stack.up()
        if not self.settings.stack_config:
            logging.getLogger(__name__).info("waiting %d seconds: what was just made may not count yet", SETTLES)
            sleep(SETTLES)

    def write(self, **role: Any) -> None:
        """Write the inventory; ``role`` is what is said of its one role besides whom it trusts."""
        repository = {"uuid": UUID.replace("1}", "2}"), "environments": {"live": UUID.replace("1}", "3}")}}
        self._write({"uuid": UUID, "repositories": {"live": repository}}, "live", "live", role)

    def write_trusting_genuine_tokens(self) -> None:
        """Write the inventory with the names of the proof; their UUIDs come from `lock`."""
        given = self.settings
        environments = {given.environment: None, given.other_environment: None}
        workspace = {"repositories": {given.repository: {"environments": environments}}}
        self._write(workspace, given.repository, given.environment, {})

    def _write(self, workspace: dict[str, Any], repository: str, environment: str, role: dict[str, Any]) -> None:
        trust = [{"repository": f"{self.settings.workspace}/{repository}", "environments": [environment]}]
        document = {
            "workspaces": {self.settings.workspace: workspace},
            "accounts": {KEY: {"id": self.settings.account_id}},
            "roles": {"live": {"name": ROLE, "path": PATH, "accounts": [KEY], "trust": trust, **role}},
        }
        self.inventory.write_text(yaml.safe_dump(document))

    def role(self) -> Any:
        return self.iam.get_role(RoleName=ROLE)["Role"]

    def oidc_provider(self) -> Any:
        return self.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=self.oidc_provider_arn)

    def managed_policies(self) -> list[str]:
        found = self.iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
        return [one["PolicyArn"] for one in found]

    def whats_there(self) -> list[str]:
        """Return the ARNs of what these checks would make, or have made."""
        known = self.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        found = [one["Arn"] for one in known if one["Arn"] == self.oidc_provider_arn]
        pages = self.iam.get_paginator("list_roles").paginate()
        return found + [role["Arn"] for page in pages for role in page["Roles"] if role["RoleName"] == ROLE]
