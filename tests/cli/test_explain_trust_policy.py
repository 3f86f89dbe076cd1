"""explain --trust-policy as a shell sees it: exit codes, standard input, JSON, and the decision for claims."""

import io
import json
import re
from pathlib import Path

import pytest

from cli.main import run
from config.catalogue import TRUST_RULES

WILD = Path(__file__).parents[1] / "access" / "trust_review" / "wild"
PAGE = Path(__file__).parents[2] / "docs" / "guides" / "explain.md"
SOUND, FAULTY, WARNED = (
    str(WILD / f"{name}.json") for name in ("sound-one-environment", "star-as-subject", "for-any-value")
)
ISSUER = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
SHOP, PRODUCTION = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"{SHOP}:{PRODUCTION}:{{11111111-2222-4333-8444-555555555555}}"}


def explained(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert run(["explain", *arguments]) == code
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_errors_are_1_and_warnings_only_with_strict(capsys: pytest.CaptureFixture[str]) -> None:
    explained(capsys, "--trust-policy", SOUND, "--strict")
    explained(capsys, "--trust-policy", WARNED)
    explained(capsys, "--trust-policy", WARNED, "--strict", code=1)
    explained(capsys, "--trust-policy", FAULTY, code=1)


def test_claims_are_decided_by_the_policy(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = explained(capsys, "--trust-policy", SOUND, "--claims", json.dumps(CLAIMS))
    assert out.splitlines()[-2].startswith("yes ")
    without = json.dumps(CLAIMS | {"sub": f"{SHOP}:{{11111111-2222-4333-8444-555555555555}}"})
    out, _ = explained(capsys, "--trust-policy", SOUND, "--claims", without)
    assert f"the step lacks `deployment: {PRODUCTION}`" in out
    out, _ = explained(
        capsys, "--trust-policy", SOUND, "--claims", json.dumps(CLAIMS), "--account", "333333333333", code=1
    )
    assert "\nno  " in out


def test_an_oidc_provider_under_aws_is_the_reason_for_claims_too(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(WILD / "oidc-provider-under-aws.json")
    out, err = explained(capsys, "--trust-policy", file, "--claims", json.dumps(CLAIMS), code=1)
    assert "error[bad-trust-policy]" in err
    assert "nobody: no Bitbucket token matches" in out
    assert "the OIDC provider is not listed under Federated" in out
    assert "another workspace" not in out


def test_json_has_what_is_admitted_findings_and_the_decision(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = explained(capsys, "--trust-policy", FAULTY, "--format", "json", "--claims", json.dumps(CLAIMS), code=1)
    answer = json.loads(out)
    assert err == ""
    assert answer["admitted"] == [
        {
            "statement": 0,
            "issuer": "workspace acme",
            "grade": "workspace-wide",
            "steps": ["every repository of the workspace, every step, deployment environments included"],
            "limits": [f"audience {AUDIENCE}"],
        }
    ]
    (fault,) = answer["findings"]
    assert list(fault) == ["rule", "level", "file", "line", "column", "path", "message", "hint"]
    assert (fault["rule"], fault["level"], fault["line"]) == ("no-repository", "error", 15)
    assert answer["decision"]["allowed"] is True
    out, _ = explained(capsys, "--trust-policy", SOUND, "--format", "json")
    assert json.loads(out)["decision"] is None


def test_a_policy_comes_on_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(FAULTY).read_bytes())))
    _, err = explained(capsys, "--trust-policy", "-", code=1)
    assert err.startswith("standard input:15:87: error[no-repository] ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trust-policy", "nowhere.json"], "nowhere.json cannot be read: No such file or directory"),
        (["--trust-policy", "a\0b"], "a\\x00b cannot be read: the path is invalid"),
        (["--trust-policy", str(WILD)], "cannot be read: Is a directory"),
        (["--trust-policy", '{"Version": "2012-10-17"}'], "--trust-policy is JSON, expected a file"),
        (["--trust-policy", SOUND, "--repository", "acme/shop"], "--repository needs the names of an inventory"),
        (["--trust-policy", SOUND, "examples/quickstart"], "--trust-policy needs no inventory"),
        (["--trust-policy", SOUND, "--account", "42"], "--account is not an account id: `42`"),
        (
            ["--trust-policy", SOUND, "--account", "222222222222", "--account", "333333333333"],
            "--account is given twice",
        ),
        (
            ["--trust-policy", SOUND, "--role", "deploy"],
            "--trust-policy is the policy of one role, and takes no --role",
        ),
        (["--trust-policy", "-", "--token", "-"], "standard input cannot be a trust policy and claims at once"),
    ],
)
def test_wrong_usage_is_2_in_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = explained(capsys, *arguments, code=2)
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_a_file_that_is_not_utf8_or_too_large_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_bytes(b"\xff\xfe")
    assert "is not UTF-8 at byte 0" in explained(capsys, "--trust-policy", str(tmp_path / "policy.json"), code=2)[1]
    (tmp_path / "policy.json").write_bytes(b" " * 5_000_001)
    assert "is larger than 5,000 KB" in explained(capsys, "--trust-policy", str(tmp_path / "policy.json"), code=2)[1]


def test_every_rule_is_in_the_docs_with_its_level() -> None:
    listed = dict(re.findall(r"^- (error|warning)s: (.+)$", PAGE.read_text(), re.MULTILINE))
    for level, names in listed.items():
        assert re.findall(r"`([a-z-]+)`", names) == [name for name, rule in TRUST_RULES.items() if rule.level == level]
    assert set(listed) == {rule.level for rule in TRUST_RULES.values()}


def test_defaults_of_parameters_are_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "template.json"
    policy = {"Statement": {"Effect": "Allow", "Principal": {"Federated": {"Ref": "Provider"}}, "Action": "sts:*"}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": policy}}
    parameter = {"Type": "String", "Default": "accounts.google.com"}
    file.write_text(json.dumps({"Parameters": {"Provider": parameter}, "Resources": {"R": role}}))
    _, err = explained(capsys, "--trust-policy", str(file))
    assert "note: reviewed with the defaults of Provider; a stack may have other values: --parameter\n" in err
    _, err = explained(capsys, "--trust-policy", str(file), "--parameter", "Provider=accounts.google.com")
    assert "note: reviewed" not in err


@pytest.mark.parametrize("end", [{"IsTruncated": True, "Marker": "m"}, {"NextToken": "t"}, {"IsTruncated": False}, {}])
def test_a_list_that_says_that_it_is_not_whole_is_told_of(
    end: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "roles.json"
    file.write_text(json.dumps({"Roles": [], **end}))
    _, err = explained(capsys, "--trust-policy", str(file))
    assert ("more roles follow on another page" in err) is (len(end) > 0 and end.get("IsTruncated") is not False)
