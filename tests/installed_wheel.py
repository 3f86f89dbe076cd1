"""The wheel of this project, and environments elsewhere in which it is installed."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")


@dataclass(frozen=True)
class Built:
    """The folder with the wheel and the sdist, as `make build` makes them."""

    folder: Path

    @property
    def wheel(self) -> Path:
        (wheel,) = self.folder.glob("*.whl")
        return wheel

    @property
    def sdist(self) -> Path:
        (sdist,) = self.folder.glob("*.tar.gz")
        return sdist


@dataclass(frozen=True)
class Installation:
    """An environment with the wheel in it, and a folder outside of the clone."""

    environment: Path
    folder: Path

    @property
    def command(self) -> str:
        return str(self.environment / "bin" / "bitbucket-oidc")

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the installed `bitbucket-oidc` in the folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        environment = kept | {"NO_COLOR": "1", **variables}
        command = [self.command, *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


def build(folder: Path) -> Built:
    """Build both as `make build` does, without the network."""
    uv = [str(UV), "build", "--quiet", "--offline", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*uv, "--out-dir", str(folder), str(PROJECT)], check=True)
    return Built(folder)


def installed(wheel: Path, folder: Path, *, without: Collection[str] = ()) -> Installation:
    """Install a wheel into a new environment, with the dependencies that `make setup` has installed.

    The dependencies are links: nothing is downloaded, and none of them leads to the clone.
    """
    environment, elsewhere = folder / "environment", folder / "elsewhere"
    elsewhere.mkdir()
    venv.create(environment, symlinks=True)
    target = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    missing = {str(file).split("/")[0] for name in (*without, "bitbucket-aws-oidc") for file in files_of(name)}
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.name not in missing and path.suffix != ".pth" and not (target / path.name).exists():
            (target / path.name).symlink_to(path)
    uv = [str(UV), "pip", "install", "--quiet", "--offline", "--no-index", "--no-deps"]
    subprocess.run([*uv, "--python", str(environment / "bin" / "python"), str(wheel)], check=True)
    return Installation(environment, elsewhere)


def files_of(name: str) -> list[str]:
    return [str(file) for file in distribution(name).files or ()]
