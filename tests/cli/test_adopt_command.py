"""What `adopt` writes is read back as it was, whatever the accounts hold."""

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
    document = read_document(yaml_text(written))
    assert document.problems == ()
    assert document.data == written
