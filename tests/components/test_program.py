"""The program itself: a problem ends in RunError with all findings, before anything is registered."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import trustme
import yaml

from access.compile import compile_plan
from access.stacks import take
from components.stack_settings import StackSettings
from config.load import load_inventory
from config.project_file import PROJECT
from config.stack_file import stack_of_config
from oidc.errors import IssuerError
from tests.components.conftest import stack_outputs

ROLES = """
defaults: {thumbprints: omit}
roles: {r: {accounts: [dev, prod], trust: [{repository: acme/shop, environments: [production]}]}}
"""


def test_outputs_are_arns_by_account_and_key(run: Callable[..., Any], write_inventory: Callable[..., Path]) -> None:
    outputs = stack_outputs(run(write_inventory(ROLES)))
    assert outputs["roleArns"] == {"dev": {"r": "arn:of:dev/r"}, "prod": {"r": "arn:of:prod/r"}}
    assert outputs["oidcProviderArns"] == {"dev": {"acme": "arn:of:dev/acme"}, "prod": {"acme": "arn:of:prod/acme"}}


def test_a_stack_takes_the_accounts_that_it_names(
    run: Callable[..., Any], write_inventory: Callable[..., Path]
) -> None:
    outputs = stack_outputs(run(write_inventory(ROLES), accounts='["pr*"]'))
    assert outputs["roleArns"].keys() == {"prod"}


BOTH = """
defaults: {thumbprints: omit}
roles: {r: {accounts: [entered, prod], trust: [{repository: acme/shop, environments: [production]}]}}
"""


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_keys_in_the_environment_are_refused_beside_a_profile_with_a_deploying_role(
    run: Callable[..., Any], write_inventory: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    role = "arn:aws:iam::444444444444:role/PulumiDeploy"
    entered = f'accounts: {{entered: {{id: "444444444444", profile: fourth, deploy_role: "{role}"}}}}'
    folder = write_inventory(BOTH, entered_yaml=entered)
    assert stack_outputs(run(folder))["roleArns"].keys() == {"entered", "prod"}
    monkeypatch.setenv(variable, "")
    run(folder)
    monkeypatch.setenv(variable, "ASIAEXAMPLE")
    with pytest.raises(pulumi.RunError, match=rf"^{variable} in the environment .*: entered; run `unset AWS_ACCESS"):
        run(folder)
    run(folder, accounts='["prod"]')
    monkeypatch.setenv("AWS_SKIP_CREDENTIALS_VALIDATION", "true")
    run(folder)


def test_findings_end_the_run_before_anything_is_registered(
    run: Callable[..., Any], run_program: Any, write_inventory: Callable[..., Path], project_folder: Path
) -> None:
    folder = write_inventory(ROLES.replace("production", "prodution").replace("dev,", "dve,"))
    registered = []
    with pytest.raises(pulumi.RunError) as caught:
        registered.append(run(folder))
    assert str(caught.value).count("\n") == 2
    assert "did you mean `production`?" in str(caught.value)
    assert "did you mean `dev`?" in str(caught.value)
    assert registered == []


def test_an_inventory_for_another_version_ends_the_run_with_one_finding(
    run: Callable[..., Any], write_inventory: Callable[..., Path]
) -> None:
    folder = write_inventory(f'requires: ">=99"\n{ROLES}'.replace("production", "prodution"))
    with pytest.raises(pulumi.RunError) as caught:
        run(folder)
    assert str(caught.value).count("\n") == 1
    assert "requires bitbucket-aws-oidc >=99, and this is version" in str(caught.value)


WIDE = """
defaults: {thumbprints: omit}
roles:
  r: {accounts: [dev], trust: [{repository: acme/shop, steps: outside_environments}]}
  q: {accounts: [dev], trust: [{repository: acme/shop, steps: all_including_environments}]}
  p: {accounts: [prod], trust: [{repository: acme/shop, environments: [production]}], expires: 2020-01-31}
"""


def test_a_preview_shows_each_warning_about_the_accounts_of_the_stack_and_an_update_counts_them(
    run: Callable[..., Any], write_inventory: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    folder = write_inventory(WIDE)
    run(folder, accounts='["dev"]')
    assert told == ["2 warnings about the accounts of this stack; see `validate`"]
    told.clear()
    run(folder, accounts='["data"]')
    assert told == []
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)
    run(folder, accounts='["dev"]')
    (message,) = told
    number, *warnings = message.split("\n")
    assert number == "2 warnings about the accounts of this stack:"
    assert [": warning[repository-wide-trust] roles." in warning for warning in warnings] == [True, True]
    assert len(set(warnings)) == 2


def test_a_run_that_keeps_the_named_guardrails_continues(
    run: Callable[..., Any], write_inventory: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text("guardrails: {rules: {everywhere: {widest_trust: environment-bound}}}\n")
    outputs = stack_outputs(run(write_inventory(ROLES), guardrails=str(tmp_path / "rules.yaml")))
    assert outputs["roleArns"].keys() == {"dev", "prod"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("guardrails: {rules: {everywhere: {permissions_boundary: account:x}}}\n", "guardrail-boundary"),
        ("", "guardrails-missing"),
        (None, "guardrails-missing"),
    ],
)
def test_guardrails_that_the_stack_names_end_the_run(
    run: Callable[..., Any], write_inventory: Callable[..., Path], tmp_path: Path, text: str | None, rule: str
) -> None:
    if text is not None:
        (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(pulumi.RunError) as caught:
        run(write_inventory(ROLES), guardrails=str(tmp_path / "rules.yaml"))
    assert f"error[{rule}]" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"accounts": '["staging"]'}, "stack config accounts: `staging` is not an account of the inventory"),
        ({"accounts": "dev"}, "stack config accounts: it is dev; write a list"),
        ({"accounts": "[]"}, "stack config accounts"),
        ({"protectOidcProviders": "maybe"}, "stack config protectOidcProviders: it is maybe; write true or false"),
        ({"issuerTimeoutSeconds": "0"}, "stack config issuerTimeoutSeconds: it is 0; choose from 1 to 300"),
        ({"issuerTimeoutSeconds": "true"}, "stack config issuerTimeoutSeconds: it is true; write a whole number"),
        (
            {"awsEndpoint": "http://192.0.2.1:4566"},
            "stack config awsEndpoint: http://192.0.2.1:4566 is not on this machine",
        ),
        ({"awsEndpoint": "http://localhost.example:1"}, "is not on this machine"),
        ({"takeUp": "arn:aws:iam::111111111111:role/x"}, "stack config takeUp: it is arn:aws:iam::111111111111:role/x"),
        ({"takeUp": "[7]"}, "stack config takeUp: it is [7]; write ARNs, or leave it out"),
        ({"reviewedPlan": "sha256:1234"}, "stack config reviewedPlan: `sha256:1234` is not a digest; write one as"),
        (
            {"issuerConnect": '{"address": "127.0.0.1:1", "caFile": "x"}'},
            "stack config issuerConnect: it needs awsEndpoint",
        ),
        (
            {"issuerConnect": '{"address": "192.0.2.1:1", "caFile": "x"}', "awsEndpoint": "http://127.0.0.1:1"},
            "192.0.2.1:1",
        ),
        ({"issuerConnect": '{"address": "127.0.0.1:1"}'}, "stack config issuerConnect: it has address"),
    ],
)
def test_a_wrong_stack_config_says_which_key_and_what_to_do(
    run: Callable[..., Any], write_inventory: Callable[..., Path], config: dict[str, str], message: str
) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        run(write_inventory(ROLES), **config)
    assert message in str(caught.value)


REVIEWED_CONFIGS: tuple[dict[str, str], ...] = (
    {},
    {"accounts": '["dev"]'},
    {"guardrails": "rules.yaml"},
    {"protectOidcProviders": "true"},
    {"issuerTimeoutSeconds": "20"},
    {"awsEndpoint": "http://127.0.0.1:9"},
)


def digest_of(folder: Path, config: Mapping[str, str]) -> str:
    """Return the digest that the commands show for a stack with this config."""
    plan = compile_plan(load_inventory(folder)).plan
    assert plan is not None
    digest = take(stack_of_config("test", "config", {f"{PROJECT}:{key}": text for key, text in config.items()}), plan)
    assert digest.digest is not None
    return digest.digest


def test_a_run_of_the_reviewed_plan_continues_with_any_stack_config(
    run: Callable[..., Any], write_inventory: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text("guardrails: {rules: {everywhere: {widest_trust: environment-bound}}}\n")
    folder = write_inventory(ROLES)
    configs = [
        {key: text.replace("rules", f"{tmp_path}/rules") for key, text in config.items()} for config in REVIEWED_CONFIGS
    ]
    digests = [digest_of(folder, config) for config in configs]
    assert len(set(digests)) == len(digests)
    for digest, config in zip(digests, configs, strict=True):
        assert stack_outputs(run(folder, reviewedPlan=digest, **config))["roleArns"]


def test_every_stack_config_key_except_paths_is_in_the_digest(project_folder: Path) -> None:
    declared = yaml.safe_load((project_folder / "Pulumi.yaml").read_text())["config"]
    # The inventory is there as a plan, `issuerConnect` never without `awsEndpoint`; `takeUp` counts in one run alone.
    outside = {"inventory", "issuerConnect", "reviewedPlan", "takeUp"}
    assert {key for config in REVIEWED_CONFIGS for key in config} == declared.keys() - outside


@pytest.mark.parametrize("config", REVIEWED_CONFIGS[1:2] + REVIEWED_CONFIGS[3:])
def test_an_unreviewed_plan_ends_the_run_before_anything_is_fetched_or_registered(
    run: Callable[..., Any],
    write_inventory: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    config: dict[str, str],
) -> None:
    def happens(*_: object, **__: object) -> None:
        raise AssertionError("the program went on")

    monkeypatch.setattr("facts.issuer.certificates.fetch_thumbprints", happens)
    monkeypatch.setattr("components.bitbucket_oidc.BitbucketOidc.__init__", happens)
    folder = write_inventory(ROLES.replace("omit", "fetch"))
    reviewed = digest_of(folder, {})
    with pytest.raises(pulumi.RunError) as caught:
        run(folder, reviewedPlan=reviewed, **config)
    assert f"reviewedPlan is {reviewed}, and the plan has the digest {digest_of(folder, config)}" in str(caught.value)


def test_an_unreachable_issuer_ends_the_run(
    run: Callable[..., Any], write_inventory: Callable[..., Path], tmp_path: Path
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    connect = f'{{"address": "127.0.0.1:9", "caFile": "{tmp_path / "ca.pem"}"}}'
    folder = write_inventory(ROLES.replace("omit", "fetch"))
    with pytest.raises(pulumi.RunError) as caught:
        run(folder, issuerConnect=connect, awsEndpoint="http://127.0.0.1:9")
    assert "api.bitbucket.org" in str(caught.value)


LOCK = """
issuers:
  acme:
    seen: 2026-11-27
    chain: [{subject: CN=CA, thumbprint: "9e99a48a9960b14926bb7f3b02e22da2b0ab7280", not_after: 9998-01-01}]
"""


def test_an_unreachable_issuer_ends_no_run_if_the_lock_has_its_ca(
    run: Callable[..., Any],
    write_inventory: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise IssuerError("no network")

    monkeypatch.setattr("facts.issuer.certificates.fetch_thumbprints", fails)
    folder = write_inventory(ROLES.replace("omit", "fetch"))
    with pytest.raises(pulumi.RunError, match="no network"):
        run(folder)
    (folder / "inventory.lock.yaml").write_text(LOCK)
    registered = run(folder)
    providers = registered.of("aws:iam/openIdConnectProvider:OpenIdConnectProvider").values()
    assert [provider.inputs["thumbprintLists"] for provider in providers] == [
        ["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"]
    ] * 2
    assert "since they could not be fetched: no network" in caplog.text


def test_defaults_of_the_program_are_those_of_the_project_file(project_folder: Path) -> None:
    declared = yaml.safe_load((project_folder / "Pulumi.yaml").read_text())["config"]
    assert {key: setting.get("default") for key, setting in declared.items()} == {
        "inventory": "inventory",
        "guardrails": "",
        "accounts": ["*"],
        "protectOidcProviders": False,
        "issuerTimeoutSeconds": 10,
        "reviewedPlan": "",
        "takeUp": [],
        "awsEndpoint": "",
        "issuerConnect": {},
    }
    settings = StackSettings.of(pulumi.Config("nothing-is-set"))
    assert (settings.inventory, settings.accounts, settings.issuer_timeout) == (Path("inventory"), ("*",), 10.0)
    assert (settings.guardrails, settings.reviewed_plan) == (None, "")
    assert (settings.protect_oidc_providers, settings.aws_endpoint, settings.issuer_connect) == (False, None, None)
