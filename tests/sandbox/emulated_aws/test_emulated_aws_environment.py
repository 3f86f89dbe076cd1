"""What the child process inherits, and who may read what it keeps."""

from pathlib import Path

import pytest

from sandbox.emulated_aws import EmulatedAws
from sandbox.emulated_aws.settings import clean_environment


def test_its_environment_has_nothing_of_anybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "HTTPS_PROXY", "DOCKER_HOST", "MINISTACK_ACCOUNT_ID", "HOME"):
        monkeypatch.setenv(name, "mine")
    with EmulatedAws(tmp_path, issuers=None) as emulator:
        environment = dict(
            pair.split("=", 1) for pair in Path(f"/proc/{emulator.pid}/environ").read_text().split("\0") if pair
        )
    assert "mine" not in environment.values()
    assert environment["HOME"] == str(tmp_path)
    assert {name for name in environment if name.startswith("AWS_") or "PROXY" in name.upper()} == set()


def test_the_clean_environment_keeps_the_settings_of_the_design() -> None:
    environment = clean_environment(Path("/folder"), {"PATH": "/bin", "AWS_PROFILE": "mine", "AUTH": "false"})
    assert environment["PATH"] == "/bin"
    assert "AWS_PROFILE" not in environment
    settings = {name: environment[name] for name in ("AUTH", "BIND_HOST", "PERSIST_STATE", "SERVICES")}
    assert settings == {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "PERSIST_STATE": "1",
        "SERVICES": "iam,sts,organizations",
    }
    assert (environment["IOT_MTLS_ENABLED"], environment["SFTP_ENABLED"]) == ("0", "0")


def test_what_it_keeps_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "emulator"
    with EmulatedAws(folder, issuers=None) as emulator:
        assert emulator.pid is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "state" / "iam.json").stat().st_mode & 0o077 == 0
