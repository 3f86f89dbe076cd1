"""The small AWS provider in front of emulated accounts, one emulator for each module that asks for it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from sandbox.emulated_aws import EmulatedAws
from sandbox.engine.plugin import Plugin
from tests.sandbox.managed_resources import ACCOUNT, configured


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with EmulatedAws(tmp_path_factory.mktemp("aws"), issuers=None) as emulated:
        yield emulated.endpoint


@pytest.fixture(scope="module")
def iam(endpoint: str) -> Any:
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return boto3.client("iam", endpoint_url=endpoint, **keys)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.fixture(scope="module")
def plugin(endpoint: str, loop: asyncio.AbstractEventLoop) -> Plugin:
    return configured(endpoint, loop)
