"""The run report: its schema, its text, and the report that several make together."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fleet.joining import join, missing_shards, read_report
from fleet.report import FORMAT, AccountReport, Part, RunReport, report_schema_text, report_text, write_report
from fleet.waves import shard_of
from oidc.errors import UsageError
from tests.fleet.run_reports import accounts, lists_of_accounts, report_of

SCHEMA_FILE = Path(__file__).parents[2] / "fleet" / "run-report.schema.json"
VALIDATOR = Draft202012Validator(json.loads(report_schema_text()))


def test_the_committed_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text() == report_schema_text(), "run make docs"


def test_the_schema_is_valid_and_closed() -> None:
    schema = json.loads(report_schema_text())
    Draft202012Validator.check_schema(schema)
    objects = [part for part in (schema, *schema["$defs"].values()) if part.get("type") == "object"]
    assert objects
    for part in objects:
        assert part["additionalProperties"] is False
        assert set(part["required"]) == set(part["properties"])
        assert all(value.get("description") for value in part["properties"].values())


@settings(max_examples=30)
@given(lists_of_accounts())
def test_a_written_report_is_valid_and_read_as_the_same(accounts: list[AccountReport]) -> None:
    report = report_of(accounts)
    text = report_text(report)
    VALIDATOR.validate(json.loads(text))
    assert RunReport.model_validate_json(text) == report


@given(accounts(), st.sampled_from(sorted(AccountReport.model_fields)))
def test_the_schema_refuses_a_report_that_lacks_a_key(account: AccountReport, key: str) -> None:
    data = json.loads(report_text(report_of([account])))
    del data["accounts"][0][key]
    assert not VALIDATOR.is_valid(data)


@settings(max_examples=30)
@given(lists_of_accounts(), st.integers(1, 5))
def test_joined_shards_are_the_report_of_the_whole(accounts: list[AccountReport], count: int) -> None:
    parts = {
        f"{number}.json": report_of(
            [account for account in accounts if shard_of(account.account, count) == number],
            part=Part(shard=f"{number}/{count}"),
            after=number,
            seconds=10,
        )
        for number in range(1, count + 1)
    }
    whole = report_of(accounts)
    joined = join(parts)
    assert (joined.accounts, joined.totals) == (whole.accounts, whole.totals)
    assert joined.seconds == 10 + count - 1
    assert missing_shards(joined) == ()
    VALIDATOR.validate(json.loads(report_text(joined)))


@settings(max_examples=30)
@given(lists_of_accounts(), st.sampled_from(["command", "plan", "version"]))
def test_reports_of_different_runs_are_refused(accounts: list[AccountReport], key: str) -> None:
    other = report_of([]).model_copy(update={key: "another"})
    with pytest.raises(UsageError, match="these reports are of different runs"):
        join({"a.json": report_of(accounts), "b.json": other})


@settings(max_examples=30)
@given(lists_of_accounts().filter(bool), st.data())
def test_reports_with_the_same_account_are_refused(accounts: list[AccountReport], data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(accounts))
    with pytest.raises(UsageError, match=r"is in a\.json and in b\.json"):
        join({"a.json": report_of(accounts), "b.json": report_of([again])})


def test_a_shard_without_a_report_is_named() -> None:
    def part(shard: str, *waves: str) -> RunReport:
        return report_of([], part=Part(shard=shard, waves=waves))

    joined = join({"a": part("1/2", "canary"), "b": part("2/2", "canary"), "c": part("1/3"), "d": part("3/3")})
    assert missing_shards(joined) == ("shard 2/3",)
    assert missing_shards(join({"a": part("1/2", "canary"), "b": part("2/2", "dev")})) == (
        "shard 2/2 of wave canary",
        "shard 1/2 of wave dev",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "is not a run report"),
        ('{"format": 2}', f"has format 2, this program reads format {FORMAT}"),
        ("\ud800", "it is not JSON"),
        ('{"seconds": NaN}', "is not a run report"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(UsageError, match=message):
        read_report(file)


def test_a_report_is_written_and_read(tmp_path: Path) -> None:
    file, report = tmp_path / "report.json", report_of([])
    write_report(file, report)
    assert read_report(file) == report
    with pytest.raises(UsageError, match="cannot be read"):
        read_report(tmp_path / "missing.json")
