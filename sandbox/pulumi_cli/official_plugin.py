"""The official AWS plugin, where somebody has installed it."""

import os
from collections.abc import Mapping
from pathlib import Path

from oidc.errors import SandboxError
from sandbox.pulumi_cli.environment import home_folder

_NAME = "pulumi-resource-aws"


def use_official_plugin(folder: Path, version: str, inherited: Mapping[str, str]) -> None:
    """Make the user's plugin known in the run's own ``PULUMI_HOME``.

    Plugins stand in ``plugins/resource-aws-vVERSION`` of ``PULUMI_HOME``, which is ``~/.pulumi`` where it is not set.
    Source: https://www.pulumi.com/docs/iac/concepts/plugins/

    Args:
        folder: Where the sandbox keeps what belongs to the CLI.
        version: Of ``pulumi_aws``, such as ``7.51.1``.
        inherited: Environment variables of this process.

    Raises:
        SandboxError: It is not installed in this version.
    """
    users_home = Path(inherited.get("PULUMI_HOME") or Path.home() / ".pulumi")
    name = f"resource-aws-v{version}"
    installed = users_home / "plugins" / name
    if not os.access(installed / _NAME, os.X_OK):
        what = f"the official AWS plugin {version} is not installed: {installed} holds no {_NAME}"
        raise SandboxError(what, do=f"run pulumi plugin install resource aws {version}, or take --aws-plugin ours")
    known = home_folder(folder) / "plugins" / name
    # A folder of its own with a link to the executable in it: a link in place of the folder is not seen by the CLI.
    known.mkdir(parents=True, exist_ok=True)
    executable = known / _NAME
    executable.unlink(missing_ok=True)
    executable.symlink_to((installed / _NAME).resolve())
