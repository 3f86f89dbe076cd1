"""The Pulumi CLI as the sandbox's engine: the real one, on emulated accounts, with a backend of files, offline.

It gives the same steps and summaries as the built-in engine, so that nobody who looks at a run needs to know which one
made it.
"""

from sandbox.pulumi_cli.cli_engine import AwsPlugin, PulumiCliEngine
from sandbox.pulumi_cli.environment import InstalledCli, find_cli, installed_cli

__all__ = ["AwsPlugin", "InstalledCli", "PulumiCliEngine", "find_cli", "installed_cli"]
