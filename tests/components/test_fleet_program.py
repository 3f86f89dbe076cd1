"""The program on a fleet: a stack takes the account with its name; and resources that a run takes up."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from access.compile import compile_plan
from access.digests import AppliedSettings, plan_digests
from access.plan import AccessPlan
from access.stacks import take
from config.load import load_inventory
from config.models.account import OidcProviderMode
from config.models.rollout import Rollout
from config.project_file import PROJECT
from config.stack_file import removed_stack, stack_of_config
from tests.components.conftest import stack_outputs

ROLE, PROVIDER = "aws:iam/role:Role", "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
ROLES = """
defaults: {thumbprints: omit}
roles: {r: {accounts: [dev, prod], trust: [{repository: acme/shop, environments: [production]}]}}
"""
FLEET = f"{ROLES}rollout: {{waves: [{{name: canary, accounts: [dev]}}]}}\n"


def plan_of(folder: Path) -> tuple[AccessPlan, Rollout | None]:
    loaded = load_inventory(folder)
    plan = compile_plan(loaded).plan
    assert plan is not None
    return plan, loaded.inventory.rollout


@pytest.mark.parametrize("config", [{}, {"accounts": '["*"]'}])
def test_a_stack_of_a_fleet_takes_the_account_with_its_name_alone(
    run: Callable[..., Any], write_inventory: Callable[..., Path], config: dict[str, str]
) -> None:
    folder = write_inventory(FLEET)
    for key in ("dev", "prod"):
        outputs = stack_outputs(run(folder, key, **config))
        assert outputs["roleArns"].keys() == {key}
        assert outputs["oidcProviderArns"].keys() == {key}


@pytest.mark.parametrize("stack", ["test", "Dev", "de", "dev-2", "canary", "others"])
def test_a_stack_of_a_fleet_that_is_named_after_no_account_is_refused_before_anything_is_registered(
    run: Callable[..., Any], write_inventory: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, stack: str
) -> None:
    def happens(*_: object, **__: object) -> None:
        raise AssertionError("the program went on")

    monkeypatch.setattr("facts.issuer.certificates.fetch_thumbprints", happens)
    monkeypatch.setattr("components.bitbucket_oidc.BitbucketOidc.__init__", happens)
    with pytest.raises(pulumi.RunError, match=f"^stack {stack}: the inventory is a fleet.* no account of this name; "):
        run(write_inventory(FLEET.replace("omit", "fetch")), stack)


def test_a_stack_of_a_fleet_that_lists_its_accounts_takes_them(
    run: Callable[..., Any], write_inventory: Callable[..., Path]
) -> None:
    folder = write_inventory(FLEET)
    assert stack_outputs(run(folder, "rest", accounts='["dev", "prod"]'))["roleArns"].keys() == {"dev", "prod"}
    assert stack_outputs(run(folder, "dev", accounts='["p*"]'))["roleArns"].keys() == {"prod"}


def test_without_rollout_a_stack_with_the_name_of_an_account_takes_all(
    run: Callable[..., Any], write_inventory: Callable[..., Path]
) -> None:
    assert stack_outputs(run(write_inventory(ROLES), "dev"))["roleArns"].keys() == {"dev", "prod"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("guardrails: {rules: {everywhere: {permissions_boundary: account:x}}}\n", "guardrail-boundary"),
        ("", "guardrails-missing"),
        (None, "guardrails-missing"),
    ],
)
def test_guardrails_that_rollout_names_end_the_run(
    run: Callable[..., Any], write_inventory: Callable[..., Path], tmp_path: Path, text: str | None, rule: str
) -> None:
    if text is not None:
        (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(pulumi.RunError) as caught:
        run(write_inventory(f"{ROLES}rollout: {{guardrails: ../rules.yaml}}\n"), "dev")
    assert f"error[{rule}]" in str(caught.value)


@pytest.mark.parametrize("protects", [True, False])
def test_rollout_protects_oidc_providers(
    run: Callable[..., Any], write_inventory: Callable[..., Path], *, protects: bool
) -> None:
    folder = write_inventory(f"{ROLES}rollout: {{protect_oidc_providers: {str(protects).lower()}}}\n")
    assert [it.protect for it in run(folder, "dev").of(PROVIDER).values()] == [protects]
    assert [it.protect for it in run(folder, "dev", protectOidcProviders="true").of(PROVIDER).values()] == [True]


def test_a_run_exports_the_digest_that_the_commands_show_for_its_stack(
    run: Callable[..., Any], write_inventory: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text("guardrails: {rules: {everywhere: {widest_trust: environment-bound}}}\n")
    shared = "{guardrails: ../rules.yaml, protect_oidc_providers: true}"
    for text in (ROLES, FLEET, f"{ROLES}rollout: {shared}\n"):
        folder = write_inventory(text)
        plan, rollout = plan_of(folder)
        digest = stack_outputs(run(folder, "dev"))["planDigest"]
        assert digest == take(removed_stack("dev", "dev", None), plan, rollout).digest
        if rollout is not None:
            settings = AppliedSettings().in_fleet(rollout)
            assert digest == plan_digests(plan.only(frozenset({"dev"})), settings).digest
    folder = write_inventory(FLEET)
    plan, rollout = plan_of(folder)
    config = {f"{PROJECT}:accounts": '["prod"]', f"{PROJECT}:protectOidcProviders": "true"}
    short = {key.partition(":")[2]: value for key, value in config.items()}
    digest = stack_outputs(run(folder, "rest", **short))["planDigest"]
    assert digest == take(stack_of_config("rest", "config", config), plan, rollout).digest


@pytest.mark.parametrize("modes", list(itertools.product(OidcProviderMode, repeat=2)))
def test_without_take_up_only_adopted_oidc_providers_are_imported(
    run: Callable[..., Any], write_inventory: Callable[..., Path], modes: tuple[OidcProviderMode, OidcProviderMode]
) -> None:
    keys = dict(zip(("dev", "prod"), modes, strict=True))
    folder = write_inventory(ROLES)
    data = yaml.safe_load((folder / "base.yaml").read_text())
    for key, mode in keys.items():
        data["accounts"][key]["oidc_provider"] = str(mode)
    (folder / "base.yaml").write_text(yaml.safe_dump(data))
    known = {key: {"id": data["accounts"][key]["id"], "oidc_providers": {"acme": "present"}} for key in keys}
    (folder / "inventory.lock.yaml").write_text(yaml.safe_dump({"version": 1, "accounts": known}))
    plan, _ = plan_of(folder)
    adopted = {it.arn for account in plan.accounts for it in account.oidc_providers if it.mode == "adopt"}
    # `auto` adopts what the lock knows.
    assert len(adopted) == sum(mode in (OidcProviderMode.ADOPT, OidcProviderMode.AUTO) for mode in modes)
    registered = run(folder)
    assert {it.import_id for it in registered.resources if it.import_id} == adopted


def test_what_a_run_takes_up_is_imported_as_it_is_and_the_digest_is_not_yet_applied(
    run: Callable[..., Any], write_inventory: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_inventory(FLEET)
    (account,) = plan_of(folder)[0].only(frozenset({"dev"})).accounts
    role, provider = account.roles[0], account.oidc_providers[0]
    registered = run(folder, "dev", takeUp=json.dumps([role.arn]))
    imported = {it.import_id: it for it in registered.resources if it.import_id}
    assert imported.keys() == {"r"}
    assert {"assumeRolePolicy", "tags", "description"} <= set(imported["r"].ignore_changes)
    assert "planDigest" not in stack_outputs(registered)
    assert f"takeUp: this run changes nothing of {role.arn}; the next run without takeUp does" in caplog.text
    registered = run(folder, "dev", takeUp=json.dumps([role.arn, provider.arn]))
    assert {it.import_id for it in registered.resources if it.import_id} == {"r", provider.arn}
    assert [it.retain_on_delete for it in registered.of(PROVIDER).values()] == [False]
    registered = run(folder, "dev")
    assert not any(it.import_id or it.ignore_changes for it in registered.resources)
    assert "planDigest" in stack_outputs(registered)


def test_only_what_the_plan_creates_is_taken_up(
    run: Callable[..., Any], write_inventory: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def happens(*_: object, **__: object) -> None:
        raise AssertionError("the program went on")

    folder = write_inventory(FLEET.replace("defaults: {", "defaults: {oidc_provider: reference, "))
    plan, _ = plan_of(folder)
    dev, prod = plan.only(frozenset({"dev"})).accounts[0], plan.only(frozenset({"prod"})).accounts[0]
    monkeypatch.setattr("components.bitbucket_oidc.BitbucketOidc.__init__", happens)
    for arn in (dev.oidc_providers[0].arn, prod.roles[0].arn, f"{dev.roles[0].arn}2", "r"):
        with pytest.raises(pulumi.RunError, match=r"^stack config takeUp: this stack creates no role or OIDC provider"):
            run(folder, "dev", takeUp=json.dumps([dev.roles[0].arn, arn]))
