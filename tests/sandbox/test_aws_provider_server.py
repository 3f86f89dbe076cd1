"""The small AWS provider as a plugin process, called as the Pulumi CLI calls it."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import grpc  # type: ignore[import-untyped]  # its stubs are not a dependency
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.engine.values import Empty, to_struct

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plugin() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    command = [sys.executable, "-m", "sandbox.aws_provider", "127.0.0.1:1"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
        process.terminate()


def test_the_plugin_has_the_version_of_pulumi_aws(plugin: provider_pb2_grpc.ResourceProviderStub) -> None:
    assert plugin.GetPluginInfo(Empty()).version == version("pulumi-aws")


def test_an_error_reaches_the_cli_as_a_sentence_without_a_traceback(
    plugin: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    endpoints = '[{"iam": "https://iam.amazonaws.com", "sts": "http://127.0.0.1:1"}]'
    with pytest.raises(grpc.RpcError) as caught:
        plugin.Configure(provider_pb2.ConfigureRequest(args=to_struct({"region": "x", "endpoints": endpoints})))
    assert caught.value.details() == (
        "the sandbox's AWS provider: the endpoint of iam is https://iam.amazonaws.com; the sandbox allows "
        "loopback alone; for real AWS accounts run pulumi up"
    )


def test_a_check_answers_on_the_wire(plugin: provider_pb2_grpc.ResourceProviderStub) -> None:
    urn = "urn:pulumi:dev::proj::aws:iam/rolePolicy:RolePolicy::p"
    answer = plugin.Check(provider_pb2.CheckRequest(urn=urn, news=to_struct({"name": "p", "role": "r"})))
    assert [(one.property, one.reason) for one in answer.failures] == [("policy", "is required")]


def test_a_changed_configuration_is_told_from_one_written_differently(
    plugin: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    urn = "urn:pulumi:dev::proj::pulumi:providers:aws::p"
    old = to_struct({"assumeRoles": '[{"roleArn": "r"}]'})
    kinds = provider_pb2.DiffResponse
    for text, kind in ('[{"roleArn":"r"}]', kinds.DIFF_NONE), ('[{"roleArn":"s"}]', kinds.DIFF_SOME):
        answer = plugin.DiffConfig(provider_pb2.DiffRequest(urn=urn, olds=old, news=to_struct({"assumeRoles": text})))
        assert answer.changes == kind
