"""Tags: what IAM takes, unique ignoring case, and none of ours."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator

from config.faults import fault
from config.scalars import describe
from config.variables import not_replaced
from config.written import Named, ignoring_case, text_like
from oidc import limits

RESERVED_TAGS = frozenset({"managedby", "managedbystack"})
"""Set by the program on everything (``components``), in lower case."""


def tag_problem(key: str, value: object) -> tuple[str, str] | None:
    """Return what is wrong with a tag, and what to do, or ``None``."""
    if not isinstance(value, str):
        return f"the value of tag {key} is {describe(value)}", "quote it"
    if limits.TAG_KEY.fullmatch(key) is None:
        return f"not a key of a tag: {key!r}", "use 1 to 128 letters, digits, spaces and _.:/=+-@, and not `aws:`"
    if limits.TAG_VALUE.fullmatch(value) is None:
        return f"not a value of a tag: {value!r}", "use at most 256 letters, digits, spaces and _.:/=+-@"
    return None


def _tags(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise fault("wrong-type", f"expected tags, found {describe(value)}", "write {Key: value}")
    seen: dict[str, str] = {}
    for key, text in value.items():
        if isinstance(text, str) and "{{" in text:
            raise not_replaced(text, (key,))
        if problem := tag_problem(key, text):
            raise fault("bad-tag", *problem, at=(key,))
        if (first := seen.setdefault(key.lower(), key)) != key:
            raise fault("bad-tag", f"{key} and {first} are one key to IAM, which ignores case", "keep one", at=(key,))
        if key.lower() in RESERVED_TAGS:
            raise fault(
                "bad-tag", f"the tag {key} is set by the program, to say who manages a resource", "remove it", (key,)
            )
    if len(value) > limits.TAGS_PER_RESOURCE - len(RESERVED_TAGS):
        raise fault(
            "bad-tag", f"{len(value)} tags, and IAM takes {limits.TAGS_PER_RESOURCE}, ours included", "remove some"
        )
    return dict(value)


_TAG_CHARACTER = r"""[^\x00-\x1f!"#$%&'()*,;<>?\[\\\]^`{|}~]"""
"""Of ASCII what ``limits.TAG_KEY`` takes; which letters Unicode has is beyond the patterns of JSON Schema."""
_RESERVED_LIKE = "|".join([f"{ignoring_case('aws')}:", *(f"{ignoring_case(word)}$" for word in sorted(RESERVED_TAGS))])
_SCHEMA = {
    "title": "tags",
    "description": "Tags of IAM: {KEY: value}, unique ignoring case.",
    "examples": [{"Service": "payments"}],
    "type": "object",
    "propertyNames": text_like(
        rf"(?!{_RESERVED_LIKE}){_TAG_CHARACTER}{{1,128}}",
        "1 to 128 letters, digits, spaces and _.:/=+-@, neither `aws:` nor a tag that the program sets",
    ),
    "additionalProperties": text_like(
        rf"{_TAG_CHARACTER}{{0,256}}", "at most 256 letters, digits, spaces and _.:/=+-@, quoted"
    ),
    "maxProperties": limits.TAGS_PER_RESOURCE - len(RESERVED_TAGS),
}

Tags = Annotated[dict[str, str], BeforeValidator(_tags), Named(_SCHEMA)]
