"""bitbucket-oidc lock as a shell sees it, against the emulated Bitbucket."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from config.findings import has_errors
from config.load import load_inventory
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN, Behaviour
from sandbox.emulated_bitbucket.site import EmulatedRange, EmulatedRanges
from sandbox.emulated_bitbucket.workspaces import EmulatedEnvironment, EmulatedRepository, EmulatedWorkspace

ACME_UUID, SHOP_UUID = "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}", "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
PRODUCTION_UUID, NEW_UUID = "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}", "{7d1e2f3a-4b5c-4d6e-8f90-a1b2c3d4e504}"
SHOP = EmulatedRepository("shop", SHOP_UUID, (EmulatedEnvironment("production", PRODUCTION_UUID, admin_only=True),))
ACME = EmulatedWorkspace("acme", ACME_UUID, (SHOP, EmulatedRepository("site", NEW_UUID)))
SECRET = "ATCTT3xFfGN0secret"

OPEN = """
workspaces:
  acme:
    repositories:
      shop: {environments: {production: }}
      site: {allow: {unused-repository: it is about to be used}}
accounts: {prod: {id: "222222222222"}}
roles:
  deploy:
    accounts: [prod]
    trust: [{repository: acme/shop, environments: [production]}]
"""
WANTS_RANGES = f"{OPEN}    source_ips: atlassian\n    allow: {{shared-addresses: the trust is narrow enough}}\n"

Lock = Callable[..., int]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedBitbucket]:
    with EmulatedBitbucket(tmp_path_factory.mktemp("bitbucket"), [ACME]) as bitbucket:
        yield bitbucket


@pytest.fixture
def bitbucket(served: EmulatedBitbucket) -> EmulatedBitbucket:
    served.workspaces, served.ranges = (ACME,), EmulatedRanges()
    for name, value in dataclasses.asdict(Behaviour()).items():
        setattr(served.behaviour, name, value)
    served.behaviour.requests_per_hour = 100_000
    return served


@pytest.fixture
def lock(bitbucket: EmulatedBitbucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lock:
    """Run the command on an inventory in the current folder; its token is the one that the emulated one takes."""
    for name in ("BITBUCKET_EMAIL", "BITBUCKET_API_TOKEN", "HTTPS_PROXY", "https_proxy", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BITBUCKET_ACCESS_TOKEN", SANDBOX_TOKEN)
    monkeypatch.setenv("BITBUCKET_API_URL", bitbucket.api_url)
    monkeypatch.setenv("BITBUCKET_CA_FILE", str(bitbucket.ca_file))
    monkeypatch.setenv("ATLASSIAN_IP_RANGES_URL", bitbucket.ranges_url)
    monkeypatch.chdir(tmp_path)
    Path("inventory").mkdir()
    Path("inventory/base.yaml").write_text(OPEN)
    return lambda *options: run(["lock", *options])


def lock_text() -> str:
    return Path("inventory/inventory.lock.yaml").read_text()


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_new_lock_has_the_missing_uuids(lock: Lock, capsys: pytest.CaptureFixture[str]) -> None:
    assert has_errors(load_inventory(Path("inventory")).findings)
    assert lock() == 0
    assert not has_errors(load_inventory(Path("inventory")).findings)
    shown = capsys.readouterr()
    assert f"+ repository acme/shop, UUID: now {SHOP_UUID}\n" in shown.out
    note, end = shown.err.splitlines()
    assert note.startswith("note: this is a Bitbucket on this machine, not the real one")
    assert end == "inventory.lock.yaml is written, 5 changes: review it and commit it"
    assert f'production: {{uuid: "{PRODUCTION_UUID}", restrictions: {{admin_only: true}}}}' in lock_text()
    assert "CN=Emulated Bitbucket Intermediate CA" in lock_text()
    assert "site" not in lock_text()


def test_a_second_run_changes_nothing(lock: Lock, capsys: pytest.CaptureFixture[str]) -> None:
    lock()
    before = lock_text()
    assert lock() == 0
    assert lock_text() == before
    assert capsys.readouterr().err.endswith("inventory.lock.yaml is up to date\n")


def test_all_also_looks_up_unused_names_and_a_later_run_keeps_them(lock: Lock) -> None:
    assert lock("--all") == 0
    assert NEW_UUID in lock_text()
    assert lock() == 0
    assert NEW_UUID in lock_text()
    Path("inventory/base.yaml").write_text(OPEN.replace("      site:", "      other:"))
    assert lock() == 0
    assert NEW_UUID not in lock_text()


def test_check_writes_nothing_and_shows_each_uuid_with_its_name(lock: Lock, capsys: pytest.CaptureFixture[str]) -> None:
    assert lock("--check") == 1
    assert not Path("inventory/inventory.lock.yaml").exists()
    lock()
    capsys.readouterr()
    assert lock("--check") == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{ACME_UUID} is workspace acme",
        f"{SHOP_UUID} is repository acme/shop",
        f"{PRODUCTION_UUID} is deployment environment acme/shop/production",
    ]


def test_a_recreated_repository_is_an_error_until_it_is_accepted(
    lock: Lock, bitbucket: EmulatedBitbucket, capsys: pytest.CaptureFixture[str]
) -> None:
    lock()
    before = lock_text()
    anew = dataclasses.replace(SHOP, uuid=NEW_UUID)
    bitbucket.workspaces = (dataclasses.replace(ACME, repositories=(anew,)),)
    for options in ([], ["--check"]):
        capsys.readouterr()
        assert lock(*options) == 1
        assert "error[made-anew] workspaces.acme.repositories.shop: repository acme/shop is {7d1e" in (
            capsys.readouterr().err
        )
    assert lock_text() == before
    assert lock("--accept", "acme/shop") == 0
    assert NEW_UUID in lock_text()


def test_json_is_for_programs(lock: Lock, bitbucket: EmulatedBitbucket, capsys: pytest.CaptureFixture[str]) -> None:
    lock()
    bitbucket.workspaces = (dataclasses.replace(ACME, repositories=(dataclasses.replace(SHOP, uuid=NEW_UUID),)),)
    capsys.readouterr()
    assert lock("--check", "--format", "json") == 1
    report = printed(capsys)
    assert report.keys() == {"agrees", "written", "changes", "findings", "uuids", "failed", "notes", "unanswered"}
    assert (report["agrees"], report["written"]) == (False, False)
    assert [(change["change"], change["path"][-1]) for change in report["changes"]] == [("changed", "uuid")]
    (finding,) = report["findings"]
    assert finding.keys() == {"rule", "level", "file", "line", "column", "path", "message", "hint"}
    assert (finding["file"], finding["line"]) == ("inventory/base.yaml", 5)
    assert {"uuid": SHOP_UUID, "kind": "repository", "name": "acme/shop", "today": None} in report["uuids"]


def test_an_inventory_that_names_every_uuid_needs_no_lock(lock: Lock, capsys: pytest.CaptureFixture[str]) -> None:
    text = OPEN.replace("acme:\n", f'acme:\n    uuid: "{ACME_UUID}"\n')
    text = text.replace("production: ", f'production: "{PRODUCTION_UUID}"').replace(
        "shop: {", f'shop: {{uuid: "{SHOP_UUID}", '
    )
    Path("inventory/base.yaml").write_text(text)
    assert lock("--check") == 0
    assert capsys.readouterr().err.endswith("has every UUID itself, so it needs no lock\n")
    Path("inventory/base.yaml").write_text(text.replace(SHOP_UUID, NEW_UUID))
    assert lock("--check") == 1
    assert f"wrong-uuid] workspaces.acme.repositories.shop.uuid: {NEW_UUID} is not repository acme/shop" in (
        capsys.readouterr().err
    )


def test_address_ranges_are_pinned_and_their_changes_shown(
    lock: Lock, bitbucket: EmulatedBitbucket, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("inventory/base.yaml").write_text(WANTS_RANGES)
    assert lock() == 0
    assert '    sync_token: 1700000000\n    networks:\n      - 203.0.113.0/24\n      - "2001:db8::/48"\n' in lock_text()
    bitbucket.ranges = EmulatedRanges(1700000001, bitbucket.ranges.ranges)
    assert lock("--check") == 0
    bitbucket.ranges = EmulatedRanges(1700000002, (EmulatedRange("203.0.113.0/25"),))
    capsys.readouterr()
    assert lock("--check") == 1
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "- address ranges of atlassian, networks, 2001:db8::/48: is gone",
        "- address ranges of atlassian, networks, 203.0.113.0/24: is gone",
        "+ address ranges of atlassian, networks, 203.0.113.0/25: is new",
    ]
    assert lock("--only", "address-ranges") == 0
    assert "sync_token: 1700000002" in lock_text()


def test_lock_replaces_networks_that_atlassian_did_not_publish(lock: Lock, capsys: pytest.CaptureFixture[str]) -> None:
    Path("inventory/base.yaml").write_text(WANTS_RANGES)
    lock()
    Path("inventory/inventory.lock.yaml").write_text(lock_text().replace("203.0.113.0/24", "0.0.0.0/0"))
    assert run(["validate"]) == 1
    assert "error[lock-networks] address_ranges.atlassian.networks: the address ranges have 0.0.0.0/0" in (
        capsys.readouterr().err
    )
    assert lock("--check") == 1
    assert lock() == 0
    assert "0.0.0.0/0" not in lock_text()
    assert run(["validate"]) == 0


def test_only_keeps_the_other_parts(lock: Lock, bitbucket: EmulatedBitbucket) -> None:
    lock()
    before = lock_text()
    asked = len(bitbucket.requests)
    assert lock("--only", "issuers") == 0
    assert lock_text() == before
    assert len(bitbucket.requests) == asked


@pytest.mark.parametrize(
    "options",
    [
        ["--accept", "acme/shpo"], ["--accept", ""], ["--check", "--accept", "acme"], ["--only", "nothing"],
        ["--bitbucket-url", "http://api.bitbucket.org/2.0"], ["--ranges-url", "ftp://x"], ["--ca-file", "missing.pem"],
    ],
)  # fmt: skip
def test_wrong_usage_is_2_and_asks_nobody(lock: Lock, bitbucket: EmulatedBitbucket, options: list[str]) -> None:
    asked = len(bitbucket.requests)
    assert lock(*options) == 2
    assert len(bitbucket.requests) == asked


def test_a_failed_request_is_3_and_leaves_the_lock(
    lock: Lock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock()
    before = lock_text()
    monkeypatch.setenv("BITBUCKET_ACCESS_TOKEN", SECRET)
    capsys.readouterr()
    assert lock() == 3
    shown = capsys.readouterr()
    _note, error = shown.err.splitlines()
    assert error.startswith("error: Bitbucket does not accept these credentials: ")
    assert SECRET not in shown.out + shown.err
    assert lock_text() == before


def test_without_credentials_a_note_says_how_to_set_them(
    lock: Lock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BITBUCKET_ACCESS_TOKEN")
    assert lock() == 1
    assert "note: without credentials, Bitbucket shows only public" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["issuers", "address-ranges"])
def test_parts_without_names_need_no_credentials(
    lock: Lock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], part: str
) -> None:
    monkeypatch.delenv("BITBUCKET_ACCESS_TOKEN")
    monkeypatch.setenv("BITBUCKET_EMAIL", "ann@example.com")  # without its token
    assert lock("--only", part) == 0
    assert "credentials" not in capsys.readouterr().err


def test_no_file_or_output_of_a_run_has_the_token(
    lock: Lock, bitbucket: EmulatedBitbucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bitbucket.behaviour.access_tokens[SECRET] = frozenset({"repository", "pipeline"})
    monkeypatch.setenv("BITBUCKET_ACCESS_TOKEN", SECRET)
    assert lock("--format", "json") == 0
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err + lock_text()


@pytest.mark.parametrize("text", ["roles: {", OPEN.replace("prod]", "nowhere]")], ids=["broken", "faulty"])
def test_a_faulty_inventory_asks_nobody(lock: Lock, bitbucket: EmulatedBitbucket, text: str) -> None:
    Path("inventory/base.yaml").write_text(text)
    asked = len(bitbucket.requests)
    assert lock() == 1
    assert len(bitbucket.requests) == asked


def test_a_broken_lock_is_not_overwritten(lock: Lock) -> None:
    Path("inventory/inventory.lock.yaml").write_text("<<<<<<< ours\n")
    assert lock() == 1
    assert lock_text() == "<<<<<<< ours\n"


def test_a_lock_written_meanwhile_by_another_run_is_kept(
    lock: Lock, bitbucket: EmulatedBitbucket, capsys: pytest.CaptureFixture[str]
) -> None:
    class Meanwhile(EmulatedRanges):
        def document(self) -> Any:
            Path("inventory/inventory.lock.yaml").write_text("version: 1\n")
            return super().document()

    Path("inventory/base.yaml").write_text(WANTS_RANGES)
    bitbucket.ranges = Meanwhile()
    assert lock() == 3
    assert "was changed while this command ran; run it again" in capsys.readouterr().err
    assert lock_text() == "version: 1\n"


def test_a_new_name_in_the_inventory_makes_the_lock_stale_until_the_next_run(
    lock: Lock, capsys: pytest.CaptureFixture[str]
) -> None:
    lock()
    assert run(["validate", "--strict"]) == 0
    more = f"{OPEN}      - {{repository: acme/site, environments: [live]}}\n".replace(
        "trust: [{repository: acme/shop, environments: [production]}]",
        "trust:\n      - {repository: acme/shop, environments: [production]}",
    )
    site = f'site: {{uuid: "{NEW_UUID}", environments: {{live: "{ACME_UUID[:-3]}99}}"}}'
    Path("inventory/base.yaml").write_text(more.replace("site: {", f"{site}, "))
    capsys.readouterr()
    assert run(["validate"]) == 0
    assert "warning[stale-lock] answers.workspaces: " in capsys.readouterr().err
