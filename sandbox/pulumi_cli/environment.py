"""The environment variables of the CLI: nobody's own settings of Pulumi, above all no access token."""

from collections.abc import Mapping, Sequence
from pathlib import Path

_PASSPHRASE = "sandbox"  # noqa: S105 - of a state on this machine that holds no secret


def cli_environment(folder: Path, plugin_folders: Sequence[Path], inherited: Mapping[str, str]) -> dict[str, str]:
    """Return all environment variables of a run.

    Source of the names: https://www.pulumi.com/docs/iac/cli/environment-variables/

    Args:
        folder: Where this sandbox keeps what belongs to the CLI; an absolute path.
        plugin_folders: Hold executables such as ``pulumi-resource-aws`` that the CLI takes before any other; what is
            not in them it looks for in the run's own ``PULUMI_HOME``.
        inherited: Of this process.
    """
    passed_on = {name: value for name, value in inherited.items() if not name.startswith("PULUMI_")}
    return passed_on | {
        "PATH": ":".join([*map(str, plugin_folders), inherited.get("PATH", "")]),
        "PULUMI_BACKEND_URL": f"file://{folder}",
        "PULUMI_HOME": str(home_folder(folder)),
        "PULUMI_CONFIG_PASSPHRASE": _PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # Without it a preview prints one document at its end in place of its events.
        "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true",
    }


def home_folder(folder: Path) -> Path:
    """Return what the run has in place of ``~/.pulumi``: no credentials, no plugins of anybody."""
    return folder / "home"
