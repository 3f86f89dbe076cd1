"""A file is written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from config.yaml.text import write_whole
from oidc.errors import OutsideWorldError


def test_a_file_is_made_changed_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert write_whole(path, b"one")
    assert not write_whole(path, b"one")
    path.chmod(0o600)
    assert write_whole(path, b"two")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"two", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_where_a_link_leads_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    write_whole(tmp_path / "link", b"one")
    assert (tmp_path / "file").read_bytes() == b"one"
    assert (tmp_path / "link").is_symlink()


def test_a_device_is_written_to_and_stays_one() -> None:
    assert write_whole(Path(os.devnull), b"one")
    assert not Path(os.devnull).is_file()


def test_a_pipe_without_a_path_is_written_to() -> None:
    reading, writing = os.pipe()
    try:
        assert write_whole(Path(f"/dev/fd/{writing}"), b"one")
        assert os.read(reading, 10) == b"one"
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("name", ["", "no/file", "loop", "nul\0", "x" * 300])
def test_what_cannot_be_written_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutsideWorldError, match=r"cannot be written: .+; check its folder and permissions"):
        write_whole(tmp_path / name, b"one")
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]
