"""The run report: what a run of the fleet did in each account, as JSON with a published schema."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_serializer

from access.comparison.changes import Change, Effect
from config.schema import DescribedSchema
from config.yaml.text import write_whole
from fleet.status import Standing

FORMAT: Literal[1] = 1
"""The version of the format; any change of its keys is a new version."""


class Command(StrEnum):
    """The command that wrote the report."""

    STATUS = "status"
    PREVIEW = "preview"
    UP = "up"
    DESTROY = "destroy"


class Result(StrEnum):
    """The result of an account.

    ``in-line``: nothing had to be done. ``to-do``: `status` or `preview` found something to be done. ``succeeded``:
    everything was done. ``failed``: a part was not done, or the account could not be asked. ``refused``: the account
    loses more than accepted, or its plan is not the reviewed one. ``skipped``: `up` does nothing in such an account.
    ``not-started``: the run ended before, or an earlier wave was not whole.
    """

    IN_LINE = "in-line"
    TO_DO = "to-do"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    SKIPPED = "skipped"
    NOT_STARTED = "not-started"


UNDONE = (Result.FAILED, Result.REFUSED, Result.NOT_STARTED)
"""The results that end a run in exit code 1."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)


class ReportedChange(_Model):
    """One change of an account, as `diff` has it."""

    kind: str
    """Its id: `trust-gained`."""
    effect: Effect
    """Its effect on access."""
    role: str | None
    """The key of the role; null for a change of the account or of an OIDC provider."""
    arn: str | None
    """ARN of the role or the OIDC provider; null for an account."""
    message: str
    """The change in words."""

    @classmethod
    def of(cls, change: Change) -> "ReportedChange":
        """Return it for a change of a comparison."""
        return cls(kind=change.kind, effect=change.effect, role=change.role, arn=change.arn, message=change.message)


class AccountReport(_Model):
    """What a run found and did in one account."""

    account: str
    """Its key in the inventory; of a stack that the inventory no longer has, the stack's name."""
    id: str | None
    """Twelve digits; null for a stack that the inventory no longer has."""
    stack: str
    """The name of its stack."""
    wave: str | None
    """The name of its wave; null for a stack that the inventory no longer has."""
    standing: Standing | None
    """What the run found at first; null if it did not ask."""
    result: Result
    """What came of it."""
    reason: str = ""
    """Why, in a sentence; empty if nothing has to be explained."""
    do: str = ""
    """What to do about it; empty if there is nothing to do."""
    notes: tuple[str, ...] = ()
    """Further sentences: what the next run mends, and what AWS has that it does not take up."""
    changes: tuple[ReportedChange, ...] = ()
    """What the inventory changes, compared with what was applied last."""
    drift: tuple[ReportedChange, ...] = ()
    """What somebody changed by hand since then."""
    counts: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """How many resources the engine created, updated, deleted, …; in a preview: would create."""
    seconds: Annotated[float, Field(ge=0)] = 0
    """How long the engine ran in this account."""
    digest_before: str | None = None
    """The digest of the plan that was applied last, completely; null if there is none or it could not be read."""
    digest_after: str | None = None
    """The same after the run."""
    retries: Annotated[int, Field(ge=0)] = 0
    """How many times the engine was started again, after throttling for example."""

    @property
    def is_failure(self) -> bool:
        """Tell whether something that was asked for was not done."""
        return self.result in UNDONE


class Part(_Model):
    """A part of the accounts that a command was given."""

    shard: Annotated[str | None, Field(pattern=r"^[0-9]+/[0-9]+$")] = None
    """The value of `--shard`: `3/8`; null for all."""
    waves: tuple[str, ...] = ()
    """The values of `--wave`, sorted; empty for all."""
    accounts: tuple[str, ...] = ()
    """The values of `--account`; empty for all."""
    owners: tuple[str, ...] = ()
    """The values of `--owner`; empty for all."""


class RunReport(_Model):
    """What one run of `bitbucket-oidc fleet` found and did, or several runs with parts of the accounts."""

    format: Literal[1] = FORMAT
    """The version of this format; any change of its keys is a new version."""
    command: Command
    """The command that ran."""
    version: str
    """The version of the program."""
    plan: str
    """The digest of the whole plan; reports of another plan are not joined."""
    started: AwareDatetime
    """When the run began, in UTC."""
    seconds: Annotated[float, Field(ge=0)]
    """How long it took; of joined reports: from the first start to the last end."""
    interrupted: bool = False
    """Whether somebody ended the run before its end."""
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    """Which accounts the command was given; one entry for each joined report."""
    fleet: Annotated[int, Field(ge=0)]
    """The number of accounts of the inventory."""
    totals: dict[Result, Annotated[int, Field(ge=0)]]
    """The number of accounts by result; a result that no account has is left out."""
    accounts: tuple[AccountReport, ...]
    """The accounts, sorted."""

    @field_serializer("started")
    def _in_seconds(self, started: datetime) -> str:
        return started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def failures(self) -> tuple[AccountReport, ...]:
        """The accounts in which something was not done."""
        return tuple(account for account in self.accounts if account.is_failure)


def totals_of(accounts: Iterable[AccountReport]) -> dict[Result, int]:
    """Return the number of accounts by result, in the order of ``Result``."""
    numbers = Counter(account.result for account in accounts)
    return {result: numbers[result] for result in Result if numbers[result]}


def report_text(report: RunReport) -> str:
    """Return a report as JSON."""
    return report.model_dump_json(indent=2) + "\n"


def write_report(path: Path, report: RunReport) -> None:
    """Write a report, whole or not at all.

    Raises:
        OutsideWorldError: The file cannot be written.
    """
    write_whole(path, report_text(report).encode())


SCHEMA_ID = f"urn:bitbucket-aws-oidc:run-report:{FORMAT}"
"""Names the schema: an identifier, not a place to fetch it from."""


def report_schema_text() -> str:
    """Return the JSON Schema of a report, as ``fleet/run-report.schema.json`` holds it, in ASCII."""
    schema = RunReport.model_json_schema(schema_generator=DescribedSchema, mode="serialization")
    head = {"$schema": DescribedSchema.schema_dialect, "$id": SCHEMA_ID, "title": "Run report of bitbucket-aws-oidc"}
    return json.dumps({**head, **{key: schema[key] for key in schema if key not in head}}, indent=2) + "\n"


def reported(changes: Sequence[Change]) -> tuple[ReportedChange, ...]:
    """Return the changes as the report has them."""
    return tuple(map(ReportedChange.of, changes))
