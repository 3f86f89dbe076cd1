"""ci guard as a pipeline sees it."""

import json
from pathlib import Path

import pytest

from cli.main import run

REAL = Path(__file__).parent.parent.parent / "fixtures" / "previews" / "replaces-a-role.json"
URN = "urn:pulumi:prod::bitbucket-aws-oidc::aws:iam/role:Role::prod/{}"

Capture = pytest.CaptureFixture[str]


def losing(path: Path, lost: int, kept: int) -> Path:
    ops = ["delete"] * lost + ["same"] * kept
    steps = [{"op": op, "urn": URN.format(at), "oldState": {}} for at, op in enumerate(ops)]
    path.write_text(json.dumps({"steps": steps, "changeSummary": {"delete": lost, "same": kept}}))
    return path


def test_few_roles_may_go(capsys: Capture) -> None:
    assert run(["ci", "guard", str(REAL)]) == 0
    assert capsys.readouterr().out == f"{REAL}: 1 of 2 roles and no OIDC providers are deleted or replaced\n"


def test_many_are_refused_in_one_line_that_says_what_to_do(tmp_path: Path, capsys: Capture) -> None:
    few, many = losing(tmp_path / "few.json", 1, 9), losing(tmp_path / "many.json", 4, 6)
    assert run(["ci", "guard", str(few), str(many)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {many}: 4 of 10 roles (40 %)")
    assert run(["ci", "guard", str(few), str(many), "--max-loss", "40"]) == 0


def test_programs_get_each_preview_with_its_answer(tmp_path: Path, capsys: Capture) -> None:
    assert run(["ci", "guard", str(losing(tmp_path / "p.json", 3, 0)), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {
            "preview": str(tmp_path / "p.json"),
            "accepted": False,
            "roles": {"before": 3, "lost": [URN.format(at) for at in range(3)]},
            "oidc_providers": {"lost": []},
        }
    ]


@pytest.mark.parametrize("arguments", [[], ["p.json", "--max-loss", "101"], ["p.json", "--max-loss", "many"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert run(["ci", "guard", *arguments]) == 2
