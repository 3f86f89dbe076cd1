"""init writes a first inventory that is sound, with its stacks and pipelines; never by half, and over nothing."""

import io
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
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
from onboarding.starter import Starter
from onboarding.starter_files import inventory_files, starter_files
from onboarding.starter_options import StarterOptions, starter_of
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import SANDBOX_TOKEN
from sandbox.emulator_inputs import workspaces_of

WORKSPACE, SHOP, SITE = (f"{{{digit * 8}-1111-4111-8111-111111111111}}" for digit in "abc")
PRODUCTION, STAGING, SITE_PRODUCTION = (f"{{{digit * 8}-1111-4111-8111-111111111111}}" for digit in "def")
ACCESS, ACCESS_PROD, ACCESS_DEV = (f"{{{digit * 8}-2222-4222-8222-222222222222}}" for digit in "abc")
THIS = ["--region", "eu-west-1", "--state-bucket", "acme-access-state", "--organization", "o-a1b2c3d4e5"]
FULL = [
    "--workspace", f"acme={WORKSPACE}", "--repository", f"shop={SHOP}", "--repository", f"site={SITE}",
    "--environment", f"shop/production={PRODUCTION}", "--environment", f"shop/staging={STAGING}",
    "--environment", f"site/prod={SITE_PRODUCTION}", "--account", "prod=222222222222", "--account", "dev=111111111111",
    "--deploys", "shop/production=prod", "--deploys", "shop/staging=dev",
    "--inventory-repository", f"access={ACCESS}", "--environment", f"access/prod={ACCESS_PROD}",
    "--environment", f"access/dev={ACCESS_DEV}", "--hub", "prod", *THIS,
]  # fmt: skip
HUB_ROLE = "arn:aws:iam::222222222222:role/Admin"
SHORT = [
    "--workspace", "acme", "--repository", "shop", "--environment", "production", "--account", "prod=222222222222",
    "--inventory-repository", "access", *THIS,
]  # fmt: skip
OPTIONS = StarterOptions(
    workspace="acme",
    own="access",
    repositories=("shop",),
    environments=("production",),
    accounts=("prod=222222222222",),
    region="eu-west-1",
    bucket="acme-access-state",
    organization="none",
)


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
        "access/Pulumi.dev.yaml", "access/Pulumi.prod.yaml", "access/SETUP.md", "access/bitbucket-pipelines.yml",
        "access/inventory/accounts.yaml", "access/inventory/pipelines.yaml", "access/inventory/roles.yaml",
        "access/inventory/workspaces.yaml",
    ]  # fmt: skip
    assert sorted(all_in(folder / "access")) == [name.removeprefix("access/") for name in captured.out.splitlines()]
    assert run(["validate", "access/inventory", "--strict"]) == 0
    assert run(["plan", "access/inventory", "--format", "json"]) == 0
    accounts = json.loads(capsys.readouterr().out)["accounts"]
    assert {account["key"]: [role["key"] for role in account["roles"]] for account in accounts} == {
        "dev": ["shop-staging"],
        "prod": ["access-deploy-dev", "access-deploy-prod", "access-preview", "shop-production", "site-prod"],
    }
    wide = [role["key"] for account in accounts for role in account["roles"] if role["grade"] != "environment-bound"]
    assert wide == ["access-preview"]


def test_every_step_that_it_leaves_is_a_command_that_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["init", "access", *FULL, "--stack", "live=dev"]) != 0  # dev has an environment of its name
    assert run(["init", "access", *FULL]) == 0
    printed = [line.strip() for line in capsys.readouterr().err.splitlines()]
    monkeypatch.chdir("access")
    text = Path("SETUP.md").read_text()
    lines = [line.strip() for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    commands = [line for line in lines if line]
    assert commands
    assert [line for line in commands if line not in printed] == []
    for line in commands:
        here = line.replace('"$MY_ROLE"', HUB_ROLE).replace(" --deploy --through-profiles", "")  # there is no account
        program, *arguments = shlex.split(here)
        if program == "bitbucket-oidc" and arguments[0] not in {"lock", "pulumi"}:
            assert run(arguments) == 0, line
    assert sum("bootstrap" in line and line.startswith("bitbucket") for line in commands) == 3
    assert "bitbucket-oidc pulumi up --stack prod" in commands  # the stack of the hub


def test_a_bucket_in_us_east_1_has_no_location_constraint(folder: Path) -> None:
    assert run(["init", ".", *SHORT, "--region", "us-east-1"]) == 0
    (line,) = [line for line in Path("SETUP.md").read_text().splitlines() if "create-bucket" in line]
    assert "LocationConstraint" not in line


def test_the_first_step_is_the_image_unless_it_is_given(folder: Path) -> None:
    image = f"registry.example.com/access@sha256:{'0a' * 32}"
    assert run(["init", "a", *SHORT]) == 0
    assert run(["init", "b", *SHORT, "--image", image]) == 0
    assert "Build the image" in Path("a", "SETUP.md").read_text()
    assert "Build the image" not in Path("b", "SETUP.md").read_text()
    assert yaml.safe_load(Path("b", "bitbucket-pipelines.yml").read_text())["image"] == image


def accounts_of_stacks(folder: Path) -> dict[str, list[str]]:
    configs = {path.name.split(".")[1]: yaml.safe_load(path.read_text())["config"] for path in folder.glob("Pulumi.*")}
    assert all(config["bitbucket-aws-oidc:inventory"] == "inventory" for config in configs.values())
    return {stack: config["bitbucket-aws-oidc:accounts"] for stack, config in configs.items()}


FIVE = [option for number, key in enumerate(("dev", "shop-dev", "tools", "prod", "shop-prod"))
        for option in ("--account", f"{key}={number:012d}")]  # fmt: skip


def test_accounts_share_a_stack_by_keys_or_globs_and_the_hub_has_one_for_itself(folder: Path) -> None:
    options = [*SHORT[:6], *SHORT[8:], *FIVE, "--hub", "tools", "--deploys", "production=prod"]
    assert run(["init", "each", *options]) == 0
    assert accounts_of_stacks(Path("each")) == {key: [key] for key in ("dev", "shop-dev", "tools", "prod", "shop-prod")}
    assert run(["init", "groups", *options, "--stack", "live=*prod", "--stack", "test=dev,shop-dev"]) == 0
    assert accounts_of_stacks(Path("groups")) == {
        "test": ["dev", "shop-dev"], "live": ["prod", "shop-prod"], "tools": ["tools"],
    }  # fmt: skip
    pipelines = yaml.safe_load(Path("groups", "bitbucket-pipelines.yml").read_text())["pipelines"]
    steps = [step["step"] for step in pipelines["branches"]["main"]]
    assert [(step["deployment"], step.get("trigger")) for step in steps] == [
        ("test", None), ("live", "manual"), ("tools", "manual"),
    ]  # fmt: skip
    assert run(["init", "all", *options, "--stack", "everything=*"]) == 0
    assert accounts_of_stacks(Path("all")) == {
        "everything": ["dev", "shop-dev", "prod", "shop-prod"],
        "tools": ["tools"],
    }


@pytest.mark.parametrize(
    ("existing", "added"),
    [
        ("", ["copy `definitions: lines:` to the beginning, above `pipelines:`",
              "copy `pipelines: pull-requests: **:`", "copy `pipelines: branches: main:`",
              "copy `pipelines: custom: drift:`"]),
        ("definitions: {caches: {}}\npipelines: {branches: {main: []}, pull-requests: {'**': []}, custom: {x: []}}\n",
         ["copy `definitions: lines:` into your `definitions:`, above `pipelines:`",
          "append the steps Check and Preview to your `pipelines: pull-requests: **:`",
          "append the steps that deploy to your `pipelines: branches: main:`",
          "copy `pipelines: custom: drift:`"]),
        ("\t: [", ["copy `definitions: lines:` to the beginning, above `pipelines:`"]),
    ],
)  # fmt: skip
def test_an_existing_pipelines_file_is_kept_and_what_to_add_is_said(
    existing: str, added: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bitbucket-pipelines.yml").write_text(existing)
    assert run(["init", ".", *SHORT]) == 0
    captured = capsys.readouterr()
    assert (folder / "bitbucket-pipelines.yml").read_text() == existing
    assert "bitbucket-pipelines.bitbucket-oidc.yml" in captured.out.splitlines()
    assert set(yaml.safe_load((folder / "bitbucket-pipelines.bitbucket-oidc.yml").read_text())) == {
        "image", "definitions", "pipelines",
    }  # fmt: skip
    assert {f"- {line}" for line in added} <= set(captured.err.splitlines())


@pytest.mark.parametrize("name", ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"])
def test_a_folder_with_a_program_is_refused(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / name).write_text("")
    assert run(["init", ".", *SHORT]) == 2
    assert "this folder has a program, and a repository of data has none" in capsys.readouterr().err
    assert names_in(folder) == [name]


def test_missing_uuids_are_left_to_the_lock(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", ".", *SHORT]) == 0
    err = capsys.readouterr().err
    assert "bitbucket-oidc lock inventory\n" in err
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


@pytest.mark.parametrize("name", ["inventory", "Pulumi.prod.yaml", "SETUP.md"])
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
    monkeypatch.setattr(new_files, "refuse_taken", lambda *_: (folder / "SETUP.md").write_text("mine"))
    assert run(["init", ".", *SHORT]) == 2
    assert "SETUP.md exists already" in capsys.readouterr().err
    assert all_in(folder) == {"SETUP.md": "mine"}
    assert names_in(folder) == ["SETUP.md"]


@pytest.mark.parametrize("interruption", range(5))
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
    assert code == (130 if interruption < 4 else 0)
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


TWO = ["--account", "dev=111111111111", "--hub", "prod", "--deploys", "production=prod"]
WRONG: dict[str, tuple[list[str], str]] = {
    "nothing": (
        [],
        (
            "missing: --workspace SLUG, --inventory-repository SLUG, --repository SLUG, --environment REPOSITORY/NAME, "
            "--account KEY=ID, --hub KEY, --region REGION, --state-bucket NAME, --organization o-…, or none; add"
        ),
    ),
    "no environment and no account": (
        [*SHORT[:4], *SHORT[8:]], "missing: --environment shop/NAME, --account KEY=ID, --hub KEY; add these options",
    ),
    "no account for two environments, and no hub": (
        [*SHORT, "--account", "dev=111111111111", "--environment", "qa"],
        "missing: --deploys 'shop/production=KEY', --deploys 'shop/qa=KEY', --hub KEY; add these options",
    ),
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
    "repository with a workspace": (
        [*SHORT[:2], "--repository", "acme/shop"], "--repository: acme/shop has a workspace; write `shop`",
    ),
    "this repository with a workspace": (
        ["--inventory-repository", "acme/access={x}"], "acme/access={x} has a workspace; write `access`",
    ),
    "a repository twice": ([*SHORT, "--repository", "Access"], "Access is the repository of the inventory"),
    "an environment of this repository without a stack": (
        [*SHORT, "--environment", "access/prdo"], "`prdo` is no stack; did you mean `prod`?",
    ),
    "a hub that is no account": ([*SHORT, "--hub", "tools"], "--hub: there is no account `tools`"),
    "a stack without accounts": ([*SHORT, "--stack", "live"], "--stack: no account in live; write NAME=KEY,KEY"),
    "a stack of an unknown account": ([*SHORT, "--stack", "live=prdo"], "--stack: there is no account `prdo`"),
    "a stack of a path": ([*SHORT, "--stack", "../x=prod"], "--stack: not the name of a stack: ../x"),
    "the hub in a stack with others": (
        [*SHORT, *TWO, "--stack", "live=prod,dev"], "prod is the hub account, whose stack is brought up before",
    ),
    "an account in two stacks": ([*SHORT, *TWO, "--stack", "a=dev", "--stack", "b=d*"], "account dev is in two stacks"),
    "a stack with the name of another account": ([*SHORT, *TWO, "--stack", "prod=dev"], "--stack: prod is given twice"),
    "a URL for the bucket": ([*SHORT, "--state-bucket", "s3://x"], "--state-bucket: not the name of a bucket: s3://x"),
    "a tag for the digest": ([*SHORT, "--image", "x:latest"], "--image: not the name of an image with its digest"),
    "an organization that is none": ([*SHORT, "--organization", "acme"], "write it as o-a1b2c3d4e5, or none"),
    "the profile of the pipeline": ([*SHORT, "--account", "pipeline=111111111111"], "pipeline is the profile of"),
    "environment of control characters": (
        [*SHORT[:4], "--environment", "a\x1b[31m", *SHORT[6:]],
        "--environment: not the name of a deployment environment",
    ),
    "environment of nobody": (
        [*SHORT[:4], *SHORT[6:], "--repository", "site", "--environment", "stie/x"], "which repository has stie/x?",
    ),
    "account id of eleven digits": ([*SHORT[:6], "--account", "prod=22222222222"], "--account: not an AWS account id"),
    "account without an id": ([*SHORT[:6], "--account", "prod"], "--account: no id in prod; write KEY=ID"),
    "account of a path": ([*SHORT[:6], "--account", "../x=222222222222"], "--account: not a name: '../x'"),
    "account twice": ([*SHORT, "--account", "PROD=333333333333"], "--account: PROD is given twice"),
    "account too long": ([*SHORT[:6], "--account", f"{'x' * 51}=222222222222"], "the name has 51 characters"),
    "one id for two accounts": (
        [*SHORT, "--account", "other=222222222222", "--deploys", "production=prod", "--hub", "prod"],
        "the inventory would have a finding, duplicate",
    ),
    "one UUID for two": (
        ["--workspace", f"acme={WORKSPACE}", "--repository", f"shop={WORKSPACE}", *SHORT[4:]],
        "the inventory would have a finding, duplicate",
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
        "Acme", "acme",
        "x y", "acme/access", "access",
        "access", "shop", "shop", "site", "",
        "production", "staging=blue", "",
        "prod", "",
        "prod", "22", "222222222222", "pipeline", "dev", "111111111111", "",
        "mars", "dev", "prod",
        "prod",
        "live=prdo", "live=prod,dev", "live=dev", "test=dev", "",
        "Ireland", "eu-west-1",
        "",
        "acme", "none",
        "x:latest", "",
    )  # fmt: skip
    assert run(["init"]) == 0
    err = capsys.readouterr().err
    assert "not the slug of a workspace: 'Acme'; write `acme`" in err
    assert "shop is given already" in err
    assert "access is given already" in err
    assert "acme/access has a workspace; write `access`" in err
    assert "there is no account `prdo`; did you mean `prod`?" in err
    assert "account dev is in two stacks" in err
    assert accounts_of_stacks(folder) == {"live": ["dev"], "prod": ["prod"]}
    inventory = {key: value for path in Path("inventory").iterdir()
                 for key, value in yaml.safe_load(path.read_text()).items() if key != "roles"}  # fmt: skip
    assert inventory["workspaces"]["acme"]["repositories"] == {
        "access": {"environments": {"live": None, "prod": None}},
        "shop": {"environments": {"production": None, "staging=blue": None}},
        "site": {"environments": {"prod": None}},
    }
    assert inventory["defaults"]["state_backend"]["url"] == "s3://acme-access-state?region=eu-west-1"
    roles = yaml.safe_load(Path("inventory", "roles.yaml").read_text())["roles"]
    assert {key: role["accounts"] for key, role in roles.items()} == {
        "shop-production": ["dev"], "shop-staging-blue": ["prod"], "site-prod": ["prod"],
    }  # fmt: skip


def test_given_options_are_not_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch)
    assert run(["init", ".", *FULL]) == 0
    assert (folder / "inventory").is_dir()


def test_a_uuid_may_be_pasted_with_the_quotes_of_yaml(folder: Path) -> None:
    assert run(["init", ".", "--workspace", f'acme="{WORKSPACE}"', *SHORT[2:]]) == 0
    assert f'uuid: "{WORKSPACE}"' in (folder / "inventory" / "workspaces.yaml").read_text()


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


def all_of(starter: Starter) -> dict[str, Any]:
    """Return the sections of all files of the inventory; roles of the pipelines are left out."""
    files = inventory_files(starter)
    return {
        key: value for name in files if name != "pipelines.yaml" for key, value in yaml.safe_load(files[name]).items()
    }


@given(st.lists(names, min_size=1, max_size=4), st.from_regex(r"[A-Za-z0-9_.-]{1,30}", fullmatch=True))
def test_all_accepted_names_are_in_the_inventory_unchanged(names: Sequence[str], slug: str) -> None:
    options = replace(OPTIONS, repositories=(slug,), environments=tuple(f"{slug}/{name}=" for name in names))
    try:
        starter = starter_of(options)
    except UsageError:
        return
    inventory = all_of(starter)
    assert inventory["workspaces"]["acme"]["repositories"][slug] == {"environments": dict.fromkeys(names)}
    trusted = [role["trust"] for role in inventory["roles"].values()]
    assert trusted == [[{"repository": f"acme/{slug}", "environments": [name]}] for name in names]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", key) for key in inventory["roles"])
    assert all(yaml.safe_load(text) for name, text in starter_files(starter).items() if name != "SETUP.md")


@given(
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,49}", fullmatch=True), st.integers(min_value=0, max_value=10**12 - 1)
)
def test_all_accepted_accounts_have_their_profile_their_stack_and_the_step_of_it(key: str, number: int) -> None:
    try:
        starter = starter_of(replace(OPTIONS, accounts=(f"{key}={number:012d}",)))
    except UsageError:
        assert key == "pipeline"
        return
    assert all_of(starter)["accounts"] == {key: {"id": f"{number:012d}", "profile": key}}
    files = starter_files(starter)
    assert yaml.safe_load(files[f"Pulumi.{key}.yaml"])["config"]["bitbucket-aws-oidc:accounts"] == [key]
    (step,) = yaml.safe_load(files["bitbucket-pipelines.yml"])["pipelines"]["branches"]["main"]
    assert (step["step"]["deployment"], step["step"]["script"][0]) == (key, f"export STACK={key}")


def test_a_role_of_a_repository_never_has_the_name_of_a_role_of_the_pipelines() -> None:
    options = replace(OPTIONS, repositories=("access-deploy", "Access"), own="x",
                      environments=("access-deploy/Prod", "Access/preview"))  # fmt: skip
    assert list(all_of(starter_of(options))["roles"]) == ["access-deploy-Prod-2", "Access-preview-2"]


def test_a_starter_with_every_uuid_has_no_finding_of_any_level(tmp_path: Path) -> None:
    options = replace(
        OPTIONS, repositories=("no",), environments=("production", "x" * 200), accounts=("1=222222222222",)
    )
    for name, text in inventory_files(starter_of(options).with_made_up_uuids()).items():
        (tmp_path / name).write_text(text)
    assert compile_plan(load_inventory(tmp_path)).findings == ()
