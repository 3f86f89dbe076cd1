"""The lock's file: it is read back as what was written, and is written whole or not at all."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from config.lock import Lock, read_lock
from config.lock.models import LockedEnvironment, LockedRepository, LockedWorkspace
from config.lock.writing import lock_text, write_lock
from config.yaml.document import read_document
from oidc.errors import OutsideWorldError
from tests.config.lock.whole_lock import HEADER, WHOLE

UUID = "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}"


def lock_of(text: str) -> Lock:
    document = read_document(text)
    assert not document.problems
    return Lock.model_validate(document.data)


def test_a_lock_that_was_read_is_written_unchanged() -> None:
    assert lock_text(lock_of(WHOLE)) == WHOLE


def test_the_order_of_facts_makes_no_difference() -> None:
    lock = lock_of(WHOLE)
    turned = lock.model_copy(
        update={
            "workspaces": dict(reversed(lock.workspaces.items())),
            "address_ranges": {
                name: ranges.model_copy(update={"networks": ranges.networks[::-1]})
                for name, ranges in lock.address_ranges.items()
            },
        }
    )
    assert lock_text(turned) == WHOLE


NAMES = st.text(min_size=1).filter(lambda name: name.isprintable() and name == name.strip() and "{{" not in name)


@given(
    NAMES
    | st.sampled_from(
        ["on", "1e3", "0x1f", "~", "2026-01-01", "# no", "a: b", "'", '"', "\\n", "!x", "*a", "a\U000e0100"]
    )
)
def test_a_name_with_any_characters_is_read_back(name: str) -> None:
    environments = {name: LockedEnvironment(uuid=UUID)}
    repository = LockedRepository(uuid=UUID, environments=environments)
    lock = Lock(workspaces={"acme": LockedWorkspace(uuid=UUID, repositories={"on": repository})})
    document = read_document(lock_text(lock))
    data = document.data
    assert isinstance(data, dict)
    assert data["workspaces"]["acme"]["repositories"]["on"]["environments"] == {name: UUID}


def test_an_empty_lock_is_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "inventory.lock.yaml"
    assert write_lock(path, Lock(), read=None)
    assert read_lock(path, 0).lock == Lock()


def test_an_equal_lock_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "inventory.lock.yaml"
    assert write_lock(path, lock_of(WHOLE), read=None)
    before = path.stat().st_mtime_ns
    assert not write_lock(path, lock_of(WHOLE), read=WHOLE)
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("header", ["# Written by `bitbucket-oidc lock` 0.0.9\n", "# Written by nobody\r\n", "#\n"])
def test_a_lock_of_another_version_with_the_same_facts_is_not_written(tmp_path: Path, header: str) -> None:
    path = tmp_path / "inventory.lock.yaml"
    path.write_bytes((header + WHOLE.removeprefix(HEADER)).encode())
    before = path.read_bytes()
    assert not write_lock(path, lock_of(WHOLE), read=before.decode())
    assert path.read_bytes() == before


def test_a_lock_of_another_version_gets_this_version_with_the_next_fact(tmp_path: Path) -> None:
    path = tmp_path / "inventory.lock.yaml"
    path.write_text(old := "# Written by `bitbucket-oidc lock` 0.0.9\nversion: 1\n")
    assert write_lock(path, lock_of(WHOLE), read=old)
    assert path.read_text() == WHOLE


def test_an_interrupted_run_leaves_the_old_lock_and_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "inventory.lock.yaml"
    write_lock(path, Lock(), read=None)
    before = path.read_bytes()

    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_lock(path, lock_of(WHOLE), read=before.decode())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


WRITES = """
from collections.abc import Iterator
from pathlib import Path
from config.lock import Lock
from config.lock.writing import write_lock
from config.yaml.document import read_document
from tests.config.lock.whole_lock import WHOLE

path, whole, read = Path("inventory.lock.yaml"), Lock.model_validate(read_document(WHOLE).data), None
print("writing", flush=True)
while True:
    for lock in (whole, Lock()):
        write_lock(path, lock, read=read)
        read = path.read_text()
"""


@pytest.mark.parametrize("milliseconds", [1, 7, 20])
def test_a_killed_run_leaves_the_old_or_the_new_lock_whole(
    tmp_path: Path, project_folder: Path, milliseconds: int
) -> None:
    command = [sys.executable, "-c", WRITES]
    environment = {**os.environ, "PYTHONPATH": str(project_folder)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(milliseconds / 1000)
        process.kill()
    path = tmp_path / "inventory.lock.yaml"
    assert not path.exists() or path.read_text() in (WHOLE, lock_text(Lock()))


def test_a_lock_behind_a_link_is_written_to_the_target(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "inventory.lock.yaml"
    real.write_text("")
    link.symlink_to(real)
    write_lock(link, lock_of(WHOLE), read="")
    assert link.is_symlink()
    assert real.read_text() == WHOLE


def test_a_missing_folder_is_reported_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutsideWorldError, match=r"cannot be written: No such file or directory"):
        write_lock(tmp_path / "nowhere" / "inventory.lock.yaml", Lock(), read=None)


@pytest.mark.parametrize("read", [None, "version: 1\n"], ids=["it was not there", "it had another text"])
def test_a_lock_that_another_run_wrote_meanwhile_is_not_overwritten(tmp_path: Path, read: str | None) -> None:
    path = tmp_path / "inventory.lock.yaml"
    path.write_text(WHOLE)
    with pytest.raises(OutsideWorldError, match="was changed while this command ran; run it again"):
        write_lock(path, Lock(), read=read)
    assert path.read_text() == WHOLE


def models_in(value: object) -> Iterator[BaseModel]:
    if isinstance(value, BaseModel):
        yield value
        for name in type(value).model_fields:
            yield from models_in(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from models_in(item)
    elif isinstance(value, tuple | list | frozenset):
        for item in value:
            yield from models_in(item)


def test_every_field_of_the_lock_is_written_and_read_back(tmp_path: Path) -> None:
    """A new field without its line in ``config.lock.writing`` would be left out without a word."""
    path = tmp_path / "inventory.lock.yaml"
    path.write_text(WHOLE)
    lock = read_lock(path, 0).lock
    path.write_text(lock_text(lock))
    assert read_lock(path, 0).lock == lock
    said: dict[type[BaseModel], set[str]] = {}
    for model in models_in(lock):
        said.setdefault(type(model), set()).update(model.model_fields_set)
    unsaid = {kind.__name__: kind.model_fields.keys() - names for kind, names in said.items()}
    assert {name: fields for name, fields in unsaid.items() if fields} == {}
