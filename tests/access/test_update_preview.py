"""What ``pulumi preview --json`` prints is read for what goes; what is no whole preview is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from access.update_preview import Loss, read_update_preview
from oidc.errors import BitbucketOidcError, OutsideWorldError, UsageError

REAL = Path(__file__).parent.parent / "fixtures" / "previews" / "replaces-a-role.json"
"""Printed by the Pulumi CLI for this program, without the properties of its resources."""

PREFIX = "urn:pulumi:prod::bitbucket-aws-oidc::bitbucket-aws-oidc:index:PipelineRole"
ROLE = PREFIX + "$aws:iam/role:Role::prod/{}"
OIDC_PROVIDER = PREFIX + "$aws:iam/openIdConnectProvider:OpenIdConnectProvider::prod/{}"


def step(op: str, urn: str, **state: Any) -> dict[str, Any]:
    return {"op": op, "urn": urn} | ({} if op == "create" else {"oldState": {"urn": urn, **state}})


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


@pytest.mark.parametrize("op", ["same", "update", "create", "refresh", "discard"])
def test_what_stays_is_not_lost(op: str, tmp_path: Path) -> None:
    assert read_update_preview(preview_file(tmp_path, step(op, ROLE.format("a")))).loss.roles == ()


def test_a_resource_dropped_from_the_state_is_not_lost(tmp_path: Path) -> None:
    kept = step("delete", OIDC_PROVIDER.format("acme"), retainOnDelete=True)
    assert read_update_preview(preview_file(tmp_path, kept)).loss.oidc_providers == ()


def test_a_name_with_colons_is_a_name(tmp_path: Path) -> None:
    (change,) = read_update_preview(preview_file(tmp_path, step("delete", ROLE.format("a::b$c")))).steps
    assert (change.type, change.name) == ("aws:iam/role:Role", "prod/a::b$c")


def test_a_first_update_loses_nothing(tmp_path: Path) -> None:
    assert read_update_preview(preview_file(tmp_path, step("create", ROLE.format("a")))).loss == Loss(0, ())


def test_a_preview_of_nothing_is_one(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text('{"steps": null, "changeSummary": {}}')
    assert read_update_preview(path).loss == Loss(0, ())


def test_a_preview_that_hides_what_stays_is_refused_since_nobody_can_tell_the_part(tmp_path: Path) -> None:
    hidden = preview_file(tmp_path, step("delete", ROLE.format("a")), changeSummary={"delete": 1, "same": 40})
    with pytest.raises(UsageError, match=r"leaves out .*--show-sames"):
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
