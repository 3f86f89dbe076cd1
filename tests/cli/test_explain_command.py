"""explain as a shell sees it: what may be asked, what is printed where, exit codes; and never a part of a token."""

import base64
import io
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.main import run

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
WIDE = Path(__file__).parents[1] / "fixtures" / "inventories" / "wide"
ISSUER = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"
AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"
SHOP, STEP = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}", "{11111111-2222-4333-8444-555555555555}"
PRODUCTION = "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"{SHOP}:{PRODUCTION}:{STEP}"}
MARK = "marked-and-never-to-be-seen"


def part(data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def token(**claims: Any) -> str:
    signature = base64.urlsafe_b64encode(MARK.encode()).decode().rstrip("=")
    return f"{part({'alg': 'RS256', 'kid': MARK})}.{part(CLAIMS | claims)}.{signature}"


def piped(monkeypatch: pytest.MonkeyPatch, text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def explained(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert run(["explain", *arguments]) == code
    shown = capsys.readouterr()
    return shown.out, shown.err


def test_json_has_every_role_sorted_by_arn_with_these_keys(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = explained(capsys, "--format", "json", "--claims", json.dumps(CLAIMS), str(WIDE))
    answers = json.loads(out)
    assert all(list(answer) == ["account", "role", "arn", "allowed", "reasons"] for answer in answers)
    assert [answer["arn"] for answer in answers] == sorted(answer["arn"] for answer in answers)
    assert len(answers) == 12
    assert all(answer["reasons"] and all(isinstance(reason, str) for reason in answer["reasons"]) for answer in answers)
    assert {answer["role"] for answer in answers if answer["allowed"]} == {"everywhere", "whole-workspace"}


def test_a_step_is_given_by_names_of_the_inventory(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = explained(capsys, "--repository", "acme/shop", "--environment", "staging", str(QUICKSTART))
    assert err == ""
    assert out.splitlines()[5:] == [
        "yes dev  shop-staging  arn:aws:iam::111111111111:role/bitbucket/shop-staging",
        "      acme/shop, deployment environment staging",
        "",
        "no  prod  shop-production  arn:aws:iam::222222222222:role/bitbucket/shop-production",
        "      subject has another deployment environment: expected production, got staging",
        "",
        "1 role allowed, 1 role refused",
    ]


def test_a_step_that_no_role_admits_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = explained(capsys, "--repository", "acme/shop", str(QUICKSTART))
    assert "0 roles allowed, 2 roles refused" in out
    assert "the step lacks `deployment: production`" in out


def test_roles_that_are_far_off_are_counted_unless_all_are_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    few, _ = explained(capsys, "--repository", "acme-data/tool", str(WIDE))
    every, _ = explained(capsys, "--repository", "acme-data/tool", "--all", str(WIDE))
    assert "whole-workspace" not in few
    assert "  5 roles: issuer of another workspace\n" in few
    assert "no  ambient  whole-workspace" in every
    assert "of these not shown" not in every


@pytest.mark.parametrize("options", [["--token", "-"], []])
def test_a_token_comes_on_standard_input(
    options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(datetime.now(UTC).timestamp())
    held = token(iat=now, exp=now + 3600)
    piped(monkeypatch, held + "\n")
    out, err = explained(capsys, *options, str(QUICKSTART))
    assert "yes prod  shop-production" in out
    assert_no_part_of(held, out + err)


@pytest.mark.parametrize("missing", ["iat", "exp"])
def test_of_a_token_no_time_is_assumed_and_of_claims_both_are(
    missing: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(datetime.now(UTC).timestamp())
    times = {name: value for name, value in {"iat": now, "exp": now + 3600}.items() if name != missing}
    for claims in ({}, times):
        piped(monkeypatch, token(**claims))
        out, _ = explained(capsys, "--token", "-", str(QUICKSTART))
        assert f"Missing a required claim: {missing if claims else 'iat'}" in out
        assert "yes" not in out
    assert "yes prod  shop-production" in explained(capsys, "--claims", json.dumps(CLAIMS), str(QUICKSTART))[0]
    said = json.dumps(CLAIMS | times)
    assert f"Missing a required claim: {missing}" in explained(capsys, "--claims", said, str(QUICKSTART))[0]


@pytest.mark.parametrize("options", [["--claims", "-"], []])
def test_claims_come_on_standard_input(
    options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, b"\xef\xbb\xbf" + json.dumps(CLAIMS).encode())
    assert "yes prod  shop-production" in explained(capsys, *options, str(QUICKSTART))[0]


def assert_no_part_of(secret: str, shown: str) -> None:
    assert MARK not in shown
    for piece in secret.split("."):
        assert not any(piece[place : place + 12] in shown for place in range(0, max(1, len(piece) - 12), 4)), shown


BROKEN = [
    token() + ".more",
    token().rpartition(".")[0],
    f"{part({'alg': MARK})}.{part([MARK])}.{part(MARK)}",
    f"{part({'alg': MARK})}.{part(CLAIMS)[:-7]}.{part(MARK)}",
    f"{part({'alg': MARK})}.{part({'iss': MARK + MARK})}.{part(MARK)}",
    f"{part({'alg': MARK})}.{part({**CLAIMS, 'sub': [MARK]})}.{part(MARK)}",
    f"{part({'alg': MARK})}.ümlaut{MARK}.{part(MARK)}",
    f"{part({'alg': MARK})}.{base64.urlsafe_b64encode(b'[' * 100_000).decode()}.x",
    MARK,
]


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("options", [["--token", "-"], ["--claims", "-"], []])
def test_no_part_of_a_broken_token_is_shown(
    text: str, options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, text)
    out, err = explained(capsys, *options, str(QUICKSTART), code=2)
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert_no_part_of(text, err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--token", "TOKEN"], ["--token=TOKEN"], ["--claims", "TOKEN"], ["TOKEN"], ["inventory", "TOKEN"],
        ["--repository", "TOKEN"], ["--at", "TOKEN"], ["--nonsense=TOKEN"], ["--claims", '{"sub": "TOKEN"'],
    ],
)  # fmt: skip
def test_a_token_on_the_command_line_is_refused_and_not_repeated(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = explained(capsys, *(argument.replace("TOKEN", token()) for argument in arguments), code=2)
    assert out == ""
    assert "there is a token on the command line" in err
    assert_no_part_of(token(), err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--claims", "{"], "--claims is not JSON: "),
        (["--claims", "[" * 19_999], "--claims is nested too deeply or has a number that is too long"),
        (["--claims", "[" * 20_001], "--claims has more than 20,000 characters, the most that STS takes"),
        (["--claims", '{"sub": "a", "iss": "b", "sub": "c"}'], "--claims has `sub` twice; give each claim once"),
        (["--claims", "[]"], "--claims is not a JSON object"),
        (["--claims", "{}"], "--claims has no iss"),
        (["--claims", json.dumps({**CLAIMS, "aud": ""})], "--claims has no aud"),
        (["--claims", json.dumps({**CLAIMS, "aud": [1]})], "aud of --claims is not text"),
        (["--claims", json.dumps({**CLAIMS, "sub": ["x"]})], "sub of --claims is not text"),
        (["--claims", "{}", "--repository", "acme/shop"], "--claims and --repository are given"),
        (["--claims", "{}", "--environment", "x"], "--environment needs --repository"),
        (["--claims", "{}", "--audience", "x"], "--audience needs --repository"),
        (["--token", "something"], "--token takes only `-`"),
        (["--repository", "shop"], "a repository is WORKSPACE/REPOSITORY, not `shop`; write acme/payments"),
        (["--repository", "acne/shop"], "there is no workspace named `acne`; did you mean `acme`?"),
        (["--repository", "acme/shp"], "there is no repository in workspace acme named `shp`; did you mean `shop`?"),
        (["--repository", "acme/shop", "--environment", "prodution"], "named `prodution`; did you mean `production`?"),
        (["--repository", "acme/shop", "--at", "soon"], "--at is not a time: `soon`; write 2027-01-31T12:00:00Z"),
        (["--repository", "acme/shop", "--at", "0001-01-01T00:00:00+14:00"], "--at is not a time"),
        (["--repository", "acme/shop", "--source-ip", "1.2.3"], "--source-ip is not an address: `1.2.3`"),
        (["--repository", "acme/shop", "--source-ip", "fe80::1%eth0"], "--source-ip has a zone"),
        (["--repository", "acme/shop", "--source-vpce", "vpc-1"], "--source-vpce is not a VPC endpoint: `vpc-1`"),
    ],
)
def test_wrong_usage_is_2_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, "")
    out, err = explained(capsys, *arguments, str(QUICKSTART), code=2)
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


def test_nothing_given_and_nothing_piped_says_what_to_give(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, "")
    said = explained(capsys, str(QUICKSTART), code=2)[1]
    assert "standard input is empty" in said
    assert "--repository" in said
    monkeypatch.setattr("sys.stdin", None)
    assert "no claims are given" in explained(capsys, str(QUICKSTART), code=2)[1]


def test_a_faulty_inventory_is_1_and_answers_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copytree(QUICKSTART, tmp_path / "inventory")
    (tmp_path / "inventory" / "more.yaml").write_text("rolls: {}\n")
    out, err = explained(capsys, "--repository", "acme/shop", str(tmp_path / "inventory"), code=1)
    assert out == ""
    assert "error[unknown-key]" in err


def test_the_time_and_the_address_of_the_call_count(capsys: pytest.CaptureFixture[str]) -> None:
    def allowed(*options: str, environment: str | None = None) -> set[str]:
        step = ["--repository", "acme/shop", *(["--environment", environment] if environment else [])]
        out, _ = explained(capsys, *step, "--format", "json", *options, str(WIDE))
        return {answer["role"] for answer in json.loads(out) if answer["allowed"]}

    assert "gone" not in allowed(environment="staging")
    assert "gone" in allowed("--at", "2020-12-31", environment="staging")
    assert "gone" not in allowed("--at", "2021-01-01T00:00:00+00:00", environment="staging")
    assert "from-the-office" not in allowed()
    assert "from-the-office" in allowed("--source-ip", "203.0.113.7")
    assert "from-the-office" not in allowed("--source-ip", "203.0.113.7", "--source-vpce", "vpce-0a1b2c3d")


def test_a_custom_audience_takes_the_place_of_the_workspaces_own(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = explained(capsys, "--repository", "acme/site", "--audience", "deploy.example", str(WIDE))
    assert "yes by-role  custom-audience" in out
    assert "STS refuses a token with two" in err


def test_notes_say_what_aws_ignores(capsys: pytest.CaptureFixture[str]) -> None:
    said = {"branchName": "main", "repositoryUuid": SHOP}
    _, err = explained(capsys, "--claims", json.dumps(CLAIMS | said), str(QUICKSTART))
    assert err.startswith("note: AWS ignores branchName, repositoryUuid: of a Bitbucket token")


@pytest.mark.parametrize("times", [{"exp": 1e400, "iat": 1}, {"exp": 10**400, "iat": 1}, {"exp": 1, "iat": "x" * 999}])
def test_malformed_times_are_refused(times: dict[str, object], capsys: pytest.CaptureFixture[str]) -> None:
    out, err = explained(capsys, "--claims", json.dumps(CLAIMS | times), str(QUICKSTART))
    assert ("0 roles allowed" in out, err) == (True, "")


@pytest.mark.parametrize("subject", ["", 123])
def test_an_empty_or_numeric_subject_is_accepted(subject: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert "0 roles allowed" in explained(capsys, "--claims", json.dumps(CLAIMS | {"sub": subject}), str(QUICKSTART))[0]


def test_control_characters_of_claims_are_shown_and_never_sent(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = {"iss": "\x1b[31m", "aud": "\x1b[31m", "sub": "\x1b[31m\n", "\x1b[31m": 1}
    out, err = explained(capsys, "--claims", json.dumps(hostile), str(QUICKSTART))
    assert "\x1b" not in out + err
    assert "\\x1b[31m" in out
