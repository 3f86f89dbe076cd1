"""Resources of the small AWS provider, each taken through its life as the engine does it."""

import asyncio
import json
from typing import Any

from sandbox.aws_provider import SmallAwsProvider
from sandbox.engine.plugin import Plugin
from tests.sandbox.stopped_clock import StoppedClock

ACCOUNT = "222222222222"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}
READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
ROLE = "urn:pulumi:dev::proj::aws:iam/role:Role::{}"
POLICY = "urn:pulumi:dev::proj::aws:iam/rolePolicy:RolePolicy::{}"
EXCLUSIVE = "urn:pulumi:dev::proj::aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive::{}"
OIDC = "urn:pulumi:dev::proj::aws:iam/openIdConnectProvider:OpenIdConnectProvider::{}"
ISSUER = "api.bitbucket.org/2.0/workspaces/{}/pipelines-config/identity/oidc"


def configured(endpoint: str, loop: asyncio.AbstractEventLoop, **more: object) -> Plugin:
    return configure(Plugin(SmallAwsProvider(retries=StoppedClock().retries()), loop), endpoint, **more)


def configure(plugin: Plugin, endpoint: str, **more: object) -> Plugin:
    endpoints = json.dumps([{"iam": endpoint, "sts": endpoint}])
    keys = {"accessKey": ACCOUNT, "secretKey": "test", "region": "us-east-1"}
    plugin.configure("urn:pulumi:dev::proj::pulumi:providers:aws::p", {**keys, "endpoints": endpoints, **more})
    return plugin


class Managed:
    """One resource taken through its life, as the engine does it."""

    def __init__(self, plugin: Plugin, urn: str, **inputs: object) -> None:
        self.plugin, self.urn = plugin, urn
        self.inputs = plugin.check(urn, {}, inputs)
        self.id, self.outputs = plugin.create(urn, self.inputs, 0, preview=False)

    def diff(self, **inputs: object) -> Any:
        checked = self.plugin.check(self.urn, self.inputs, inputs)
        return self.plugin.diff(self.urn, self.id, (self.inputs, self.outputs), checked, [])

    def update(self, **inputs: object) -> None:
        checked = self.plugin.check(self.urn, self.inputs, inputs)
        self.outputs = self.plugin.update(self.urn, self.id, self.outputs, checked, 0, preview=False)
        self.inputs = checked

    def refresh(self) -> bool:
        found, inputs, outputs = self.plugin.read(self.urn, self.id, self.inputs, self.outputs)
        if found:
            self.inputs, self.outputs = inputs, outputs
        return bool(found)

    def delete(self) -> None:
        self.plugin.delete(self.urn, self.id, self.outputs, 0)


def role_inputs(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "assumeRolePolicy": json.dumps(TRUST), "forceDetachPolicies": True, **more}
