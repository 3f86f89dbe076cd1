"""The official AWS plugin in the sandbox, told by a stand-in: it checks its credentials before it reads `endpoints`."""

import shlex
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from cli.main import run
from tests.sandbox.running_engine import NEEDS_CLI

STAND_IN = '''
"""Checks its credentials as pulumi-aws does: with the profile of its inputs or of the environment, without `endpoints`.

It notes each host that it would call, and calls only loopback."""

import sys
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.session import Session

from facts.aws.callers import service_models
from sandbox.aws_provider.__main__ import serve
from sandbox.aws_provider.account import connect_as_platform_engineer
from sandbox.aws_provider.configuration import parse
from sandbox.aws_provider.provider import SmallAwsProvider
from sandbox.engine.values import from_property_values


def note(request, **_):
    host = urlsplit(request.url).hostname
    with Path({asked!r}).open("a") as asked:
        asked.write(f"{{host}}\\n")
    if host != "127.0.0.1":
        raise RuntimeError(f"a call leaves this machine: {{request.url}}")


def client(**keys):
    session = Session()
    session.register_component("data_loader", service_models())
    made = boto3.Session(botocore_session=session, region_name="us-east-1", **keys).client("sts")
    made.meta.events.register("before-send", note)
    return made


class Official(SmallAwsProvider):
    async def configure(self, request):
        found = parse(from_property_values(request.args))
        sts = client(profile_name=found.profile or None)
        for role in found.assume_roles:
            given = {{"ExternalId": role.external_id}} if role.external_id else {{}}
            answer = sts.assume_role(RoleArn=role.role_arn, RoleSessionName=role.session_name, **given)["Credentials"]
            sts = client(
                aws_access_key_id=answer["AccessKeyId"],
                aws_secret_access_key=answer["SecretAccessKey"],
                aws_session_token=answer["SessionToken"],
            )
        sts.get_caller_identity()
        return await super().configure(request)


serve(Official(connect=connect_as_platform_engineer), sys.argv[1:], version("pulumi-aws"))
'''

INVENTORY = """
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories: {shop: {uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", environments: {
      production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"}}}
accounts:
  assumed: {id: "222222222222", deploy_role: {arn: "arn:aws:iam::222222222222:role/PulumiDeploy", external_id: e-7}}
  both: {id: "444444444444", profile: fourth, deploy_role: "arn:aws:iam::444444444444:role/PulumiDeploy"}
roles:
  shop:
    accounts: [assumed, both]
    trust: [{repository: acme/shop, environments: [production]}]
"""


@pytest.fixture
def asked(tmp_path: Path, project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the stand-in as the user's official plugin; return the file of the hosts that it would call."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL_STS"):
        monkeypatch.setenv(name, "somebodys")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    script, hosts = tmp_path / "stand_in.py", tmp_path / "asked"
    script.write_text(STAND_IN.format(asked=str(hosts)))
    plugin = tmp_path / "home" / "plugins" / f"resource-aws-v{version('pulumi-aws')}" / "pulumi-resource-aws"
    plugin.parent.mkdir(parents=True)
    command = shlex.join([sys.executable, str(script)])
    plugin.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(project_folder))} exec {command} "$@"\n')
    plugin.chmod(0o755)
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    return hosts


@NEEDS_CLI
def test_a_run_with_the_official_plugin_asks_loopback_alone(asked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--engine", "pulumi", "--aws-plugin", "official"]
    assert run(["sandbox", "preview", "inventory.yaml", *options]) == 0, capsys.readouterr().err
    assert set(asked.read_text().split()) == {"127.0.0.1"}
