"""Run a Pulumi program on the SDK's own mocks, and see every registration that it made."""

import asyncio
import contextvars
import runpy
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import set_all_config, set_mocks
from pulumi.runtime.rpc import deserialize_properties
from pulumi.runtime.settings import set_root_resource
from pulumi.runtime.stack import run_in_stack

PROJECT, STACK = "bitbucket-aws-oidc", "test"


@dataclass
class Registration:
    """One RegisterResource request, as far as tests look at it."""

    urn: str
    type: str
    name: str
    parent: str
    provider: str
    protect: bool
    import_id: str
    retain_on_delete: bool
    ignore_changes: list[str]
    dependencies: list[str]
    inputs: dict[str, Any]


@dataclass
class Registered:
    """All registrations of a run in order; ids that it read by name; outputs of components and the stack by URN."""

    resources: list[Registration] = field(default_factory=list)
    read: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def of(self, type_: str) -> dict[str, Registration]:
        return {resource.name: resource for resource in self.resources if resource.type == type_}


class _Mocks(pulumi_mocks.Mocks):
    def new_resource(self, args: pulumi_mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        outputs = dict(args.inputs)
        if args.typ == "aws:iam/role:Role":
            outputs["arn"] = f"arn:of:{args.name}"
        if args.typ == "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
            outputs["arn"] = f"arn:of:{args.name}"
        return f"{args.name}-id", outputs

    def call(self, args: pulumi_mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program called {args.token}")


class _RecordingMonitor(pulumi_mocks.MockMonitor):
    def __init__(self, registered: Registered) -> None:
        super().__init__(_Mocks())
        self._registered = registered

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name of the RPC
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # the SDK has no types here
        inputs = deserialize_properties(request.object)
        registration = Registration(
            urn=response.urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            provider=request.provider,
            protect=request.protect,
            import_id=request.importId,
            retain_on_delete=request.retainOnDelete,
            ignore_changes=list(request.ignoreChanges),
            dependencies=list(request.dependencies),
            inputs=inputs,
        )
        self._registered.resources.append(registration)
        _close_loop_of_this_thread()
        return response

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - as above
        self._registered.read[request.name] = request.id
        return super().ReadResource(request)  # type: ignore[no-untyped-call]  # as above

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - as above
        self._registered.outputs[request.urn] = deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]  # as above


def _close_loop_of_this_thread() -> None:
    """Close the event loop that the SDK's mocks make in each thread of the pool, which would stay open for good."""
    with suppress(RuntimeError):  # there is none: the mocks make no loop for the stack itself
        loop = asyncio.get_event_loop()
        if not loop.is_running():
            loop.close()
            asyncio.set_event_loop(None)


Run = Callable[..., Registered]


@pytest.fixture
def run_program() -> Run:
    """Return what runs a function as a Pulumi program, in a context and on a separate event loop."""

    def run(program: Callable[[], None], config: Mapping[str, str] | None = None, stack: str = STACK) -> Registered:
        registered = Registered()

        def run_in_context() -> None:
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            try:
                monitor = _RecordingMonitor(registered)
                set_mocks(_Mocks(), project=PROJECT, stack=stack, preview=False, monitor=monitor)
                set_root_resource(None)  # type: ignore[arg-type]  # the mocks made a stack; run_in_stack makes its own
                set_all_config({f"{PROJECT}:{key}": value for key, value in (config or {}).items()})
                loop.run_until_complete(run_in_stack(program))
            finally:
                asyncio.set_event_loop(None)
                loop.close()

        contextvars.copy_context().run(run_in_context)
        return registered

    return run


@pytest.fixture
def run(run_program: Run, project_folder: Path) -> Run:
    """Return what runs the program itself on an inventory, with a stack config."""

    def run_main(inventory: Path, stack: str = STACK, **config: str) -> Registered:
        main = str(project_folder / "__main__.py")
        return run_program(
            lambda: runpy.run_path(main, run_name="__main__"), {"inventory": str(inventory)} | config, stack
        )

    return run_main


def stack_outputs(registered: Registered) -> Mapping[str, Any]:
    return next(outputs for urn, outputs in registered.outputs.items() if "pulumi:pulumi:Stack::" in urn)
