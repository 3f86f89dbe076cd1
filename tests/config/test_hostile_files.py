"""Files that were made to break the loader, or were never meant for it: a finding each, in bounded time and memory."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from access.compile import compile_plan
from config.findings import Finding
from config.load import load_inventory

Inventory = Callable[..., Path]

ROLE = "roles: {r: {accounts: [dev], trust: [{repository: acme/shop, environments: [production]}]}}\n"


def findings(folder: Path) -> list[Finding]:
    return list(compile_plan(load_inventory(folder)).findings)


def rules(folder: Path) -> list[str]:
    return [finding.rule for finding in findings(folder)]


def in_bounds(inventory: Path) -> list[dict[str, object]]:
    """Validate in a separate process that may take so much memory and processor time, and not more."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000))
        resource.setrlimit(resource.RLIMIT_CPU, (120, 120))

    command = [sys.executable, "-m", "cli", "validate", str(inventory), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == 1, done.stderr[-2000:]
    reported: list[dict[str, object]] = json.loads(done.stdout)
    return reported


def chain_of_aliases() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    return "\n".join(lines + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)])


BOMBS = {
    "lists.yaml": "[" * 1_000_000,
    "mappings.yaml": "{" * 1_000_000,
    "dashes.yaml": "- " * 500_000,
    "questions.yaml": "? " * 500_000,
    "indented.yaml": "".join(" " * n + "a:\n" for n in range(2_000)),
    "values.yaml": f"a: [{'x,' * 2_000_000}]",
    "aliases.yaml": chain_of_aliases(),
    "wide.yaml": f"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: [{'*a,' * 60_000}]",
    "merges.yaml": f"a: &a {{{','.join(f'k{n}: v' for n in range(10_000))}}}\nb:\n{'  - {<<: *a}' + chr(10)}" * 1
    + "  - {<<: *a}\n" * 60,
    "base-60.yaml": f"roles: 1{':10' * 100_000}",
    "number.yaml": f"roles: {'1' * 1_000_000}",
    "text.yaml": f'roles: "{"x" * 15_000_000}"',
}


def test_a_small_file_that_expands_beyond_limits_is_one_finding(tmp_path: Path) -> None:
    for name, text in BOMBS.items():
        (tmp_path / name).write_text(text)
    reported = in_bounds(tmp_path)
    assert sorted(Path(str(finding["file"])).name for finding in reported) == sorted(BOMBS)
    assert all(len(str(finding["message"])) < 2_000 for finding in reported)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    for name in ("huge.yaml", "inventory.lock.yaml", "policy.json"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(50_000_000_000)
    (tmp_path / "a.yaml").write_text("permission_policies: {p: {file: policy.json}}\n")
    reported = in_bounds(tmp_path)
    assert [finding["rule"] for finding in reported] == ["unreadable-file"] * 3
    assert all("larger than 16 MB" in str(finding["message"]) for finding in reported)


def test_files_that_are_much_together_are_not_all_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.reading._MAX_CHARACTERS", 100)
    for name in "abcdef":
        (tmp_path / f"{name}.yaml").write_text(f"# {'x' * 60}\n")
    (finding,) = findings(tmp_path)
    assert (finding.rule, Path(finding.place.file).name) == ("unreadable-file", "c.yaml")


def test_a_folder_with_more_files_than_an_inventory_has_is_one_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.inventory_files._MAX_NAMES", 20)
    for number in range(30):
        (tmp_path / f"{number}.txt").touch()
    (finding,) = findings(tmp_path)
    assert finding.rule == "unreadable-file"
    assert "an inventory has at most" in finding.message


@pytest.mark.parametrize("count", [10_000, pytest.param(30_000, marks=pytest.mark.exhaustive)])
def test_a_fault_in_each_of_many_entries_takes_time_by_their_number(tmp_path: Path, count: int) -> None:
    roles = "".join(f"  r{number}: {{accounts: [x]}}\n" for number in range(count))
    (tmp_path / "a.yaml").write_text("roles:\n" + roles)
    assert len(in_bounds(tmp_path)) == count


@pytest.mark.parametrize(
    ("content", "message", "line", "column"),
    [
        ("roles: {}\n".encode("utf-16"), "it is UTF-16", 1, 1),
        (b"a: b\r\nc: d\xe9\n", "the byte 0xe9", 2, 5),
        (b"\xef\xbb\xbfa: \xff", "the byte 0xff", 1, 4),
        (b"a: \xc3\xa9\xff", "the byte 0xff", 1, 5),
        (b"a: b\n\nroles: \x00\n", "U+0000", 3, 8),
        ("a: b\u2028c: d\n".encode(), "U+2028", 1, 5),
        ("a: \ue000\ufdd0\n".encode() + b"b: \xed\xa0\x80", "the byte 0xed", 2, 4),
    ],
)
def test_bytes_that_are_not_text_are_reported_where_they_begin(
    tmp_path: Path, content: bytes, message: str, line: int, column: int
) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    (finding,) = findings(tmp_path)
    assert message in finding.message
    assert (finding.place.line, finding.place.column) == (line, column)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_line_ends_and_the_mark_of_other_systems_change_nothing(write_inventory: Inventory, end: str) -> None:
    folder = write_inventory(ROLE)
    path = folder / "base.yaml"
    sound = path.read_text()
    path.write_bytes(b"\xef\xbb\xbf" + sound.replace("\n", end).encode())
    assert findings(folder) == []
    path.write_bytes(sound.replace("production]", "prodution]").replace("\n", end).encode())
    (finding,) = findings(folder)
    assert finding.place.line == sound[: sound.index("[production]")].count("\n") + 1


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/stdin", "/etc/passwd", "..", "missing"])
def test_a_link_to_anywhere_else_is_never_opened(write_inventory: Inventory, name: str) -> None:
    folder = write_inventory(ROLE)
    (folder / "x.yaml").symlink_to(name)
    (finding,) = findings(folder)
    assert finding.rule in ("outside-inventory", "unreadable-file")
    assert "root:" not in str(finding)


@pytest.mark.parametrize("kind", ["fifo", "socket", "loop", "device"])
def test_a_pipe_in_place_of_a_policy_file_or_lock_is_never_waited_for(write_inventory: Inventory, kind: str) -> None:
    folder = write_inventory("permission_policies: {p: {file: p.json}}\n", ROLE)
    for path in (folder / "p.json", folder / "inventory.lock.yaml"):
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "loop":
            path.symlink_to(path)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        else:
            path.mkdir()
    others = [rule for rule in rules(folder) if rule not in ("outside-inventory", "unreadable-file")]
    assert others == []
    assert len(rules(folder)) == (1 if kind == "loop" else 2)


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(
    write_inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_inventory(ROLE)
    really_open = os.open

    def swapped(path: Path, flags: int) -> int:
        if path.name == "base.yaml":
            path.unlink()
            os.mkfifo(path)
        return really_open(path, flags)

    monkeypatch.setattr("config.yaml.text.os.open", swapped)
    assert rules(folder) == ["unreadable-file"]


def test_a_file_that_vanishes_before_it_is_read_hides_no_other(
    write_inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_inventory(ROLE, x_yaml="nonsense: 1\n")
    really_open = os.open

    def vanished(path: Path, flags: int) -> int:
        if path.name == "base.yaml":
            path.unlink()
        return really_open(path, flags)

    monkeypatch.setattr("config.yaml.text.os.open", vanished)
    assert rules(folder) == ["unreadable-file", "unknown-key"]


def test_a_folder_that_cannot_be_read_hides_no_finding(
    write_inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_inventory(ROLE, x_yaml="nonsense: 1\n")
    (folder / "closed").mkdir()
    really_list = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return really_list(path)

    monkeypatch.setattr("os.scandir", refuse)
    assert sorted(rules(folder)) == ["unknown-key", "unreadable-file"]


@pytest.mark.parametrize("file", ["../p.json", "/etc/passwd", "sub/../../p.json", "\x00", "p\n.json", "x" * 5000, "."])
def test_a_policy_file_of_any_path_is_a_finding_at_the_path(write_inventory: Inventory, file: str) -> None:
    folder = write_inventory(ROLE, x_yaml=f"permission_policies: {{p: {{file: {json.dumps(file)}}}}}\n")
    (finding,) = findings(folder)
    assert finding.path == "permission_policies.p.file"
    assert finding.rule in ("outside-inventory", "unreadable-file", "yaml-syntax", "bad-value")
    assert len(str(finding)) < 5_000


@pytest.mark.parametrize("name", ["a\nb.yaml", "\x1b[31m.yaml", "\udcff.yaml", "日本.yaml", " .yaml", "-.yaml"])
def test_a_finding_in_a_file_of_any_name_is_one_printable_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("nonsense: 1\n")
    (finding,) = findings(tmp_path)
    assert str(finding).isprintable()


@pytest.mark.parametrize("name", ["x" * 5000, "x" * 300 + "/y.yaml", "\udcff", "\x1b[31m"])
def test_a_missing_inventory_of_any_name_is_a_finding(tmp_path: Path, name: str) -> None:
    (finding,) = findings(tmp_path / name)
    assert finding.rule == "inventory-missing"
    assert str(finding).isprintable()


def test_files_whose_names_differ_in_case_alone_are_two_files(tmp_path: Path) -> None:
    for name in ("a.yaml", "A.yaml"):
        (tmp_path / name).write_text("nonsense: 1\n")
    assert rules(tmp_path) == ["unknown-key"] * len(list(tmp_path.iterdir()))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        '{"a":' * 100_000,
        '{"Version": NaN}',
        '{"Version": Infinity}',
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": 1e999999}}',
        '{"Version": ' + "1" * 100_000 + "}",
        '{"Version": "2012-10-17", "Version": "2012-10-17"}',
        '"\\ud800"',
        "\x00",
        "",
        "null",
        "[]",
        "{}",
        '{"Version": "2012-10-17"} {}',
        "// a comment\n{}",
    ],
    ids=lambda text: text[:20],
)
def test_a_policy_file_that_holds_no_policy_is_one_finding(write_inventory: Inventory, text: str) -> None:
    folder = write_inventory("permission_policies: {p: {file: p.json}}\n", ROLE, p_json=text)
    (finding,) = findings(folder)
    assert Path(finding.place.file).name == "p.json"
    assert len(str(finding)) < 5_000
