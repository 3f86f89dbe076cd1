"""The working directory of one run of one stack: a project file and a stack file, outside of every tree.

The keys of both files: https://www.pulumi.com/docs/iac/concepts/projects/project-file/ and
https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file/.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from config.project_file import PROJECT, PROJECT_FILE_NAME
from oidc.errors import EngineError


@dataclass(frozen=True, slots=True)
class StackFolder:
    """The working directory of one run.

    Attributes:
        path: The directory; only its owner may enter it.
        key: The name of the stack.
    """

    path: Path
    key: str

    @property
    def config_file(self) -> Path:
        """The stack file."""
        return self.path / f"Pulumi.{self.key}.yaml"

    def write_config(self, secrets: Mapping[str, str], config: Mapping[str, Any]) -> None:
        """Write the stack file.

        Args:
            secrets: Its keys for the secrets, such as ``{"encryptionsalt": "v1:…"}``; those that it has stay.
            config: Stack config by key without prefix.
        """
        try:
            kept = yaml.safe_load(self.config_file.read_text(encoding="utf-8")) or {}
        except FileNotFoundError:
            kept = {}
        content = {**kept, **secrets, "config": {f"{PROJECT}:{key}": value for key, value in config.items()}}
        self.config_file.write_text(yaml.safe_dump(content), encoding="utf-8")


@contextmanager
def stack_folder(key: str) -> Iterator[StackFolder]:
    """Make the working directory, and remove it after the block.

    Raises:
        EngineError: It cannot be written.
    """
    # As Pulumi.yaml of the program: a policy attached by hand shows only in a refresh.
    project = {"name": PROJECT, "runtime": "python", "options": {"refresh": "always"}}
    try:
        with TemporaryDirectory(prefix="bitbucket-oidc-", ignore_cleanup_errors=True) as path:  # made with mode 0700
            folder = StackFolder(Path(path), key)
            (folder.path / PROJECT_FILE_NAME).write_text(yaml.safe_dump(project), encoding="utf-8")
            yield folder
    except OSError as error:
        raise EngineError(f"the working directory of the run cannot be written: {error}") from error


def secrets_settings(of_state: Mapping[str, Any] | None, of_rollout: str | None) -> dict[str, str]:
    """Return the keys of a stack file that say how secrets are encrypted, the same as in the state.

    A run without them makes another salt or key, and writes it into the state.

    Args:
        of_state: ``deployment.secrets_providers`` of the state: ``{"type": "passphrase", "state": {"salt": …}}`` or
            ``{"type": "cloud", "state": {"url": …, "encryptedkey": …}}`` (``pkg/secrets`` of
            https://github.com/pulumi/pulumi); anything else, for example of Pulumi Cloud, needs no keys.
        of_rollout: What the inventory names for new stacks; used if the state tells nothing.
    """
    if of_state is None:
        return {"secretsprovider": of_rollout} if of_rollout else {}
    state = of_state.get("state") or {}
    if of_state.get("type") == "passphrase":
        return {"encryptionsalt": str(state.get("salt", ""))}
    if of_state.get("type") == "cloud":
        return {"secretsprovider": str(state.get("url", "")), "encryptedkey": str(state.get("encryptedkey", ""))}
    return {}
