"""Run reports for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from access.comparison.changes import Effect
from fleet.report import AccountReport, Command, Part, ReportedChange, Result, RunReport, totals_of

STARTED = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)
PLAN = "sha256:" + "0" * 64

KEYS = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
TEXTS = st.text(max_size=40)
CHANGES = st.builds(
    ReportedChange,
    kind=st.just("trust-gained"),
    effect=st.sampled_from(Effect),
    role=st.none() | KEYS,
    arn=st.none() | TEXTS,
    message=TEXTS,
)


def accounts() -> st.SearchStrategy[AccountReport]:
    return KEYS.flatmap(
        lambda key: st.builds(
            AccountReport,
            account=st.just(key),
            id=st.none() | st.from_regex(r"[0-9]{12}", fullmatch=True),
            stack=st.just(key),
            wave=st.none() | KEYS,
            standing=st.none(),
            result=st.sampled_from(Result),
            reason=TEXTS,
            do=TEXTS,
            changes=st.lists(CHANGES, max_size=1).map(tuple),
            drift=st.lists(CHANGES, max_size=1).map(tuple),
            counts=st.dictionaries(st.sampled_from(["create", "update", "same"]), st.integers(0, 1000)),
            seconds=st.floats(0, 1e6),
            digest_before=st.none() | st.just(PLAN),
            digest_after=st.none() | st.just(PLAN),
            retries=st.integers(0, 10),
        )
    )


def report_of(
    accounts: Sequence[AccountReport],
    *,
    part: Part | None = None,
    after: float = 0,
    seconds: float = 1,
    fleet: int | None = None,
) -> RunReport:
    return RunReport(
        command=Command.UP,
        version="1.0",
        plan=PLAN,
        started=STARTED + timedelta(seconds=after),
        seconds=seconds,
        parts=(part or Part(),),
        fleet=len(accounts) if fleet is None else fleet,
        totals=totals_of(accounts),
        accounts=tuple(sorted(accounts, key=lambda account: account.account)),
    )


def lists_of_accounts(max_size: int = 4) -> st.SearchStrategy[list[AccountReport]]:
    return st.lists(accounts(), max_size=max_size, unique_by=lambda account: account.account)
