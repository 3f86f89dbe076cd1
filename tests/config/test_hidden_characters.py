"""What a reviewer cannot see is refused where it stands, in every file that is read, and what can be seen is not."""

import json
import shutil
import sys
import unicodedata
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from access.compile import compile_plan
from access.trust_review.document import trust_document
from config.findings import Place
from config.hidden_characters import escaped_plain, hidden_character
from config.load import load_inventory
from config.stack_file import parse_stack_file
from config.yaml.document import read_document, read_json_document
from oidc.errors import UsageError

TODAY = date(2026, 11, 23)
INVENTORIES = Path(__file__).parent.parent / "fixtures" / "inventories"
FILES = (
    "delegated/guardrails.yaml", "delegated/inventory.lock.yaml", "delegated/platform/base.yaml",
    "acme/workspaces.yaml", "acme/policies/push-images.json",
)  # fmt: skip
"""One of each kind that an inventory has."""

SPELLED_OUT = (
    *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c",  # bidirectional
    *"\U000e0001\U000e0041\U000e007f",  # tags
    *"\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u180e\u2063",  # of no width
    *"\ufe0e\ufe0f\U000e0100\U000e01ef\u180b\u180f",  # variation selectors
    *"\u115f\u1160\u3164\uffa0\u17b4\u2800\U0001d159",  # fillers, drawn as nothing
    *"\x00\x07\x08\x0b\x0c\x1b\x7f\x80\x85\x9f\u2028\u2029\r",  # control characters, ends of lines
    *"\ufdd0\ufffe\uffff\U0010ffff",  # no characters
)
hidden = st.sampled_from(SPELLED_OUT)


@pytest.fixture(scope="module")
def inventories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(INVENTORIES, tmp_path_factory.mktemp("hidden") / "inventories"))


def findings(folder: Path) -> list[tuple[str, int, int, str]]:
    findings = compile_plan(load_inventory(folder, today=TODAY)).findings
    return [
        (finding.rule, finding.place.line, finding.place.column, str(Path(finding.place.file).resolve()))
        for finding in findings
    ]


@settings(max_examples=60)
@pytest.mark.parametrize("name", FILES)
@given(character=hidden, share=st.floats(0, 1))
@example(character="\u202e", share=1.0)
@example(character="\r", share=0.0)
def test_anywhere_in_a_sound_file_it_is_the_one_finding_at_its_place(
    inventories: Path, name: str, character: str, share: float
) -> None:
    path = inventories / name
    sound = path.read_text(encoding="utf-8")
    at = round(share * len(sound))
    before, behind = sound[:at], sound[at:]
    if (character == "\ufeff" and not before) or (character == "\r" and behind.startswith("\n")):
        return  # a byte order mark, an end of a line
    expected = ("hidden-characters", before.count("\n") + 1, len(before) - before.rfind("\n"), str(path.resolve()))
    path.write_text(before + character + behind, encoding="utf-8", newline="")
    try:
        assert findings(inventories / name.partition("/")[0]) == [expected]
    finally:
        path.write_text(sound, encoding="utf-8", newline="")


def test_the_same_files_without_it_give_no_finding(inventories: Path) -> None:
    assert findings(inventories / "delegated") == []
    assert findings(inventories / "acme") == []


def test_every_control_format_and_line_end_character_of_unicode_is_refused() -> None:
    kinds = {"Cc", "Cf", "Zl", "Zp", "Cs"}
    named = [character for character in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(character) in kinds]
    passed = [
        hex(ord(character))
        for character in named
        if character not in "\t\n" and hidden_character(f"a{character}b") is None
    ]
    assert passed == []


def test_letters_marks_and_signs_of_all_scripts_pass() -> None:
    kinds = ("Lu", "Ll", "Lt", "Lm", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sc", "Sk", "Sm", "Zs")
    seen = "".join(
        character for character in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(character) in kinds
    )
    assert hidden_character(seen) is None
    assert hidden_character("Zürich, Škoda, Ελλάδα, Москва, 日本, 한국, עברית, नमस्ते, 🚀 \u26a0\tok\r\n") is None


def test_a_file_full_of_hidden_characters_is_one_finding_that_counts_the_others() -> None:
    (problem,) = read_document("roles:\r  a: {}\r  b: {}\r# \u200b\n").problems
    assert problem.place == Place(0, 1, 7, "")
    assert "(3 more in this file)" in problem.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(character=hidden, share=st.floats(0, 1))
def test_a_stack_file_has_none(character: str, share: float) -> None:
    sound = "config:\n  bitbucket-aws-oidc:accounts: [dev] # all\n"
    at = round(share * len(sound))
    text = sound[:at] + character + sound[at:]
    if text[:1] == "\ufeff" or "\r\n" in text:
        return
    with pytest.raises(UsageError) as refused:
        parse_stack_file("Pulumi.dev.yaml", text.encode(), "Pulumi.dev.yaml")
    line, column = sound.count("\n", 0, at) + 1, at - sound.rfind("\n", 0, at)
    assert refused.value.what.startswith(f"Pulumi.dev.yaml:{line}:{column}: ")


@pytest.mark.parametrize(
    "text", ["config: {a: b}\nconfig: {}\n", "config: {bitbucket-aws-oidc:inventory: 'a'\n", 'config: {"a\\x62": c}\n']
)
def test_a_stack_file_is_read_as_strictly_as_an_inventory(text: str) -> None:
    with pytest.raises(UsageError, match=r"Pulumi\.dev\.yaml:[12]:\d+: "):
        parse_stack_file("Pulumi.dev.yaml", text.encode(), "Pulumi.dev.yaml")


plain = st.integers(0x20, 0x7E).map(chr)
words = st.text(st.sampled_from("abé ☃"), max_size=5)
SPELLINGS = ("\\x{:02x}", "\\u{:04X}", "\\U{:08x}")


@given(plain, st.sampled_from(SPELLINGS), words, words)
def test_an_escape_that_spells_a_plain_character_is_one_problem_at_its_place(
    character: str, spelling: str, before: str, behind: str
) -> None:
    escape = spelling.format(ord(character))
    document = read_document(f'é: [{{}},\n  "{before}{escape}{behind}"]\n')
    (problem,) = document.problems
    assert (problem.rule, problem.place) == ("hidden-characters", Place(0, 2, 4 + len(before), ""))
    assert escape in problem.message
    assert document.data == {"é": [{}, f"{before}{character}{behind}"]}


@given(plain, st.sampled_from(SPELLINGS))
def test_what_it_says_to_write_is_the_same_text(character: str, spelling: str) -> None:
    (problem,) = escaped_plain(f'a: "x{spelling.format(ord(character))}x"\n')
    replacement = problem.hint.removeprefix("write ").replace("a plain space", " ")
    document = read_document(f'a: "x{replacement}x"\n')
    assert (document.data, document.problems) == ({"a": f"x{character}x"}, ())


@pytest.mark.parametrize(
    "text",
    [
        "a: '\\x65'\n", "a: \\x65\n", "# \"\\x65\"\na: b\n", "a: |\n  \"\\x65\"\n", "a: \"\\\\x65\"\n",
        "a: \"\\xe9 \\u200d \\U0001f680 \\n \\t \\\\ \\\" \\\\/ \\x1b\"\n", "a: \"b\" # it's \\x65\n",
    ],
)  # fmt: skip
def test_other_escapes_pass(text: str) -> None:
    assert read_document(text).problems == ()


@given(words, words)
def test_an_escaped_slash_is_a_problem_in_yaml_and_none_in_json(before: str, behind: str) -> None:
    text = f'{{"a": "{before}\\/{behind}"}}'
    (problem,) = read_document(text).problems
    assert (problem.rule, problem.place, problem.hint) == (
        "hidden-characters",
        Place(0, 1, 8 + len(before), ""),
        "write /",
    )
    document = read_json_document(text)
    assert (document.data, document.problems) == ({"a": f"{before}/{behind}"}, ())


below_astral = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]))


@given(st.dictionaries(below_astral, below_astral))
def test_the_escapes_that_json_requires_pass(data: dict[str, str]) -> None:
    assert escaped_plain(json.dumps(data)) == []


@pytest.mark.parametrize("between", ["\u2028", "\u200b", "\r"])
@pytest.mark.parametrize("text", ['{{"Version": "1",{} "Version": "2"}}', '{{"Version"\n: "1{}", "Version": "2"}}'])
def test_a_key_of_a_trust_policy_stands_once_whatever_else_is_in_the_text(text: str, between: str) -> None:
    assert [fault.rule for fault in trust_document(text.format(between)).faults] == ["json-syntax"]
