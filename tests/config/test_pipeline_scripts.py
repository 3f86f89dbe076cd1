"""Scripts of steps: the words of commands are what a shell reads, and what only a run can tell is unknown."""

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.pipelines.script import read_script
from config.pipelines.shell import commands_of
from config.pipelines.steps import RoleUse, Script, TokenUse

ARN = "arn:aws:iam::222222222222:role/bitbucket/deploy"
EXPORT = f"export AWS_ROLE_ARN={ARN}"
WRITTEN = "export AWS_WEB_IDENTITY_TOKEN_FILE=token; printenv BITBUCKET_STEP_OIDC_TOKEN > token"
PIECES = [
    *(
        "a",
        " ",
        "'",
        '"',
        "\\",
        "$",
        "$X",
        "${X}",
        "$(",
        ")",
        "`",
        "#",
        "\n",
        ";",
        "&&",
        "||",
        "|",
        "<<E",
        "E",
        ">",
        "(",
    ),
    *("{", "}", "if", "then", "fi", "for", "case", "esac", "in", "=", "X=", "export ", EXPORT, "aws ", "\t"),
]


def script(*items: str) -> Script:
    return read_script([(item, lambda offset, _: (1, offset + 1)) for item in items])


def uses(*items: str) -> list[tuple[str | None, bool]]:
    return [(use.arn, use.unread is None) for use in script(*items).uses]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join))
def test_any_text_is_read_to_its_end(text: str) -> None:
    read = commands_of(text)
    assert len(read.text) == len(text)
    script(text)


@pytest.mark.parametrize("opening", ["$(", "`", '"$(', "(", "{ ", "if ", "<<E ", "$((", "'", "case x in a) "])
def test_a_text_that_nests_without_end_is_read_too(opening: str) -> None:
    script(opening * 20_000)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_a_quoted_word_has_the_value_that_it_quotes(words: list[str]) -> None:
    (command,) = commands_of("echo " + " ".join(map(shlex.quote, words))).commands
    assert [word.value({}) for word in command.words[1:]] == words


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["a", " ", "'", '"', "\\", "$X", "${X}", "/"]), max_size=8).map("".join))
def test_a_known_value_is_what_the_shell_has(text: str) -> None:
    line = f"V={text}"
    done = subprocess.run(
        ["bash", "-c", f'X=x\n{line}\nprintf "%s" "$V"'], capture_output=True, text=True, check=False, env={}
    )
    (assignment, *others) = [assigned for command in commands_of(line).commands for assigned in command.assignments]
    if done.returncode == 0 and not done.stderr and not others and not commands_of(line).commands[0].words:
        assert assignment[1].value({"X": "x"}) in (done.stdout, None)


@pytest.mark.parametrize(
    "line",
    [
        EXPORT,
        f'export AWS_REGION=eu-west-1 AWS_ROLE_ARN="{ARN}"',
        f"AWS_ROLE_ARN='{ARN}' aws s3 ls",
        f"env -i AWS_ROLE_ARN={ARN} aws s3 ls",
        f"AWS_ROLE_ARN={ARN}\nexport AWS_ROLE_ARN",
        f"ROLE={ARN}; export AWS_ROLE_ARN=$ROLE",
        "ACCOUNT=222222222222\nexport AWS_ROLE_ARN=arn:aws:iam::${ACCOUNT}:role/bitbucket/deploy",
        f"cd infra && {EXPORT}",
        f"if true; then echo; fi; {EXPORT}",
        f"cat <<EOF > x\nif\nEOF\n{EXPORT}",
        f"aws sts assume-role-with-web-identity --role-arn {ARN} --web-identity-token x",
        f"aws sts assume-role-with-web-identity --role-arn={ARN} \\\n  --web-identity-token x",
        f"export $(printf 'A=%s' $(aws sts assume-role-with-web-identity --role-arn {ARN}))",
        f"KEYS=`aws sts assume-role-with-web-identity --role-arn {ARN}`",
        f"R={ARN}; KEYS=$(aws --output text sts assume-role-with-web-identity --role-arn \"$R\")",
    ],
)  # fmt: skip
def test_a_role_is_found_in_every_form_that_is_certain(line: str) -> None:
    assert uses(line) == [(ARN, True)]


@pytest.mark.parametrize(
    "line",
    [
        "export AWS_ROLE_ARN=$ROLE",
        "export AWS_ROLE_ARN=arn:aws:iam::$ACCOUNT:role/deploy",
        "AWS_ROLE_ARN=$(cat role.txt)",
        "ROLE=a; . ./role.sh; export AWS_ROLE_ARN=$ROLE",
        "ROLE=a; read ROLE < file; export AWS_ROLE_ARN=$ROLE",
        "ROLE=a; for ROLE in b c; do echo; done; export AWS_ROLE_ARN=$ROLE",
        "ROLE=a; ROLE+=b; export AWS_ROLE_ARN=$ROLE",
        "ROLE=a aws s3 ls; export AWS_ROLE_ARN=$ROLE",
        "X=$(ROLE=a); export AWS_ROLE_ARN=$ROLE",
        "aws sts assume-role-with-web-identity --role-arn $ROLE",
    ],
)
def test_an_arn_that_only_a_run_can_tell_is_not_known(line: str) -> None:
    assert uses(line) == [(None, False)]


@pytest.mark.parametrize(
    "line",
    [
        f"if [ $X ]; then {EXPORT}; fi",
        f"[ $X = main ] && {EXPORT}",
        f"false || {EXPORT}",
        f"f() {{ {EXPORT}; }}",
        f"({EXPORT})",
        f"case $X in main) {EXPORT};; esac",
        f"V=$(case $X in main) {EXPORT};; esac)",
        f"while read x; do {EXPORT}; done",
        f"echo role: {ARN}",
        f"aws sts assume-role --role-arn {ARN}; {EXPORT}",
        f"cat <<EOF > ~/.aws/config\nrole_arn = {ARN}\nEOF",
    ],
)
def test_a_role_in_a_condition_or_another_command_is_not_checked(line: str) -> None:
    assert [is_read for _, is_read in uses(line)] == [False]


def test_a_compound_over_several_items_is_a_condition() -> None:
    assert uses("if [ $X ]; then", EXPORT, "fi") == [(ARN, False)]


def test_a_comment_names_no_role_and_no_token() -> None:
    read = script(f"true # {EXPORT} $BITBUCKET_STEP_OIDC_TOKEN", "# AWS_WEB_IDENTITY_TOKEN_FILE")
    assert (read.uses, read.token, read.needs_token) == ((), TokenUse.UNUSED, False)


@pytest.mark.parametrize(
    ("items", "token"),
    [
        ([EXPORT, "aws s3 ls"], TokenUse.UNUSED),
        ([EXPORT, "terraform apply"], TokenUse.UNUSED),
        ([EXPORT, "printenv BITBUCKET_STEP_OIDC_TOKEN > token", "aws s3 ls"], TokenUse.UNUSED),
        ([EXPORT, WRITTEN, "aws s3 ls"], TokenUse.HANDED_OVER),
        ([EXPORT, "./deploy.sh"], TokenUse.UNKNOWN),
        ([EXPORT, "npm run deploy"], TokenUse.UNKNOWN),
        ([EXPORT, "$DEPLOY"], TokenUse.UNKNOWN),
        ([EXPORT, "bin/aws s3 ls"], TokenUse.UNKNOWN),
    ],
)  # fmt: skip
def test_a_token_is_unused_only_if_every_command_is_known(items: list[str], token: TokenUse) -> None:
    assert script(*items).token is token


def test_a_token_in_a_test_is_not_needed() -> None:
    assert script("printenv BITBUCKET_STEP_OIDC_TOKEN > x").needs_token
    assert not script('[ -n "$BITBUCKET_STEP_OIDC_TOKEN" ] || exit 0').needs_token
    assert not script('if true; then echo "$BITBUCKET_STEP_OIDC_TOKEN" > x; fi').needs_token
    assert not script('X="${BITBUCKET_STEP_OIDC_TOKEN:-}"').needs_token


@pytest.mark.parametrize(
    ("line", "is_static"),
    [
        ("export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", True),
        ("export AWS_ACCESS_KEY_ID=$PROD_KEY_ID", True),
        ('export AWS_ACCESS_KEY_ID="${PROD_KEY_ID}"', True),
        ("unset AWS_ACCESS_KEY_ID", False),
        ("export AWS_ACCESS_KEY_ID", False),
        ("export AWS_ACCESS_KEY_ID=", False),
        ("export AWS_ACCESS_KEY_ID=$(jq -r .AccessKeyId keys.json)", False),
        ("read ID < keys; export AWS_ACCESS_KEY_ID=$ID", False),
        ("source keys.sh; export AWS_ACCESS_KEY_ID=$ID", False),
        ("aws sts assume-role-with-web-identity > k; export AWS_ACCESS_KEY_ID=$ID", False),
    ],
)
def test_a_key_is_static_only_if_the_script_cannot_have_it_from_sts(line: str, is_static: bool) -> None:
    assert bool(script(line).static_keys) is is_static


def test_a_role_named_twice_is_one_use() -> None:
    assert script(EXPORT, EXPORT).uses == (RoleUse(script(EXPORT).uses[0].way, ARN, (1, 21)),)
