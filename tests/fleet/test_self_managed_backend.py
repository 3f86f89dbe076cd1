"""States and locks, read as Pulumi stores them: in a folder, and in a bucket of emulated S3."""

import gzip
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from facts.aws.state_bucket import BucketUrl, S3Bucket, parse_bucket_url
from fleet.backend.folder import Folder, absolute_url
from fleet.backend.locks import StackLock
from fleet.backend.self_managed import Bucket, SelfManaged
from oidc.errors import AwsError, OutsideWorldError, StateError
from sandbox.emulated_aws import EmulatedAws
from tests.sandbox.running_engine import NEEDS_CLI

PROJECT = "bitbucket-aws-oidc"
STATES, LOCKS = f".pulumi/stacks/{PROJECT}/", f".pulumi/locks/organization/{PROJECT}/"
EMPTY = b'{"version":3,"checkpoint":{"stack":"organization/bitbucket-aws-oidc/a"}}'
LOCK = b'{"pid":4711,"username":"ci","hostname":"runner-7","timestamp":"2026-11-29T02:52:29Z"}'


def write(path: Path, files: dict[str, bytes]) -> None:
    for key, text in files.items():
        (path / key).parent.mkdir(parents=True, exist_ok=True)
        (path / key).write_bytes(text)


@pytest.fixture
def states(tmp_path: Path) -> Path:
    write(tmp_path, {".pulumi/meta.yaml": b"version: 1\n"})
    return tmp_path


class Counting:
    """A folder that counts listings."""

    def __init__(self, path: Path) -> None:
        self._folder = Folder(f"file://{path}")
        self.listings: list[str] = []
        self.get, self.delete = self._folder.get, self._folder.delete

    def entries(self, prefix: str) -> Iterator[tuple[str, float, int]]:
        self.listings.append(prefix)
        return self._folder.entries(prefix)


def backend(path: Path) -> SelfManaged:
    return SelfManaged(Folder(f"file://{path}"), PROJECT)


def test_stacks_of_this_project_alone_are_listed(states: Path) -> None:
    write(states, dict.fromkeys([f"{STATES}a.json", f"{STATES}b-1.json.gz", f"{STATES}c.json.bak",
        f"{STATES}d.json.attrs", f"{STATES}e.pulumi-tags", f"{STATES}f/g.json", ".pulumi/stacks/other/h.json",
        ".pulumi/stacks/legacy.json"], EMPTY))  # fmt: skip
    assert backend(states).stacks() == {"a", "b-1"}


def test_a_stack_that_does_not_exist_has_neither_state_nor_fault(states: Path) -> None:
    record = backend(states).read("a")
    assert (record.state, record.locks, record.fault) == (None, (), "")


def test_the_state_written_last_counts(states: Path) -> None:
    def state(salt: str) -> bytes:
        latest = {"manifest": {}, "secrets_providers": {"type": "passphrase", "state": {"salt": salt}}}
        return json.dumps({"version": 3, "checkpoint": {"latest": latest}}).encode()

    write(states, {f"{STATES}a.json": state("old"), f"{STATES}a.json.gz": gzip.compress(state("new"))})
    for newer, older, salt in [("a.json.gz", "a.json", "new"), ("a.json", "a.json.gz", "old")]:
        os.utime(states / STATES / newer, (2_000, 2_000))
        os.utime(states / STATES / older, (1_000, 1_000))
        read = backend(states).read("a").state
        assert read is not None
        assert read.secrets_provider == {"type": "passphrase", "state": {"salt": salt}}


def test_what_cannot_be_read_is_a_fault_of_its_stack_alone(states: Path) -> None:
    write(states, {f"{STATES}a.json": EMPTY, f"{STATES}b.json": b"{", f"{STATES}c.json/d": b""})
    read = backend(states)
    assert read.stacks() == {"a", "b"}
    assert read.read("a").fault == ""
    assert "not JSON" in read.read("b").fault
    assert read.read("b").state is None


def test_locks_of_all_stacks_take_one_listing_and_later_ones_are_those_of_now(states: Path) -> None:
    write(states, {f"{STATES}{stack}.json": EMPTY for stack in ("a", "a-b", "b")})
    write(states, {f"{LOCKS}a/1.json": LOCK, f"{LOCKS}a/1.json.attrs": b"{}", f"{LOCKS}b/2.json": b""})
    counting = Counting(states)
    bucket: Bucket = counting
    read = SelfManaged(bucket, PROJECT)
    counting.listings.clear()
    read.stacks()
    records = {stack: read.read(stack) for stack in ("a", "a-b", "b", "none")}
    assert len(counting.listings) == 2
    assert {stack: [lock.id for lock in record.locks] for stack, record in records.items()} == {
        "a": ["1"], "a-b": [], "b": ["2"], "none": [],
    }  # fmt: skip
    assert records["a"].locks[0].host == "runner-7"
    read.break_lock(records["a"].locks[0])
    assert read.read("a").locks == ()
    assert not list((states / LOCKS / "a").iterdir())


@pytest.mark.parametrize("empty", [f"{STATES}a.json.attrs", f"{STATES}a.json.gz.attrs", f"{LOCKS}a/1.json.attrs",
                                   ".pulumi/meta.yaml.attrs"])  # fmt: skip
def test_an_empty_file_of_attributes_is_named_and_removed(states: Path, empty: str) -> None:
    write(states, {f"{STATES}a.json": EMPTY, f"{STATES}a.json.bak.attrs": b"", empty: b""})
    read = backend(states)
    assert read.read("a").has_empty_attributes
    read.mend_attributes("a")
    assert not (states / empty).exists()
    assert not read.read("a").has_empty_attributes
    assert read.read("a").state is not None


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({".pulumi/stacks/a.json": EMPTY}, "legacy layout"),
        ({".pulumi/meta.yaml": b"version: 0\n", f"{STATES}a.json": EMPTY}, "legacy layout"),
        ({".pulumi/meta.yaml": b"version: 2\n"}, "version 2"),
        ({".pulumi/meta.yaml": b"\n"}, "names no version"),
    ],
)
def test_another_layout_is_refused(tmp_path: Path, files: dict[str, bytes], says: str) -> None:
    write(tmp_path, files)
    with pytest.raises(StateError, match=says):
        backend(tmp_path)


def test_a_new_backend_has_no_stacks(tmp_path: Path) -> None:
    assert backend(tmp_path).stacks() == frozenset()


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="is not a folder"):
        Folder(f"file://{tmp_path}/none")


def test_a_path_is_read_from_the_url_as_pulumi_reads_it(tmp_path: Path) -> None:
    home = Path("~").expanduser()
    for url, expected in [
        ("file:///a/b", "file:///a/b"),
        ("file:///a/../b?metadata=skip", "file:///b?metadata=skip"),
        ("file://~", f"file://{home}"),
        ("file://~/states", f"file://{home}/states"),
        ("file://./rel", f"file://{tmp_path}/rel"),
        ("file://localhost/a", f"file://{tmp_path}/localhost/a"),
        ("s3://b?region=eu-west-1", "s3://b?region=eu-west-1"),
    ]:
        assert absolute_url(url, tmp_path) == expected
    (tmp_path / "a b").mkdir()
    assert Folder(f"file://{tmp_path}/a%20b?metadata=skip").path == tmp_path / "a b"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://b", BucketUrl("b")),
        ("s3://b/", BucketUrl("b")),
        ("s3://b/p/q?region=eu-west-1&profile=x&awssdk=v2", BucketUrl("b", "p/q/", "eu-west-1", "x")),
        ("s3://b?endpoint=https://h:9&s3ForcePathStyle=true",
         BucketUrl("b", endpoint="https://h:9", has_path_style=True)),
        ("s3://b?use_path_style=false&kmskeyid=k&ssetype=aws:kms", BucketUrl("b")),
        ("s3://b?region=one&region=two", BucketUrl("b", region="one")),
    ],
)  # fmt: skip
def test_a_url_of_s3_is_read_as_pulumi_reads_it(text: str, url: BucketUrl) -> None:
    assert parse_bucket_url(text) == url


@pytest.mark.parametrize(
    "text", ["s3://b?role=arn:aws:iam::1:role/r", "s3://b?anonymous=true", "s3://b?endpoint=minio:9000", "s3://b?disableSSL=true",
             "s3:///p", "gs://b", "azblob://b", "https://api.pulumi.com", "file:///a"],
)  # fmt: skip
def test_any_other_url_is_left_to_the_cli(text: str) -> None:
    assert parse_bucket_url(text) is None


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    path = tmp_path_factory.mktemp("s3")
    with (
        pytest.MonkeyPatch.context() as environment,
        EmulatedAws(path, issuers=None, more_services=("s3",), without_front=True) as aws,
    ):
        environment.setenv("AWS_ACCESS_KEY_ID", "111111111111")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        client = boto3.client("s3", endpoint_url=aws.endpoint, region_name="us-east-1")
        client.create_bucket(Bucket="acme-states")
        yield client, f"s3://acme-states/oidc?region=us-east-1&endpoint={aws.endpoint}&s3ForcePathStyle=true"


def bucket(url: str) -> S3Bucket:
    parsed = parse_bucket_url(url)
    assert parsed is not None
    return S3Bucket(parsed)


def test_more_states_than_a_page_has_are_read_from_s3(s3: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facts.aws.state_bucket._PAGE", 3)
    client, url = s3
    keys = [f"many/{STATES}s{number}.json" for number in range(10)]
    for key in [*keys, f"many/{LOCKS}s7/1.json"]:
        client.put_object(Bucket="acme-states", Key=key, Body=LOCK if "/locks/" in key else EMPTY)
    read = SelfManaged(bucket(url.replace("/oidc?", "/many?")), PROJECT)
    assert len(read.stacks()) == len(keys)
    assert [lock.pid for lock in read.read("s7").locks] == [4711]
    assert read.read("s9").state is not None
    read.break_lock(read.read("s7").locks[0])
    assert read.read("s7").locks == ()


def test_a_bucket_that_refuses_is_an_error_with_its_name(s3: tuple[Any, str]) -> None:
    with pytest.raises(AwsError, match="no-such-bucket"):
        SelfManaged(bucket(s3[1].replace("acme-states", "no-such-bucket")), PROJECT)


@NEEDS_CLI
@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_states_and_locks_that_the_real_cli_wrote_are_read(tmp_path: Path, s3: tuple[Any, str], place: str) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
    (tmp_path / "states").mkdir()
    url = s3[1] if place == "bucket" else f"file://{tmp_path}/states"

    def pulumi(*arguments: str, text: str | None = None, **variables: str) -> str:
        environment = {"PULUMI_BACKEND_URL": url, "PULUMI_CONFIG_PASSPHRASE": "p", "PULUMI_SKIP_UPDATE_CHECK": "true",
                       "PULUMI_HOME": str(tmp_path / "home"), **variables}  # fmt: skip
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"], cwd=tmp_path, env=os.environ | environment, input=text,
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    pulumi("stack", "init", "a", "--no-select")
    pulumi("stack", "init", "b", "--no-select", PULUMI_SELF_MANAGED_STATE_GZIP="1")
    read = SelfManaged(bucket(url) if place == "bucket" else Folder(url), PROJECT)
    assert read.stacks() == {"a", "b"}
    for stack in ("a", "b"):
        state, exported = read.read(stack).state, json.loads(pulumi("stack", "export", "--stack", stack))
        assert state is not None
        assert state.secrets_provider == exported["deployment"]["secrets_providers"]
    lock = StackLock("a", "1", 4711, "ci", "runner-7", None)
    key = f"{LOCKS}a/1.json"
    if place == "bucket":
        s3[0].put_object(Bucket="acme-states", Key=f"oidc/{key}", Body=LOCK)
    else:
        write(tmp_path / "states", {key: LOCK})
    with pytest.raises(subprocess.CalledProcessError, match="import"):
        pulumi("stack", "import", "--stack", "a", text=EMPTY.decode())
    read.break_lock(lock)
    pulumi("stack", "import", "--stack", "a", text='{"version":3,"deployment":{"manifest":{}}}')


@NEEDS_CLI
def test_an_empty_file_of_attributes_stops_the_real_cli_until_it_is_removed(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
    environment = {"PULUMI_BACKEND_URL": f"file://{tmp_path}", "PULUMI_CONFIG_PASSPHRASE": "p",
                   "PULUMI_HOME": str(tmp_path / "home")}  # fmt: skip

    def fails(*arguments: str) -> bool:
        command = ["pulumi", *arguments, "--non-interactive"]
        finished = subprocess.run(command, cwd=tmp_path, env=os.environ | environment, check=False, capture_output=True)
        return finished.returncode != 0

    assert not fails("stack", "init", "a", "--no-select")
    (tmp_path / STATES / "a.json.attrs").write_bytes(b"")
    assert fails("cancel", "--yes", "--stack", "a")
    backend(tmp_path).mend_attributes("a")
    assert not fails("cancel", "--yes", "--stack", "a")


def test_a_folder_that_may_not_be_read_is_an_outside_world_error(states: Path) -> None:
    (states / STATES / "a.json").mkdir(parents=True)
    with pytest.raises(OutsideWorldError, match=r"a\.json cannot be read"):
        Folder(f"file://{states}").get(f"{STATES}a.json")
