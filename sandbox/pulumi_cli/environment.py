"""The environment variables of the CLI: nobody's own settings of Pulumi, above all no access token."""

from collections.abc import Mapping
from pathlib import Path

_PASSPHRASE = "sandbox"  # noqa: S105 - of a state on this machine that holds no secret


def cli_environment(folder: Path, plugin_folder: Path | None, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return all environment variables of a run.

    Source of the names: https://www.pulumi.com/docs/iac/cli/environment-variables/

    Args:
        folder: Where this sandbox keeps what belongs to the CLI; an absolute path.
        plugin_folder: Holds an executable ``pulumi-resource-aws`` that is to be taken before any other; ``None`` for
            the plugins that are installed in the run's own ``PULUMI_HOME``.
        inherited: Of this process.
    """
    passed_on = {name: value for name, value in inherited.items() if not name.startswith("PULUMI_")}
    search_path = inherited.get("PATH", "")
    return passed_on | {
        "PATH": f"{plugin_folder}:{search_path}" if plugin_folder else search_path,
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
