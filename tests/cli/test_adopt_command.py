"""What `adopt` writes is read back as it was, whatever the accounts hold."""

from collections.abc import Mapping
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from cli.adopt import yaml_text
from config.yaml.document import read_document

# Descriptions and tags of IAM: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), min_size=1)


@given(TEXTS, TEXTS)
@example("soft\u00adhyphen", "a filler of Hangul \u3164")
def test_texts_of_an_account_come_back_whatever_characters_they_have(description: str, tag: str) -> None:
    written = {"roles": {"deploy": {"description": description, "tags": {"Owner": tag}}}}
    assert_comes_back(yaml_text(written), written)


PATHS = [(), ("roles",), ("roles", "deploy"), ("roles", "deploy", "tags"), ("roles", "deploy", "trust", 1)]


@given(st.dictionaries(st.sampled_from(PATHS), st.lists(st.text(), max_size=3).map(tuple)), TEXTS)
@example({("roles", "deploy", "trust", 1): ("a\nroles: {}", "\u2028x")}, "several words " * 20)
def test_comments_change_nothing_of_what_is_read_back(
    comments: dict[tuple[str | int, ...], tuple[str, ...]], text: str
) -> None:
    trust = [{"repository": "acme/shop", "steps": text}, {"repository": "acme/site", "environments": [text]}]
    written = {"roles": {"deploy": {"description": text, "tags": {"Owner": text}, "trust": trust}}}
    assert_comes_back(yaml_text(written, comments), written)


def assert_comes_back(text: str, written: Mapping[str, Any]) -> None:
    document = read_document(text)
    assert document.problems == ()
    assert document.data == written
