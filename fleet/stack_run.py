"""One run of one stack of the fleet: what is asked for, the commands that do it, and its result."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from access.aws_profiles import refuse_keys_before_profiles
from access.digests import AppliedSettings, plan_digests
from access.plan import AccessPlan, AccountPlan
from components.aws_provider import AwsSettings
from components.bitbucket_oidc import register_stack
from config.project_file import PROJECT
from fleet.machine import Machine
from fleet.pulumi_cli import steps
from fleet.pulumi_cli.cli_process import CliProcess, RunningCommands, failure
from fleet.pulumi_cli.installed_cli import INSTALL
from fleet.pulumi_cli.language_server import InlineProgram, serving
from fleet.pulumi_cli.stack_cli import RunLimits, StackCli
from fleet.pulumi_cli.stack_folder import StackFolder, secrets_settings, stack_folder
from fleet.stack_job import Operation, StackJob, StackResult
from oidc.errors import BitbucketOidcError, EngineError
from oidc.thumbprint import Thumbprint


@dataclass(frozen=True, slots=True)
class StackRunner:
    """Runs stacks, several at the same time, each with one process of the CLI and a program in this process.

    The program uses neither the environment nor the working directory of this process, which all stacks share.

    Attributes:
        machine: With the CLI.
        settings: Of all stacks of the fleet.
        thumbprints: By URL of the issuer, for all stacks.
        secrets_provider: Of new stacks: ``awskms://alias/pulumi``; ``None`` for the backend's default.
        limits: Of each stack.
        running: The commands that run now.
    """

    machine: Machine
    settings: AppliedSettings
    thumbprints: Mapping[str, Thumbprint]
    secrets_provider: str | None = None
    limits: RunLimits = field(default_factory=RunLimits)
    running: RunningCommands = field(default_factory=RunningCommands)

    def prepare(self) -> None:
        """Install the AWS plugin if it is missing: once, since runs that share ``PULUMI_HOME`` would race for it.

        Raises:
            EngineError: There is no CLI, or it cannot install the plugin.
        """
        environment = self._environment()
        plugin = version("pulumi-aws")
        if _has_plugin(environment, plugin) or environment.get(_NO_ACQUISITION, "").lower() in _TRUE:
            return
        with stack_folder("plugin") as folder:
            cli = self._cli(folder, environment)
            finished = cli.run(["plugin", "install", "resource", "aws", plugin], folder.path)
        if finished.code != 0:
            raise failure([], finished)

    def interrupt(self) -> None:
        """Interrupt all runs, and start no further command: each CLI ends its running steps and saves its state."""
        self.running.interrupt()

    def run(self, job: StackJob, operation: Operation, on_step: Callable[[steps.Step], None]) -> StackResult:
        """Run a stack to its end. What fails is in the result.

        A run that takes resources up or clears pending operations does so in commands before the last one: ``up`` with
        the imports, then ``refresh``, which drops what was pending. Nothing is deleted for it. Before ``destroy``, the
        program registers only what is taken up, so it creates nothing else.

        Args:
            job: The stack.
            operation: What to do with it.
            on_step: Called in this thread when a step begins, is done or has failed.
        """
        stack: StackCli | None = None
        reason = do = ""
        try:
            refuse_keys_before_profiles(job.plan, self.machine.environment)
            job = _taken_up_alone(job) if operation is Operation.DESTROY else job
            with self._opened(job, operation, on_step) as stack:
                self._operate(stack, job, operation)
        except BitbucketOidcError as error:
            reason, do = error.what, error.do
        return StackResult(
            job.key,
            ok=not reason,
            reason=reason,
            do=do,
            counts=dict(stack.counts) if stack else {},
            retries=stack.retries if stack else 0,
            is_interrupted=bool(reason) and (self.running.is_interrupted or (stack is not None and stack.is_killed)),
        )

    @contextmanager
    def _opened(self, job: StackJob, operation: Operation, on_step: Callable[[steps.Step], None]) -> Iterator[StackCli]:
        """Make the working directory, serve the program, and make or rename the stack."""
        program = InlineProgram(lambda: self._register(job, job.take_up))
        with stack_folder(job.key) as folder, serving(program) as address:
            environment = self._environment()
            stack = StackCli(self._cli(folder, environment), folder, program, address, self.limits, on_step)
            # NOTE: intentional: a preview makes and renames no stack; it works on a copy in the working directory.
            is_copy = operation is Operation.PREVIEW and (job.is_new or job.rename_from is not None)
            if is_copy and job.rename_from is not None:
                stack.command("stack", "export", "--file", _COPY, "--stack", job.rename_from)
            if is_copy:
                stack.cli = self._cli(folder, _with_backend_in(folder, environment, is_new=job.is_new))
            if is_copy and job.rename_from is not None:
                stack.command("stack", "init", job.rename_from, "--no-select")
                stack.command("stack", "import", "--file", _COPY, "--stack", job.rename_from)
            if job.rename_from is not None:
                stack.command("stack", "rename", job.key, "--stack", job.rename_from)
                folder.config_file.unlink(missing_ok=True)
            elif job.is_new:
                secrets = ["--secrets-provider", self.secrets_provider] if self.secrets_provider and not is_copy else []
                stack.command("stack", "init", job.key, "--no-select", *secrets)
            is_made = job.is_new and job.rename_from is None
            of_state = {} if is_made else secrets_settings(job.secrets_provider_of_state, self.secrets_provider)
            folder.write_config(of_state, self.machine.project_config)
            yield stack

    def _operate(self, stack: StackCli, job: StackJob, operation: Operation) -> None:
        if operation is Operation.PREVIEW:
            stack.operate("preview")
            return
        if job.take_up:
            stack.operate("up", *_UNASKED)
            stack.program.registers = lambda: self._register(job, ())
            if operation is Operation.DESTROY:
                # An import leaves `forceDetachPolicies` out, without which a role that has policies is not deleted.
                stack.operate("up", *_UNASKED)
        if job.clear_pending:
            stack.operate("refresh", *_UNASKED, "--clear-pending-creates")
        if job.unprotect and operation is Operation.DESTROY:
            stack.command("state", "unprotect", "--all", "--yes", "--stack", job.key)
        stack.operate(operation, *_UNASKED)

    def _register(self, job: StackJob, take_up: tuple[str, ...]) -> None:
        register_stack(
            job.plan,
            aws_settings=AwsSettings(f"{PROJECT}/{job.key}", self.machine.endpoint),
            thumbprints=self.thumbprints,
            protect_oidc_providers=self.settings.protects_oidc_providers,
            take_up=take_up,
            digest=plan_digests(job.plan, self.settings).digest,
        )

    def _cli(self, folder: StackFolder, environment: Mapping[str, str]) -> CliProcess:
        if self.machine.cli is None:
            raise EngineError("the Pulumi CLI is not on PATH", do=INSTALL)
        return CliProcess(self.machine.cli, environment, folder.path / "pulumi.log", self.running)

    def _environment(self) -> dict[str, str]:
        # The user's own, so credentials, PULUMI_HOME, PULUMI_CONFIG_PASSPHRASE and PULUMI_ACCESS_TOKEN pass through.
        return {
            **self.machine.environment,
            "PULUMI_BACKEND_URL": self.machine.backend,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # Without it, a preview prints one document at its end instead of its events.
            "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true",
        }


def _taken_up_alone(job: StackJob) -> StackJob:
    """Return the job with only those roles and OIDC providers that it takes up."""

    def kept(account: AccountPlan) -> AccountPlan:
        roles = tuple(role for role in account.roles if role.arn in job.take_up)
        oidc_providers = tuple(provider for provider in account.oidc_providers if provider.arn in job.take_up)
        return replace(account, roles=roles, oidc_providers=oidc_providers)

    return replace(job, plan=AccessPlan(tuple(map(kept, job.plan.accounts))))


_UNASKED = ("--yes", "--skip-preview")
_COPY = "copied-state.json"
_NO_ACQUISITION = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
_TRUE = frozenset({"1", "true"})


def _with_backend_in(folder: StackFolder, environment: Mapping[str, str], *, is_new: bool) -> dict[str, str]:
    """Return the environment with a backend in the working directory; a new stack there needs no user's passphrase."""
    backend = folder.path / "backend"
    backend.mkdir()
    own = {**environment, "PULUMI_BACKEND_URL": f"file://{backend}"}
    if is_new:
        own.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        own["PULUMI_CONFIG_PASSPHRASE"] = "preview"  # noqa: S105 - of a state without secrets, removed after the run
    return own


def _has_plugin(environment: Mapping[str, str], plugin_version: str) -> bool:
    """Tell whether the CLI has the AWS plugin: on ``PATH``, or in ``plugins`` of ``PULUMI_HOME``.

    Source: https://www.pulumi.com/docs/iac/concepts/plugins/.
    """
    if shutil.which("pulumi-resource-aws", path=environment.get("PATH")):
        return True
    home = environment.get("PULUMI_HOME")
    plugins = Path(home) if home else Path(environment.get("HOME", "~")).expanduser() / ".pulumi"
    return (plugins / "plugins" / f"resource-aws-v{plugin_version}" / "pulumi-resource-aws").is_file()
