"""ci guard: output and exit codes."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cli.main import run
from tests.cli.ci.conftest import ROLE

REAL = Path(__file__).parent.parent.parent / "fixtures" / "previews" / "replaces-a-role.json"
URN = "urn:pulumi:prod::bitbucket-aws-oidc::aws:iam/role:Role::prod/{}"

Capture = pytest.CaptureFixture[str]


def losing(path: Path, lost: int, kept: int) -> Path:
    ops = ["delete"] * lost + ["same"] * kept
    steps = [{"op": op, "urn": URN.format(at), "oldState": {}} for at, op in enumerate(ops)]
    path.write_text(json.dumps({"steps": steps, "changeSummary": {"delete": lost, "same": kept}}))
    return path


def test_few_lost_roles_are_accepted(capsys: Capture) -> None:
    assert run(["ci", "guard", str(REAL)]) == 0
    assert capsys.readouterr().out == f"{REAL}: 1 of 2 roles and no OIDC providers are deleted or replaced\n"


def test_many_lost_roles_are_refused_in_one_line(tmp_path: Path, capsys: Capture) -> None:
    few, many = losing(tmp_path / "few.json", 1, 9), losing(tmp_path / "many.json", 4, 6)
    assert run(["ci", "guard", str(few), str(many)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {many}: 4 of 10 roles (40 %)")
    assert run(["ci", "guard", str(few), str(many), "--max-loss", "40"]) == 0


def test_json_has_each_preview_with_its_verdict(tmp_path: Path, capsys: Capture) -> None:
    assert run(["ci", "guard", str(losing(tmp_path / "p.json", 3, 0)), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {
            "preview": str(tmp_path / "p.json"),
            "accepted": False,
            "digest": None,
            "roles": {"before": 3, "lost": [URN.format(at) for at in range(3)]},
            "oidc_providers": {"lost": []},
        }
    ]


def digests(capsys: Capture) -> dict[str, str]:
    """Return the digests that `plan` shows for the stacks of the current folder, and for the whole."""
    assert run(["plan", "--format", "digests"]) == 0
    shown = json.loads(capsys.readouterr().out)
    return {stack["stack"]: stack["digest"] for stack in shown["stacks"]} | {"whole": shown["whole"]}


def previewed(path: Path, **config: str) -> Path:
    settings = {"inventory": "inventory", "accounts": '["*"]', **config}
    named = {f"bitbucket-aws-oidc:{key}": text for key, text in settings.items()}
    path.write_text(json.dumps({"config": {"aws:region": "eu-west-1", **named}, "steps": [], "changeSummary": {}}))
    return path


@pytest.fixture
def project(write_inventory: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one stack, in the current folder."""
    monkeypatch.chdir(tmp_path)
    write_inventory(ROLE)
    config = {"accounts": ["dev"], "protectOidcProviders": "true"}
    named = {f"bitbucket-aws-oidc:{key}": value for key, value in config.items()}
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": named}))
    return tmp_path


def test_a_preview_of_the_reviewed_plan_is_accepted_with_relative_and_absolute_paths(
    project: Path, capsys: Capture
) -> None:
    known = digests(capsys)
    dev = {"accounts": '["dev"]', "protectOidcProviders": "true"}
    relative = previewed(project / "dev.json", **dev)
    absolute = previewed(project / "too.json", inventory=str(project / "inventory"), **dev)
    assert run(["ci", "guard", str(relative), str(absolute), "--reviewed", known["dev"]]) == 0
    capsys.readouterr()
    both = ["--reviewed", known["dev"], "--reviewed", known["whole"]]
    assert run(["ci", "guard", str(relative), str(previewed(project / "all.json")), *both, "--format", "json"]) == 0
    assert [update["digest"] for update in json.loads(capsys.readouterr().out)] == [known["dev"], known["whole"]]


@pytest.mark.parametrize("setting", [{"accounts": '["prod"]'}, {"protectOidcProviders": "true"}, {"inventory": "new"}])
def test_a_preview_of_another_plan_is_refused_with_both_digests(
    project: Path, capsys: Capture, setting: dict[str, str]
) -> None:
    whole = digests(capsys)["whole"]
    shutil.copytree("inventory", "new")
    (project / "new" / "more.yaml").write_text(ROLE.replace("{r:", "{s:"))
    assert run(["ci", "guard", str(previewed(project / "p.json", **setting)), "--reviewed", whole]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    expected = rf"error: {project}/p.json: its plan has the digest sha256:\w+, expected the reviewed {whole}; "
    assert re.match(expected, line)


def test_a_preview_whose_plan_is_unknown_is_refused(project: Path, capsys: Capture) -> None:
    whole = digests(capsys)["whole"]
    assert run(["ci", "guard", str(losing(project / "p.json", 0, 1)), "--reviewed", whole]) == 2
    assert "does not say which inventory" in capsys.readouterr().err
    (project / "inventory" / "more.yaml").write_text("roles: {r: {}}\n")
    assert run(["ci", "guard", str(previewed(project / "p.json")), "--reviewed", whole]) == 1
    assert "has findings:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["p.json", "--max-loss", "101"],
        ["p.json", "--max-loss", "many"],
        ["p.json", "--reviewed", ""],
        ["p.json", "--reviewed", "sha256:1"],
    ],
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert run(["ci", "guard", *arguments]) == 2
