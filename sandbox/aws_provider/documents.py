"""Comparing property values by what they mean to AWS rather than by how they are written."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import ClientError


def same_document(old: object, new: object) -> bool:
    """Say whether two policy documents grant the same.

    One string is the same as a list with that string alone, and the order within such a list means nothing; the order
    of statements means nothing either; an account's number is the same principal as the ARN of its root user, into
    which AWS turns it. Sources: "IAM JSON policy elements reference" of the IAM user guide, and what the official
    provider compares by: https://github.com/hashicorp/awspolicyequivalence, ``aws_policy_equivalence.go``.

    Args:
        old: A JSON text; what is no JSON is compared as it is written.
        new: Another.
    """
    if not isinstance(old, str) or not isinstance(new, str):
        return old == new
    try:
        return _canonical(json.loads(old), "") == _canonical(json.loads(new), "")
    except ValueError:
        return old == new


_ROOT_USER = re.compile(r"arn:[a-z-]+:iam::(\d{12}):root")
_LISTS = {"Action", "NotAction", "Resource", "NotResource", "AWS", "Federated", "Service", "CanonicalUser", "values"}


def _canonical(value: object, key: str) -> object:
    if key == "Statement":
        statements = value if isinstance(value, list) else [value]
        return sorted((_canonical(one, "") for one in statements), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(value, Mapping):
        inner = "values" if key == "operator" else "operator" if key == "Condition" else ""
        return {name: _canonical(item, inner or name) for name, item in value.items()}
    if key in _LISTS:
        values = value if isinstance(value, list) else [value]
        # A condition value may be written as a boolean or a number; IAM reads each as its text.
        texts = [one if isinstance(one, str) else json.dumps(one) for one in values]
        return sorted(_ROOT_USER.sub(r"\1", one) for one in texts) if key == "AWS" else sorted(texts)
    return value


def same_set(old: object, new: object) -> bool:
    """Say whether two lists hold the same texts, in whatever order."""
    return isinstance(old, list) and isinstance(new, list) and set(map(str, old)) == set(map(str, new))


def same_url(old: object, new: object) -> bool:
    """Compare issuer URLs: AWS answers them without ``https://``. All but the scheme is compared as it is written."""
    return _SCHEME.sub("", str(old).strip()) == _SCHEME.sub("", str(new).strip())


_SCHEME = re.compile(r"\Ahttps://", re.IGNORECASE)


def is_missing(error: ClientError) -> bool:
    """Say whether IAM answered that the entity does not exist (``NoSuchEntity``, HTTP status 404)."""
    return str(error.response.get("Error", {}).get("Code", "")) == "NoSuchEntity"


@contextmanager
def tolerate_missing() -> Iterator[None]:
    """Go on when what is to be deleted is gone already."""
    try:
        yield
    except ClientError as error:
        if not is_missing(error):
            raise
