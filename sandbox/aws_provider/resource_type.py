"""The base of all resource types of the provider: a table of properties, and the operations that follow from it.

Property values are compared by what they mean to AWS, not by how they are written.
"""

import json
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from sandbox.engine.values import UNKNOWN, Properties, contains_unknown


@dataclass(frozen=True)
class Property:
    """One input of a resource type.

    Attributes:
        required: Whether it must be given.
        default: The value if it is not given; ``None`` for absent.
        replaces: Whether a change needs a new resource.
        kept: If it is not given or empty, AWS's value is kept.
        same: Compares an old and a new value.
    """

    required: bool = False
    default: object = None
    replaces: bool = False
    kept: bool = False
    same: Callable[[object, object], bool] = operator.eq


@dataclass(frozen=True)
class ReadResource:
    """A resource as AWS has it: its id and its outputs."""

    id: str
    outputs: Properties


class ResourceType(ABC):
    """One resource type; the methods that call AWS take an IAM client of ``boto3``.

    Attributes:
        properties: Its inputs by their names on the wire.
        computed: Outputs that AWS decides; unknown until the resource is there.
        named: It has the input ``name``, which is made up when it is not given.
    """

    properties: ClassVar[Mapping[str, Property]]
    computed: ClassVar[tuple[str, ...]] = ()
    named: ClassVar[bool] = False

    @abstractmethod
    def create(self, iam: Any, inputs: Properties) -> str:  # noqa: ANN401 - botocore makes its clients at run time
        """Create the resource; give its id."""

    @abstractmethod
    def read(self, iam: Any, identity: str, inputs: Properties) -> ReadResource | None:  # noqa: ANN401 - as above
        """Read the resource; ``None`` when it is not there. With an empty id it is found by its inputs."""

    @abstractmethod
    def update(self, iam: Any, identity: str, old: Properties, new: Properties) -> None:  # noqa: ANN401 - as above
        """Change what differs."""

    @abstractmethod
    def delete(self, iam: Any, identity: str, outputs: Properties) -> None:  # noqa: ANN401 - as above
        """Delete the resource; fine when it is gone already."""

    def identity_in(self, account: str, inputs: Properties) -> str:  # noqa: ARG002 - for those types that need no look
        """Give the id that a resource with these inputs has in an account, where it follows from them; else nothing."""
        return ""

    def failures(self, inputs: Properties) -> dict[str, str]:
        """Check inputs; give property and reason of all that is wrong."""
        wrong = {
            name: "this provider does not implement the property" for name in inputs if name not in self.properties
        }
        for name, one in self.properties.items():
            if one.required and inputs.get(name) is None:
                wrong[name] = "is required"
        return wrong

    def wanted(self, inputs: Properties) -> Properties:
        """Fill in the defaults."""
        defaults = {name: one.default for name, one in self.properties.items() if one.default is not None}
        return {**defaults, **inputs}

    def differing(self, outputs: Properties, inputs: Properties) -> list[str]:
        """List the properties in which what is there differs from what is wanted."""
        found = []
        for name, one in self.properties.items():
            if one.kept and not inputs.get(name):
                continue
            new = inputs.get(name, one.default)
            if contains_unknown(new) or not self._same(one, outputs.get(name, one.default), new):
                found.append(name)
        return found

    def ignoring(self, inputs: Properties, outputs: Properties, ignored: Iterable[str]) -> Properties:
        """Put in place of what is ignored what is there."""
        kept = {name: outputs[name] for name in ignored if name in self.properties and name in outputs}
        return {**{name: value for name, value in inputs.items() if name not in ignored}, **kept}

    def replacing(self, differing: list[str]) -> list[str]:
        """Of those properties, list the ones that need a new resource."""
        return [name for name in differing if self.properties[name].replaces]

    def previewed(self, inputs: Properties, old: Properties | None) -> Properties:
        """Give the outputs as far as they are known before the resource is created or updated."""
        known = {name: value for name, value in (old or {}).items() if name in self.computed or self._kept(name)}
        unknown = {} if old is not None else dict.fromkeys(self.computed, UNKNOWN)
        return {**unknown, **known, **self.wanted(inputs)}

    def inputs_of(self, found: ReadResource, former: Properties) -> Properties:
        """Give the inputs that would describe what was found; what still means the same stays as it was written."""
        result: Properties = {}
        for name, one in self.properties.items():
            have = found.outputs.get(name, one.default)
            if name in former:
                value = former[name] if self._same(one, have, former[name]) else have
            else:
                value = None if one.kept and former else have
                value = None if value == one.default else value
            if value is not None:
                result[name] = value
        return result

    def outputs_of(self, found: ReadResource, former: Properties) -> Properties:
        """Give the outputs; a document or a list that still means the same stays as it was written."""
        written = {name: former[name] for name, one in self.properties.items() if name in former and name != "url"}
        kept = {
            name: value
            for name, value in written.items()
            if self._same(self.properties[name], found.outputs.get(name, self.properties[name].default), value)
        }
        return {"id": found.id, **found.outputs, **kept}

    def _kept(self, name: str) -> bool:
        return name in self.properties and self.properties[name].kept

    @staticmethod
    def _same(one: Property, old: object, new: object) -> bool:
        return old == new or (old is not None and new is not None and one.same(old, new))


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
