"""Fixtures and settings for the tests of all rooms."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.installed_wheel import Built, Installation, build, installed

# The time of an example depends on the load of the machine: benchmarks measure time, tests do not.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# CI runs the same examples each time for the same code, so that a change is never refused for one drawn by chance.
settings.register_profile("repeatable", settings.get_profile("untimed"), derandomize=True)
settings.load_profile("untimed")

WORKSPACES = """
workspaces:
  acme:
    uuid: "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"
    repositories:
      shop:
        uuid: "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
        environments:
          production: "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"

"""

STAGING = """          staging: "{5f0c9f0c-51e4-4c58-9a86-0b2f7f9f6a02}"
"""

SITE = """      site: "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
"""

OTHER = """  other:
    uuid: "{f4e3d2c1-b0a9-4887-9665-544332211a08}"
    audiences: [sts.amazonaws.com]
    repositories:
      tool: "{2a3b4c5d-6e7f-4081-92a3-b4c5d6e7f809}"
"""

ACCOUNTS = """
accounts:
  dev: {id: "111111111111", labels: {env: dev, team: core}}
  prod: {id: "222222222222", region: eu-west-1, labels: {env: prod, team: core}}
  data: {id: "012345678901", labels: {env: prod, team: data}}
"""


@pytest.fixture
def project_folder() -> Path:
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def write_inventory(tmp_path: Path) -> Callable[..., Path]:
    """Write files into an inventory folder, after the workspaces and accounts of all examples.

    Records that only some examples use are declared only for these, so that other examples have no warning about them.
    """

    def write(*roles: str, **files: str) -> Path:
        folder = tmp_path / "inventory"
        folder.mkdir(exist_ok=True)
        text = "".join((*roles, *files.values()))
        uses = {"staging": STAGING, "acme/site": SITE, "other/tool": OTHER, "keep_oidc_providers": OTHER}
        declared = dict.fromkeys(part for word, part in uses.items() if word in text)
        (folder / "base.yaml").write_text(WORKSPACES + "".join(declared) + ACCOUNTS + "".join(roles))
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("_yaml", ".yaml").replace("_json", ".json")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return folder

    return write


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture
def install(built: Built, tmp_path: Path) -> Callable[..., Installation]:
    """Install the wheel elsewhere; `without=` names the dependencies that are missing there."""
    return functools.partial(installed, built.wheel, tmp_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests with a marker that `-m` does not name."""
    off = {marker for marker in ("online", "live", "exhaustive") if marker not in config.option.markexpr}
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in off)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
