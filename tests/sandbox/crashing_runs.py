"""Runs of the built-in engine that die of SIGKILL at a moment of one's choice; no test, but what tests start.

A moment is a text. ``begun`` and ``done`` stand around a step, ``before`` and ``after`` around each call to AWS that
changes something, ``torn`` in the middle of a line of the journal or of the state file::

    before 222222222222 CreateRole shop
    torn begin RolePolicy prod/shop/publish

As a program it imports and reads once what every run needs, and forks for every line on its standard input: a run is
then a separate process at little cost. It answers each line with the exit status, and how the run ended or which
moments it had.
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from cli.main import run
from config.load import load_inventory
from fleet.pulumi_cli import urns
from fleet.pulumi_cli.steps import Operation, Phase, Step
from oidc.errors import BitbucketOidcError
from sandbox import run as sandbox_run
from sandbox.aws_provider.account import connect_as_platform_engineer
from sandbox.aws_provider.configuration import Configuration
from sandbox.aws_provider.provider import SmallAwsProvider
from sandbox.aws_provider.retries import AwsRetries
from sandbox.emulated_aws.prepare_accounts import RootUsers
from sandbox.engine.builtin import BuiltinEngine
from sandbox.engine.program import Program
from sandbox.engine.state_file import write_bytes
from sandbox.session import PROJECT, PROJECT_FOLDER, STACK

_NAMES = ("RoleName", "PolicyName", "PolicyArn", "ClientID", "Url", "OpenIDConnectProviderArn")


class Moments:
    """Counts the moments of a run and kills the process at one of them.

    Args:
        fatal: Says of a moment whether it is the last.
        with_children: Whether its child processes, the emulator, are killed too.
    """

    def __init__(self, fatal: Callable[[str], bool], *, with_children: bool = False) -> None:
        self._fatal = fatal
        self._with_children = with_children
        self.seen: list[str] = []

    def __call__(self, moment: str) -> None:
        self.seen.append(moment)
        if not self._fatal(moment):
            return
        if self._with_children:
            for children in Path("/proc/self/task").glob("*/children"):
                for child in children.read_text().split():
                    os.kill(int(child), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def on_step(self, step: Step) -> None:
        if step.operation is not Operation.SAME and step.phase is not Phase.FAILED:
            self(f"{step.phase} {step.operation} {step.type.rpartition(':')[2]} {step.name}")

    def write(self, file: IO[bytes], content: bytes) -> None:
        half = len(content) // 2
        write_bytes(file, content[:half])
        self(f"torn {_written(content)}")
        write_bytes(file, content[half:])

    def connect(self, configuration: Configuration, retries: AwsRetries) -> Any:
        iam, account = connect_as_platform_engineer(configuration, retries), configuration.allowed_account_ids[0]

        def before(model: Any, params: Any, context: Any, **_: Any) -> None:
            if not model.name.startswith(("Get", "List")):
                names = [str(params["body"][name]) for name in _NAMES if name in params["body"]]
                context["moment"] = " ".join([account, model.name, *names])
                self(f"before {context['moment']}")

        def after(context: Any, **_: Any) -> None:
            if "moment" in context:
                self(f"after {context['moment']}")

        iam.meta.events.register("before-call.iam", before)
        iam.meta.events.register("after-call.iam", after)
        return iam


def _written(content: bytes) -> str:
    document = json.loads(content)
    if "deployment" in document:
        return "state file"
    found = [key for key in ("continues", "drop", "end") if key in document]
    for key in ("begin", "put"):
        for one in document.get(key, {}).values():
            urn = one.get("resource", one)["urn"]
            found.append(f"{key} {urns.resource_type(urn).rpartition(':')[2]} {urns.name(urn)}")
    return " ".join(found)


class MortalEngine(BuiltinEngine):
    """The built-in engine, with moments."""

    moments: Moments

    def __init__(self, program: Program, state_file: Path, *others: Any, **rest: Any) -> None:
        moments = self.moments
        factories = {"aws": lambda: SmallAwsProvider(connect=moments.connect)}
        rest = {name: value for name, value in rest.items() if name == "endpoints"}
        super().__init__(program, state_file, factories, moments.on_step, write=moments.write, **rest)


def run_command(arguments: list[str], moments: Moments) -> int:
    """Run ``bitbucket-oidc`` until it ends or dies."""
    MortalEngine.moments = moments
    # The very place where the command takes it from.
    vars(sandbox_run)["BuiltinEngine"] = MortalEngine
    return run(arguments)


def _run_engine(request: dict[str, Any]) -> dict[str, Any]:
    moments = MortalEngine.moments = Moments(lambda moment: moment == request["die"])
    program = Program(PROJECT_FOLDER, PROJECT, STACK, config=request["config"])
    endpoints = {"iam": request["endpoint"], "sts": request["endpoint"]}
    engine = MortalEngine(program, Path(request["state_file"]), endpoints=endpoints)
    try:
        summary = engine.up() if request["action"] == "up" else engine.destroy()
    except BitbucketOidcError as error:
        return {"error": str(error)}
    return {"moments": moments.seen, "changes": summary.changes}


def _warm_up() -> None:
    """Import the program's component, complete the inventory's model, and read AWS's service models."""
    importlib.import_module("components.bitbucket_oidc")
    load_inventory(PROJECT_FOLDER / "tests" / "fixtures" / "inventories" / "two-accounts")
    with closing(RootUsers("http://127.0.0.1:1")) as roots:
        for service in ("iam", "sts"):
            roots.client("111111111111", service)


def _serve() -> None:
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            os.write(writing, json.dumps(_run_engine(json.loads(line))).encode())
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as answers:  # noqa: PTH123 - a descriptor, no path
            answer = answers.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(json.dumps({"status": status, **json.loads(answer or b"{}")}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        wanted, whom = sys.argv[1], sys.argv[2]
        sys.exit(run_command(sys.argv[3:], Moments(lambda one: one.startswith(wanted), with_children=whom == "all")))
    _warm_up()
    _serve()
