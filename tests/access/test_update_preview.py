"""What ``pulumi preview --json`` prints is read for what goes; what is no whole preview is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.update_preview import OIDC_PROVIDER_TYPE, Loss, read_update_preview
from oidc.errors import BitbucketOidcError, OutsideWorldError, UsageError

PREVIEWS = Path(__file__).parent.parent / "fixtures" / "previews"
"""Printed by the Pulumi CLI for this program, without the properties of its resources."""
REAL = PREVIEWS / "replaces-a-role.json"

PREFIX = "urn:pulumi:prod::bitbucket-aws-oidc::bitbucket-aws-oidc:index:PipelineRole"
ROLE = PREFIX + "$aws:iam/role:Role::prod/{}"
OIDC_PROVIDER = PREFIX + "$aws:iam/openIdConnectProvider:OpenIdConnectProvider::prod/{}"


def step(op: str, urn: str, **state: Any) -> dict[str, Any]:
    """Return a step as the CLI prints it: what is created or imported has no old state."""
    has_old = op not in {"create", "import", "import-replacement"}
    return {"op": op, "urn": urn} | ({"oldState": {"urn": urn, **state}} if has_old else {})


def preview_file(folder: Path, *steps: dict[str, Any], **other: Any) -> Path:
    counts: dict[str, int] = {}
    for change in steps:
        counts[change["op"]] = counts.get(change["op"], 0) + 1
    path = folder / "preview.json"
    path.write_text(json.dumps({"steps": steps, "changeSummary": counts, **other}))
    return path


def test_a_real_preview_gives_replaced_and_existing_roles() -> None:
    preview = read_update_preview(REAL)
    (role,) = preview.loss.roles
    assert role.endswith("$aws:iam/role:Role::dev/shop-staging")
    assert (preview.loss.roles_before, preview.loss.oidc_providers) == (2, ())
    assert preview.counts == {"replace": 2}
    assert [(change.operation, change.type.rsplit(":", 1)[-1], change.name) for change in preview.steps] == [
        ("replace", "Role", "dev/shop-staging"),
        ("replace", "RolePolicyAttachmentsExclusive", "dev/shop-staging"),
    ]


@pytest.mark.parametrize("op", ["delete", "replace", "delete-replaced", "create-replacement"])
def test_whatever_takes_a_resource_away_for_a_moment_counts_once(op: str, tmp_path: Path) -> None:
    steps = [step(op, ROLE.format("a")), step("same", ROLE.format("b")), step(op, OIDC_PROVIDER.format("acme"))]
    loss = read_update_preview(preview_file(tmp_path, *steps)).loss
    assert loss == Loss(2, (ROLE.format("a"),), (OIDC_PROVIDER.format("acme"),))


@pytest.mark.parametrize(
    ("name", "counts", "roles", "adopted"),
    [
        ("imports-an-oidc-provider", {"import": 1, "create": 13}, 0, ["import"]),
        ("imports-what-it-only-read", {"import": 1}, 3, ["import"]),
        ("mends-drift", {"update": 2, "create": 5}, 2, []),
    ],
)
def test_real_previews_of_imports_and_drift_lose_nothing(
    name: str, counts: dict[str, int], roles: int, adopted: list[str]
) -> None:
    preview = read_update_preview(PREVIEWS / f"{name}.json")
    assert preview.loss == Loss(roles, ())
    assert preview.counts == counts
    assert [change.operation for change in preview.steps if change.type == OIDC_PROVIDER_TYPE] == adopted


STAYS = [
    "same", "update", "create", "read", "read-replacement", "refresh", "discard", "discard-replaced", "import",
    "import-replacement", "remove-pending-replace", "diff", "extend-parameterize",
]  # fmt: skip
"""All other operations of the CLI (``StepOps`` in ``pkg/resource/deploy/step.go``)."""


@pytest.mark.parametrize("op", STAYS)
def test_an_operation_that_deletes_nothing_loses_nothing(op: str, tmp_path: Path) -> None:
    for urn in (ROLE, OIDC_PROVIDER):
        loss = read_update_preview(preview_file(tmp_path, step(op, urn.format("a")))).loss
        assert (loss.roles, loss.oidc_providers) == ((), ())


@given(st.lists(st.sampled_from([*STAYS, "delete", "replace"]), max_size=12))
def test_roles_before_an_update_are_those_that_it_does_not_add(tmp_path_factory: Any, ops: list[str]) -> None:
    steps = [step(op, ROLE.format(at)) for at, op in enumerate(ops)]
    loss = read_update_preview(preview_file(tmp_path_factory.getbasetemp(), *steps)).loss
    assert len(loss.roles) == sum(op in {"delete", "replace"} for op in ops)
    assert loss.roles_before == sum(op not in {"create", "import", "import-replacement", "refresh"} for op in ops)


def test_a_role_that_is_gone_from_aws_is_neither_lost_nor_counted(tmp_path: Path) -> None:
    gone = [step("refresh", ROLE.format(name)) for name in "abc"]
    again = [step("create", ROLE.format("a")), step("same", ROLE.format("c"))]
    assert read_update_preview(preview_file(tmp_path, *gone, *again)).loss == Loss(1, ())


def test_a_resource_that_was_only_read_is_imported_or_created_and_not_replaced(tmp_path: Path) -> None:
    urn = OIDC_PROVIDER.format("acme")
    for imported, operation in ({"importID": "arn"}, "import"), ({}, "create"):
        read = {**step("replace", urn, external=True), "newState": {"urn": urn, **imported}}
        preview = read_update_preview(preview_file(tmp_path, read))
        assert [change.operation for change in preview.steps] == [operation]
        assert (preview.counts, preview.loss) == ({operation: 1}, Loss(0, ()))


def test_a_resource_dropped_from_the_state_is_not_lost(tmp_path: Path) -> None:
    kept = step("delete", OIDC_PROVIDER.format("acme"), retainOnDelete=True)
    preview = read_update_preview(preview_file(tmp_path, kept))
    assert (preview.loss.oidc_providers, preview.counts) == ((), {"drop": 1})


def test_a_name_with_colons_is_a_name(tmp_path: Path) -> None:
    (change,) = read_update_preview(preview_file(tmp_path, step("delete", ROLE.format("a::b$c")))).steps
    assert (change.type, change.name) == ("aws:iam/role:Role", "prod/a::b$c")


def test_a_first_update_loses_nothing(tmp_path: Path) -> None:
    assert read_update_preview(preview_file(tmp_path, step("create", ROLE.format("a")))).loss == Loss(0, ())


def test_a_preview_of_nothing_is_one(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text('{"steps": null, "changeSummary": {}}')
    assert read_update_preview(path).loss == Loss(0, ())


@pytest.mark.parametrize("op", ["same", "delete", "import"])
def test_a_preview_that_leaves_out_steps_is_refused(op: str, tmp_path: Path) -> None:
    shown = step("delete", ROLE.format("a"))
    hidden = preview_file(tmp_path, shown, changeSummary={"delete": 1, op: 40})
    with pytest.raises(UsageError, match=rf"leaves out (40|39) steps `{op}`; .*--show-sames"):
        read_update_preview(hidden)


def test_a_preview_that_failed_says_so(tmp_path: Path) -> None:
    diagnostics = [
        {"severity": "warning", "message": "w"},
        {"severity": "error", "message": "no\x1b[31m credentials\n"},
    ]
    with pytest.raises(OutsideWorldError, match=r"the preview in .* failed: no\\x1b\[31m credentials$"):
        read_update_preview(preview_file(tmp_path, diagnostics=diagnostics))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "error: no stack named 'prod' found",
        "[]",
        "null",
        '{"steps": []}',
        '{"steps": 1, "changeSummary": {}}',
        '{"steps": [{"op": "delete"}], "changeSummary": {}}',
        '{"steps": [{"op": "delete", "urn": "x"}], "changeSummary": {}}',
        '{"steps": [{"op": "delete", "urn": null}], "changeSummary": {}}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_not_a_preview_gives_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        read_update_preview(path)
    assert str(raised.value).endswith("pulumi preview --json --show-sames`")
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(BitbucketOidcError, match="cannot be read"):
        read_update_preview(tmp_path / "none.json")
