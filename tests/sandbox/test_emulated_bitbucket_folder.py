"""What the emulated Bitbucket keeps from one run to the next."""

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography import x509

from oidc.errors import SandboxError
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedWorkspace, PipelineStep

ACME = EmulatedWorkspace("acme", "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
FILES = ["ca.pem", "host.pem", "intermediate.pem", "signing-key.pem"]


def open_at(folder: Path, now: datetime = NOW) -> EmulatedBitbucket:
    return EmulatedBitbucket(folder, [ACME], clock=lambda: now)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def host_chain(folder: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((folder / "host.pem").read_bytes())


def test_the_first_use_makes_files_for_this_user_alone_without_a_warning(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    assert open_at(folder).warnings == ()
    assert sorted(contents(folder)) == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_second_use_changes_nothing(tmp_path: Path) -> None:
    token = open_at(tmp_path).step_token(PipelineStep(ACME, ACME.uuid))
    before = contents(tmp_path)
    second = open_at(tmp_path, NOW + timedelta(days=59))
    assert contents(tmp_path) == before
    assert second.warnings == ()
    assert jwt.get_unverified_header(token)["kid"] == jwt.get_unverified_header(second.sign({}))["kid"]


@pytest.mark.parametrize("days", [61, 89, 91, 1000])
def test_a_host_certificate_near_its_end_is_renewed_by_the_same_intermediate(tmp_path: Path, days: int) -> None:
    open_at(tmp_path)
    before, [old, intermediate] = contents(tmp_path), host_chain(tmp_path)
    later = NOW + timedelta(days=days)
    assert open_at(tmp_path, later).warnings == ()
    assert [name for name in FILES if contents(tmp_path)[name] != before[name]] == ["host.pem"]
    new, same_intermediate = host_chain(tmp_path)
    assert same_intermediate == intermediate
    assert new != old
    assert new.not_valid_after_utc == later + timedelta(days=90)


def test_a_ca_near_its_end_is_made_anew_with_a_warning(tmp_path: Path) -> None:
    open_at(tmp_path)
    before = contents(tmp_path)
    [warning] = open_at(tmp_path, NOW + timedelta(days=3600)).warnings
    assert "a new CA with another thumbprint replaces it" in warning
    changed = [name for name in FILES if contents(tmp_path)[name] != before[name]]
    assert changed == ["ca.pem", "host.pem", "intermediate.pem"]


def test_a_clock_that_went_back_makes_certificates_that_are_valid_then(tmp_path: Path) -> None:
    open_at(tmp_path)
    [warning] = open_at(tmp_path, NOW - timedelta(days=30)).warnings
    assert "replaces it" in warning
    assert open_at(tmp_path, NOW - timedelta(days=30)).warnings == ()


BREAKING: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "no PEM": lambda _: b"\xff\x00",
    "cut short": lambda content: content[: len(content) // 2],
    "base64 of something else": lambda _: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("breaking", BREAKING)
@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("ca.pem", ["ca.pem", "host.pem", "intermediate.pem"]),
        ("intermediate.pem", ["ca.pem", "host.pem", "intermediate.pem"]),
        ("host.pem", ["host.pem"]),
        ("signing-key.pem", ["signing-key.pem"]),
    ],
)
def test_a_broken_file_is_made_anew_with_one_warning_and_all_fits_again(
    tmp_path: Path, name: str, changed: list[str], breaking: str
) -> None:
    open_at(tmp_path)
    before = contents(tmp_path)
    (tmp_path / name).write_bytes(BREAKING[breaking](before[name]))
    [warning] = open_at(tmp_path).warnings
    assert "replaces it" in warning
    after = contents(tmp_path)
    assert [one for one in FILES if after[one] != before[one]] == changed
    assert_serves(tmp_path)
    assert open_at(tmp_path).warnings == ()
    assert contents(tmp_path) == after


@pytest.mark.parametrize("name", ["ca.pem", "intermediate.pem"])
def test_half_a_ca_is_made_anew_with_a_warning(tmp_path: Path, name: str) -> None:
    open_at(tmp_path)
    (tmp_path / name).unlink()
    [warning] = open_at(tmp_path).warnings
    assert "a new CA with another thumbprint replaces it" in warning
    assert_serves(tmp_path)


@pytest.mark.parametrize("name", ["host.pem", "signing-key.pem"])
def test_a_file_that_is_gone_is_made_anew_and_the_ca_stays(tmp_path: Path, name: str) -> None:
    open_at(tmp_path)
    before = contents(tmp_path)
    (tmp_path / name).unlink()
    assert open_at(tmp_path).warnings == ()
    assert [one for one in FILES if contents(tmp_path)[one] != before[one]] == [name]


@pytest.mark.parametrize("name", ["ca.pem", "intermediate.pem", "host.pem"])
def test_a_file_of_another_emulated_bitbucket_does_not_fit_and_is_made_anew(tmp_path: Path, name: str) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    open_at(mine)
    open_at(theirs)
    (mine / name).write_bytes((theirs / name).read_bytes())
    [_] = open_at(mine).warnings
    assert_serves(mine)


def test_a_key_that_is_not_the_certificates_is_found(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    open_at(mine)
    open_at(theirs)
    for name in ("host.pem", "intermediate.pem"):
        key, end, certificates = (mine / name).read_bytes().partition(b"-----END PRIVATE KEY-----\n")
        other_key = (theirs / name).read_bytes().partition(end)[0]
        assert key != other_key
        (mine / name).write_bytes(other_key + end + certificates)
        [_] = open_at(mine).warnings
        assert_serves(mine)


def test_a_chain_without_its_intermediate_is_made_whole_again(tmp_path: Path) -> None:
    open_at(tmp_path)
    host = tmp_path / "host.pem"
    host.write_bytes(host.read_bytes().rpartition(b"-----BEGIN CERTIFICATE-----")[0])
    assert len(host_chain(tmp_path)) == 1
    [_] = open_at(tmp_path).warnings
    assert_serves(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SandboxError, match="cannot read or write") as caught:
        open_at(tmp_path / "file" / "folder")
    assert "make the sandbox's folder writable" in caught.value.do


def test_a_folder_in_place_of_a_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").mkdir()
    with pytest.raises(SandboxError, match=r"ca\.pem"):
        open_at(tmp_path)


def test_nothing_but_the_files_is_left_in_the_folder_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SandboxError, match="No space left on device"):
        open_at(tmp_path)
    assert list(tmp_path.iterdir()) == []


def assert_serves(folder: Path) -> None:
    """The chain of the host is one of the kept CA, and the server takes it."""
    root = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    leaf, intermediate = host_chain(folder)
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(root)
    with open_at(folder) as bitbucket:
        assert bitbucket.address.startswith("127.0.0.1:")
