"""init writes a first inventory that is sound, with its stacks and pipelines; never by half, and over nothing."""

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from access.compile import compile_plan
from cli.main import run
from config.load import load_inventory
from oidc.errors import UsageError
from onboarding import new_files
from onboarding.starter import inventory_text, starter_files
from onboarding.starter_options import StarterOptions, starter_of
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulator_inputs import workspaces_of

WORKSPACE, SHOP, SITE = (f"{{{digit * 8}-1111-4111-8111-111111111111}}" for digit in "abc")
PRODUCTION, STAGING, SITE_PRODUCTION = (f"{{{digit * 8}-1111-4111-8111-111111111111}}" for digit in "def")
FULL = [
    "--workspace", f"acme={WORKSPACE}", "--repository", f"shop={SHOP}", "--repository", f"site={SITE}",
    "--environment", f"shop/production={PRODUCTION}", "--environment", f"shop/staging={STAGING}",
    "--environment", f"site/prod={SITE_PRODUCTION}", "--account", "prod=222222222222", "--account", "dev=111111111111",
    "--deploys", "shop/production=prod", "--deploys", "shop/staging=dev", "--region", "eu-west-1",
]  # fmt: skip
SHORT = ["--workspace", "acme", "--repository", "shop", "--environment", "production", "--account", "prod=222222222222"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def all_in(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_with_uuids_the_inventory_is_sound_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "access", *FULL]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "access/Pulumi.dev.yaml", "access/Pulumi.prod.yaml", "access/bitbucket-pipelines.yml",
        "access/inventory/inventory.yaml",
    ]  # fmt: skip
    assert captured.err.startswith("next: `bitbucket-oidc validate access/inventory`")
    assert sorted(all_in(folder / "access")) == [name.removeprefix("access/") for name in captured.out.splitlines()]
    assert run(["validate", "access/inventory", "--strict"]) == 0
    assert run(["plan", "access/inventory", "--format", "json"]) == 0
    accounts = json.loads(capsys.readouterr().out)["accounts"]
    assert {account["key"]: [role["key"] for role in account["roles"]] for account in accounts} == {
        "dev": ["shop-staging"], "prod": ["shop-production", "site-prod"],
    }  # fmt: skip
    assert {role["grade"] for account in accounts for role in account["roles"]} == {"environment-bound"}


def test_its_parts_fit_together(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", ".", *FULL]) == 0
    hub = ["--hub-role", "arn:aws:iam::999999999999:role/x", "--organization", "none"]
    assert run(["bootstrap", "inventory", *hub]) == 0
    assert run(["snippet", "inventory", "--role", "shop-production"]) == 0
    for path in folder.glob("Pulumi.*.yaml"):
        config = yaml.safe_load(path.read_text())["config"]
        assert config["bitbucket-aws-oidc:inventory"] == "inventory"
        assert config["bitbucket-aws-oidc:accounts"] == [path.name.split(".")[1]]
    pipelines = yaml.safe_load((folder / "bitbucket-pipelines.yml").read_text())
    (step,) = pipelines["pipelines"]["pull-requests"]["**"]
    script = step["step"]["script"]
    assert "oidc" not in step["step"]
    capsys.readouterr()
    assert [run(line.split()[1:]) for line in script if line.startswith("bitbucket-oidc validate")] == [0]


def test_its_pipeline_is_the_check_of_the_whole_example(folder: Path, project_folder: Path) -> None:
    assert run(["init", ".", *FULL]) == 0
    example = project_folder / "examples" / "inventory-repository" / "bitbucket-pipelines.yml"
    pipelines, example_pipelines = (
        yaml.safe_load(path.read_text()) for path in (folder / "bitbucket-pipelines.yml", example)
    )
    assert pipelines["image"] == example_pipelines["image"]
    assert pipelines["pipelines"]["pull-requests"]["**"] == example_pipelines["pipelines"]["pull-requests"]["**"][:1]


def test_missing_uuids_are_listed_with_the_command_that_looks_them_up(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", ".", *SHORT]) == 0
    err = capsys.readouterr().err
    assert "UUIDs missing: workspace acme, repository acme/shop, environment production of acme/shop\n" in err
    assert "next: `bitbucket-oidc lock inventory` looks them up" in err
    assert run(["validate", "inventory", "--format", "json"]) == 1
    assert {finding["rule"] for finding in json.loads(capsys.readouterr().out)} == {"needs-lock"}


def test_the_lock_has_the_missing_uuids(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["init", "full", *FULL]) == 0
    short = [re.sub(r"=\{.*\}", "", option) for option in FULL]
    assert run(["init", "short", *short]) == 0
    assert run(["validate", "short/inventory"]) == 1
    workspaces = workspaces_of(load_inventory(Path("full", "inventory")).inventory)
    with EmulatedBitbucket(folder / "bitbucket", workspaces) as bitbucket:
        monkeypatch.setenv("BITBUCKET_API_URL", bitbucket.api_url)
        monkeypatch.setenv("BITBUCKET_CA_FILE", str(bitbucket.ca_file))
        monkeypatch.setenv("BITBUCKET_ACCESS_TOKEN", SANDBOX_TOKEN)
        assert run(["lock", "short/inventory", "--only", "workspaces"]) == 0
    assert run(["validate", "short/inventory", "--strict"]) == 0
    plans = [compile_plan(load_inventory(Path(folder, "inventory"))).plan for folder in ("full", "short")]
    assert plans[0] == plans[1]


@pytest.mark.parametrize("name", ["inventory", "Pulumi.prod.yaml", "bitbucket-pipelines.yml"])
@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_nothing_is_overwritten(name: str, kind: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = folder / name
    if kind == "file":
        place.write_text("mine")
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("x")
    assert run(["init", ".", *SHORT]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (f"error: {name} exists already; nothing was written; choose another folder, or remove it\n")
    assert names_in(folder) == [name]
    assert kind != "file" or place.read_text() == "mine"


def test_a_file_created_meanwhile_is_not_overwritten_either(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_files, "refuse_taken", lambda *_: (folder / "bitbucket-pipelines.yml").write_text("mine"))
    assert run(["init", ".", *SHORT]) == 2
    assert "bitbucket-pipelines.yml exists already" in capsys.readouterr().err
    assert all_in(folder) == {"bitbucket-pipelines.yml": "mine"}
    assert names_in(folder) == ["bitbucket-pipelines.yml"]


@pytest.mark.parametrize("interruption", range(4))
def test_an_interruption_leaves_nothing(
    interruption: int, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    take_name, done = new_files._take_name, []

    def interrupted(path: Path, place: Path) -> None:
        done.append(path)
        if len(done) - 1 == interruption:
            raise KeyboardInterrupt
        take_name(path, place)

    monkeypatch.setattr(new_files, "_take_name", interrupted)
    code = run(["init", "a/b", *SHORT])
    assert code == (130 if interruption < 3 else 0)
    if code:
        assert capsys.readouterr().err == "stopped; nothing was written\n"
        assert names_in(folder) == []


def test_a_file_system_without_links_is_enough(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert run(["init", ".", *SHORT]) == 0
    assert yaml.safe_load((folder / "Pulumi.prod.yaml").read_text())


def test_an_unwritable_folder_is_an_error_of_the_outside_world(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "file").write_text("")
    assert run(["init", "file", *SHORT]) == 2
    assert run(["init", "file/below", *SHORT]) == 2
    assert run(["init", "x" * 300, *SHORT]) == 3
    err = capsys.readouterr().err
    assert "cannot be written: File name too long" in err
    assert "Traceback" not in err
    assert names_in(folder) == ["file"]


WRONG: dict[str, tuple[list[str], str]] = {
    "nothing": ([], "which workspace? add --workspace"),
    "no repository": (SHORT[:2], "which repositories? add --repository"),
    "no environment": ([*SHORT[:4], *SHORT[6:]], "repository shop has no deployment environment"),
    "no account": (SHORT[:6], "which accounts? add --account KEY=ID"),
    "workspace in capitals": (["--workspace", "Acme"], "not the slug of a workspace: 'Acme'; write `acme`"),
    "workspace of dots": (["--workspace", "../x"], "--workspace: not the slug of a workspace"),
    "UUID without braces": (
        ["--workspace", f"acme={WORKSPACE[1:-1]}"],
        f'not a UUID as Bitbucket writes it: {WORKSPACE[1:-1]}; write {WORKSPACE}\n',
    ),
    "wildcard for a UUID": (["--workspace", "acme={*}"], "not a UUID as Bitbucket writes it: {*}"),
    "repository with a line break": (
        [*SHORT[:2], "--repository", "a\nb: c"], r"--repository: not a name: 'a\nb: c'",
    ),
    "repository with a workspace": ([*SHORT[:2], "--repository", "acme/shop"], "--repository: not a name: 'acme/shop'"),
    "environment of control characters": (
        [*SHORT[:4], "--environment", "a\x1b[31m", *SHORT[6:]],
        "--environment: not the name of a deployment environment",
    ),
    "environment of nobody": (
        [*SHORT, "--repository", "site", "--environment", "stie/x"], "which repository has production?",
    ),
    "account id of eleven digits": ([*SHORT[:6], "--account", "prod=22222222222"], "--account: not an AWS account id"),
    "account without an id": ([*SHORT[:6], "--account", "prod"], "--account: no id in prod; write KEY=ID"),
    "account of a path": ([*SHORT[:6], "--account", "../x=222222222222"], "--account: not a name: '../x'"),
    "account twice": ([*SHORT, "--account", "PROD=333333333333"], "--account: PROD is given twice"),
    "account too long": ([*SHORT[:6], "--account", f"{'x' * 101}=222222222222"], "the name has 101 characters"),
    "one id for two accounts": (
        [*SHORT, "--account", "other=222222222222", "--deploys", "production=prod"],
        "the inventory would have a finding, duplicate",
    ),
    "one UUID for two": (
        ["--workspace", f"acme={WORKSPACE}", "--repository", f"shop={WORKSPACE}", *SHORT[4:]],
        "the inventory would have a finding, duplicate",
    ),
    "several accounts for an environment": (
        [*SHORT, "--account", "dev=111111111111"],
        "which account does production of shop deploy to? add --deploys 'shop/production=KEY': prod, dev",
    ),
    "an account that is none": (
        [*SHORT, "--deploys", "production=prdo"], "there is no account `prdo`; did you mean `prod`?",
    ),
    "an environment that is none": (
        [*SHORT, "--deploys", "prodution=prod"], "shop has no environment `prodution`; did you mean `production`?",
    ),
    "a deployment of nothing": ([*SHORT, "--deploys", "production"], "--deploys: no account in production"),
    "a region that is none": ([*SHORT, "--region", "Ireland"], "--region: not an AWS region: 'Ireland'"),
    "a variable": (["--workspace", "{{account}}"], "--workspace: "),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_one_line_and_nothing_is_written(
    mistake: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options, message = WRONG[mistake]
    assert run(["init", ".", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert "\x1b" not in captured.err
    assert names_in(folder) == []


class Terminal(io.StringIO):
    """Standard input with somebody in front of it."""

    def isatty(self) -> bool:
        return True


def answer(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))


def test_on_a_terminal_it_asks_until_each_answer_is_valid(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(
        monkeypatch,
        "Acme", "acme", "x", WORKSPACE,
        "shop", SHOP, "shop", "site", "", "",
        "production", PRODUCTION, "staging=blue", "", "",
        "prod", "", "",
        "prod", "22", "222222222222", "dev", "111111111111", "",
        "prod", "mars", "dev",
    )  # fmt: skip
    assert run(["init"]) == 0
    err = capsys.readouterr().err
    assert "not the slug of a workspace: 'Acme'; write `acme`" in err
    assert "shop is given already" in err
    inventory = yaml.safe_load((folder / "inventory" / "inventory.yaml").read_text())
    assert inventory["workspaces"]["acme"] == {
        "uuid": WORKSPACE,
        "repositories": {
            "shop": {"uuid": SHOP, "environments": {"production": PRODUCTION, "staging=blue": None}},
            "site": {"environments": {"prod": None}},
        },
    }
    assert {key: role["accounts"] for key, role in inventory["roles"].items()} == {
        "shop-production": ["prod"], "shop-staging-blue": ["dev"], "site-prod": ["prod"],
    }  # fmt: skip


def test_given_options_are_not_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch)
    assert run(["init", ".", *FULL]) == 0
    assert (folder / "inventory").is_dir()


def test_a_uuid_may_be_pasted_with_the_quotes_of_yaml(folder: Path) -> None:
    assert run(["init", ".", "--workspace", f'acme="{WORKSPACE}"', *SHORT[2:]]) == 0
    assert f'uuid: "{WORKSPACE}"' in (folder / "inventory" / "inventory.yaml").read_text()


def test_nothing_is_asked_if_a_file_exists(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "inventory").mkdir()
    answer(monkeypatch)
    assert run(["init"]) == 2
    assert capsys.readouterr().err.startswith("error: inventory exists already; nothing was written; ")


def test_the_end_of_the_input_ends_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "acme")
    assert run(["init"]) == 130
    assert capsys.readouterr().err.endswith("stopped; nothing was written\n")
    assert names_in(folder) == []


names = st.one_of(
    st.sampled_from(["no", "null", "1e3", "012", "~", "- x", "a: b", "#", "'", '"', "[x]", "{x}", "a, b", "!x", "&a",
                     "*a", "@", "`", "%", "production", "Prod uction", "é", "人", "a#b", "a #b", "x:", "-", "?", "|"]),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
)  # fmt: skip


@given(st.lists(names, min_size=1, max_size=4), st.from_regex(r"[A-Za-z0-9_.-]{1,30}", fullmatch=True))
def test_all_accepted_names_are_in_the_inventory_unchanged(names: Sequence[str], slug: str) -> None:
    options = StarterOptions("acme", (slug,), tuple(f"{name}=" for name in names), ("prod=222222222222",), (), None)
    try:
        starter = starter_of(options)
    except UsageError:
        return
    inventory = yaml.safe_load(inventory_text(starter))
    (repository,) = inventory["workspaces"]["acme"]["repositories"].items()
    assert repository == (slug, {"environments": dict.fromkeys(names)})
    trusted = [role["trust"] for role in inventory["roles"].values()]
    assert trusted == [[{"repository": f"acme/{slug}", "environments": [name]}] for name in names]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", key) for key in inventory["roles"])
    assert all(yaml.safe_load(text) for text in starter_files(starter).values())


def test_a_starter_with_every_uuid_has_no_finding_of_any_level(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    options = StarterOptions("acme", ("no",), ("production", "x" * 200), ("1=222222222222",), (), None)
    path.write_text(inventory_text(starter_of(options).with_made_up_uuids()))
    assert compile_plan(load_inventory(path)).findings == ()
