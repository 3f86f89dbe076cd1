"""Adopt what an account has, and import it into the sandbox's stack as a user does."""

import json
from pathlib import Path

from cli.main import run
from fleet.pulumi_cli.installed_cli import find_cli
from sandbox.pulumi_cli.engine import PulumiCliEngine
from tests.sandbox.life_cycle.one_stack import OneStack
from tests.sandbox.running_engine import ignore


def adopt(stack: OneStack) -> int:
    return run(["adopt", str(stack.folder), "--aws", "--aws-endpoint", stack.running.aws.endpoint])


def imported(stack: OneStack) -> None:
    """Run ``pulumi import`` as its user does, in the sandbox's stack and towards its accounts."""
    endpoints = {"iam": stack.running.aws.endpoint, "sts": stack.running.aws.endpoint}
    quietly = ["--yes", "--skip-preview", "--generate-code=false", "--protect=false"]
    with stack.running.session(stack.write()) as session:
        engine = PulumiCliEngine(
            find_cli(), session.program, session.subject.folder.resolve() / "pulumi",
            endpoints=endpoints, on_step=ignore, on_log=ignore,
        )  # fmt: skip
        engine.stack.prepare(endpoints)
        where = ["--stack", session.program.stack, "--config-file", str(engine.stack.config_file)]
        for name in ("import-1.json", "import-2.json"):
            file = towards(endpoints, Path(name).resolve())
            finished = engine.stack.cli.run(["import", "--file", str(file), *quietly, *where], session.program.folder)
            assert finished.code == 0, finished.stderr


def towards(endpoints: dict[str, str], file: Path) -> Path:
    content = json.loads(file.read_text())
    for one in content["resources"]:
        if one["type"] == "pulumi:providers:aws":
            one["inputs"]["endpoints"] = json.dumps([endpoints])
    file.write_text(json.dumps(content))
    return file
