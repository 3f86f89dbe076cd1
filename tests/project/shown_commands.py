"""Commands as the docs show them: ours run, those of other programs are held against their options."""

import contextlib
import io
import itertools
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.loaders import Loader

from cli.main import run
from config.load import load_inventory
from config.models.workspace import Workspace
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulated_bitbucket.workspaces import (
    EmulatedEnvironment,
    EmulatedRepository,
    EmulatedWorkspace,
    random_uuid,
)
from tests.access.adoption_of_plans import found_in
from tests.cli.recorded_event import event
from tests.project.pages import PROJECT, Block

PULUMI_OPTIONS = {
    "cancel": {"--stack"},
    "config": {"--path", "--stack"},
    "import": {"--file", "--generate-code", "--protect", "--yes"},
    "login": {"--local"},
    "preview": {"--stack"},
    "refresh": {"--clear-pending-creates", "--import-pending-creates", "--stack"},
    "stack": {"--file", "--secrets-provider", "--stack"},
    "up": {"--config", "--stack"},
}
"""Commands of the Pulumi CLI that the docs show, with those of their options that they use, as its help lists them."""

CLI_NAMES = {"s3api": "s3"}
"""Services whose name in the AWS CLI is not that of their model."""


def run_each_line(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in block.text.splitlines():
        filled = re.sub(r"\$\(cat (\S+)\)", lambda named: Path(named[1]).read_text(), line)
        shown, _, written = filled.partition(" > ")
        program, *arguments = without_variables(shlex.split(shown))
        if arguments[0] == "pulumi":  # the Pulumi CLI would replace this process
            assert_is_command_of_another_program("pulumi", arguments[1:])
        elif program.endswith("bitbucket-oidc"):
            if arguments[0] == "adopt":
                monkeypatch.setattr("cli.adopt._read_accounts", lambda plan, *_: tuple(found_in(plan)))
            if "--check" in arguments and arguments[0] == "bootstrap":  # it has no account to ask
                monkeypatch.setattr("cli.bootstrap._check", lambda *_: 0)
            if "--deploy" in arguments and arguments[0] == "bootstrap":  # as above
                monkeypatch.setattr("cli.bootstrap._deploy", lambda *_: 0)
            if arguments[:2] == ["sandbox", "serve"]:
                serve_for_a_moment(arguments, monkeypatch)
            with contextlib.redirect_stdout(io.StringIO()) as out:
                assert run(arguments) == 0, line
            if written:
                Path(written).write_text(out.getvalue())
        else:
            assert_is_command_of_another_program(program, arguments)
            if written and arguments[:2] == ["cloudtrail", "lookup-events"]:
                Path(written).write_text(json.dumps({"Events": [{"CloudTrailEvent": json.dumps(event())}]}))


@contextlib.contextmanager
def bitbucket_for(block: Block, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve the Bitbucket that commands of a block ask, with the names that the inventory has."""
    if "bitbucket-oidc lock" not in block.text:
        yield
        return
    declared = load_inventory(Path("inventory")).inventory.workspaces
    workspaces = [emulated(slug, workspace) for slug, workspace in declared.items()]
    with EmulatedBitbucket(Path(".sandbox/of-the-docs"), workspaces) as bitbucket:
        monkeypatch.setenv("BITBUCKET_API_URL", bitbucket.api_url)
        monkeypatch.setenv("BITBUCKET_CA_FILE", str(bitbucket.ca_file))
        monkeypatch.setenv("BITBUCKET_ACCESS_TOKEN", SANDBOX_TOKEN)
        yield


def emulated(slug: str, workspace: Workspace) -> EmulatedWorkspace:
    """Return a workspace with everything that the inventory names in it; Bitbucket knows the UUIDs left out."""

    def uuid_of(written: object) -> str:
        return str(written) if written else random_uuid()

    repositories = tuple(
        EmulatedRepository(
            name,
            uuid_of(repository.uuid),
            tuple(EmulatedEnvironment(key, uuid_of(found.uuid)) for key, found in repository.environments.items()),
        )
        for name, repository in workspace.repositories.items()
    )
    return EmulatedWorkspace(slug, uuid_of(workspace.uuid), repositories)


def assert_is_command_of_another_program(program: str, arguments: list[str]) -> None:
    if program == "make":
        makefile = (PROJECT / "Makefile").read_text()
        assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in arguments if "=" not in target)
    elif program == "aws":
        assert_is_aws_command(*arguments)
    else:
        of_others = (["git", "pull"], ["git", "revert", "--no-edit", "HEAD"])
        begin = (
            ["docker", "buildx"],
            ["docker", "build"],
            ["git", "archive"],
            ["curl", "--fail"],
            ["uv", "tool"],
        )
        if [program, *arguments] in of_others or [program, arguments[0]] in begin:
            return
        assert program == "pulumi", program
        options = {argument for argument in arguments if argument.startswith("--")}
        assert {option.partition("=")[0] for option in options} <= PULUMI_OPTIONS.get(arguments[0], set()), arguments


def without_variables(words: list[str]) -> list[str]:
    """Leave out what stands before a command to set its variables."""
    return list(itertools.dropwhile(lambda word: re.match(r"[A-Z_]+=", word), words))


def serve_for_a_moment(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring the sandbox up unless its accounts are new, and let `serve` be interrupted as soon as it waits."""

    def interrupted(_endpoint: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sandbox.running_sandbox.stay_until_gone", interrupted)
    if "--new-accounts" not in arguments:
        assert run(["sandbox", "up", "inventory", "--engine", "builtin"]) == 0


def assert_is_aws_command(service: str, operation: str, *arguments: str) -> None:
    """Hold a line of the AWS CLI against AWS's service model, from which the CLI makes its options."""
    model = Loader().load_service_model(CLI_NAMES.get(service, service), "service-2")
    name = next(found for found in model["operations"] if xform_name(found, "-") == operation)
    shape = model["shapes"][model["operations"][name]["input"]["shape"]]
    options = {f"--{xform_name(member, '-')}" for member in shape["members"]}
    required = {f"--{xform_name(member, '-')}" for member in shape.get("required", ())}
    given = {argument for argument in arguments if argument.startswith("--")}
    assert required <= given <= options
