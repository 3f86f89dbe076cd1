"""The Pulumi program against a bare loop that registers the same resources, on the same in-memory monitor.

The loop runs with the garbage collector, which is Python's default. Without it in both, the ratio is 1.3 to 1.5, due to
parents, dependencies, outputs and the deeper stack, of which Pulumi's SDK records every frame.
"""

import asyncio
import contextvars
import gc
import runpy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi.runtime import mocks, set_mocks
from pulumi.runtime.settings import set_root_resource
from pulumi.runtime.stack import run_in_stack

from bench.large_inventory import write_large_inventory

_MAIN = Path(__file__).resolve().parent.parent / "__main__.py"
_RESOURCES_PER_ROLE = 3
_RUNS = 5


class _Mocks(mocks.Mocks):
    """Answers every registration with its inputs, and counts."""

    def __init__(self) -> None:
        self.registered: list[mocks.MockResourceArgs] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Return the resource's name as its id."""
        self.registered.append(args)
        return args.name, dict(args.inputs) | {"arn": args.name}

    def call(self, _args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Refuse: the program calls no function of a provider."""
        raise AssertionError


def program_ratio(resources: int) -> float:
    """Return the time of the program over that of a bare loop, for about so many resources."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "inventory"
        roles = resources // _RESOURCES_PER_ROLE
        write_large_inventory(folder, roles=roles, repositories=roles // 5, accounts=10, files=20)
        program = _program(folder)
        registered = _run(program)[1]
        ratios = [_run(program)[0] / _run(_bare_loop(registered))[0] for _ in range(_RUNS)]
        return sorted(ratios)[_RUNS // 2]


def _program(folder: Path) -> Callable[[], None]:
    def run() -> None:
        pulumi.runtime.set_all_config({"bench:inventory": str(folder)})
        runpy.run_path(str(_MAIN), run_name="__main__")

    return run


class _BareComponent(pulumi.ComponentResource):
    """A component without logic."""


_CLASSES = {
    "aws:iam/role:Role": aws.iam.Role,
    "aws:iam/rolePolicy:RolePolicy": aws.iam.RolePolicy,
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": aws.iam.RolePolicyAttachmentsExclusive,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": aws.iam.OpenIdConnectProvider,
}


def _bare_loop(registered: list[mocks.MockResourceArgs]) -> Callable[[], None]:
    """Register the same resources by the same classes, with ready arguments and nothing around them."""
    ready = [(args, {_snake(key): value for key, value in args.inputs.items()}) for args in registered]

    def run() -> None:
        provider = aws.Provider("bare", region="us-east-1")
        options = pulumi.ResourceOptions(provider=provider)
        for args, inputs in ready:
            if args.typ in _CLASSES:
                _CLASSES[args.typ](args.name, **inputs, opts=options)
            elif not args.custom:
                _BareComponent(args.typ, args.name).register_outputs({})

    return run


def _snake(name: str) -> str:
    return "".join(f"_{character.lower()}" if character.isupper() else character for character in name)


def _run(program: Callable[[], None]) -> tuple[float, list[mocks.MockResourceArgs]]:
    """Run a program as in a new process; return its processor time in seconds, and its registrations."""
    answering = _Mocks()

    def timed() -> float:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        set_mocks(answering, project="bench", stack="bench")
        set_root_resource(None)  # type: ignore[arg-type]  # the mocks made a stack; run_in_stack makes its own
        gc.enable()  # as at the start of a process; objects of the run before are collected first
        gc.collect()
        start = time.process_time()
        loop.run_until_complete(run_in_stack(program))
        took = time.process_time() - start
        asyncio.set_event_loop(None)
        loop.close()
        return took

    took: float = contextvars.copy_context().run(timed)
    return took, answering.registered
