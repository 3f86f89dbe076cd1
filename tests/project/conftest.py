"""The wheel of this project, built once, and environments elsewhere in which it is installed."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
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

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the installed `bitbucket-oidc` in the folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        command = [str(self.environment / "bin" / "bitbucket-oidc"), *arguments]
        environment = kept | {"NO_COLOR": "1", **variables}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dist")
    uv = [str(UV), "build", "--quiet", "--offline", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*uv, "--out-dir", str(folder), str(PROJECT)], check=True)
    return Built(folder)


@pytest.fixture
def install(built: Built, tmp_path: Path) -> Callable[..., Installation]:
    """Install the wheel into a new environment, with the dependencies that `make setup` has installed.

    The dependencies are links: nothing is downloaded, and none of them leads to the clone.
    """

    def install(*, without: Collection[str] = ()) -> Installation:
        environment, folder = tmp_path / "environment", tmp_path / "elsewhere"
        folder.mkdir()
        venv.create(environment, symlinks=True)
        target = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
        missing = {str(file).split("/")[0] for name in (*without, "bitbucket-aws-oidc") for file in files_of(name)}
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if path.name not in missing and path.suffix != ".pth" and not (target / path.name).exists():
                (target / path.name).symlink_to(path)
        uv = [str(UV), "pip", "install", "--quiet", "--offline", "--no-index", "--no-deps"]
        subprocess.run([*uv, "--python", str(environment / "bin" / "python"), str(built.wheel)], check=True)
        return Installation(environment, folder)

    return install


def files_of(name: str) -> list[str]:
    return [str(file) for file in distribution(name).files or ()]
