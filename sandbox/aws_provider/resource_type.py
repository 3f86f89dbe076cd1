"""The base of all resource types of the provider: a table of properties, and the operations that follow from it.

Property values are compared by what they mean to AWS, not by how they are written. Behaviour:
tf ``verify/json.go`` (``PolicyToSet``).
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

from oidc.iam.document import meaning_of
from sandbox.engine.values import UNKNOWN, Properties, contains_unknown


@dataclass(frozen=True)
class Property:
    """One input of a resource type.

    Attributes:
        required: Whether the program must give it.
        default: The value if the program does not give it; ``None`` for absent.
        replaces: Whether a change needs a new resource.
        kept: Whether AWS's value stays if the program gives no value or an empty one.
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
    """One resource type; the methods that call AWS take an IAM client of botocore.

    Attributes:
        properties: The inputs by their names on the wire.
        computed: The outputs that AWS decides; unknown until the resource exists.
        named: Whether it has the input ``name``, which the provider fills in if it is missing.
        awaited: Whether the provider waits until AWS shows a new one.
    """

    properties: ClassVar[Mapping[str, Property]]
    computed: ClassVar[tuple[str, ...]] = ()
    named: ClassVar[bool] = False
    awaited: ClassVar[bool] = False

    @abstractmethod
    def create(self, iam: Any, inputs: Properties) -> str:  # noqa: ANN401 - botocore makes its clients at run time
        """Create the resource; return its id."""

    @abstractmethod
    def read(self, iam: Any, identity: str, inputs: Properties) -> ReadResource | None:  # noqa: ANN401 - as above
        """Read the resource by its id, or with an empty id by its inputs; ``None`` if it does not exist."""

    @abstractmethod
    def update(self, iam: Any, identity: str, old: Properties, new: Properties) -> None:  # noqa: ANN401 - as above
        """Change the properties that differ."""

    @abstractmethod
    def delete(self, iam: Any, identity: str, outputs: Properties) -> None:  # noqa: ANN401 - as above
        """Delete the resource; an absent one is no error."""

    def identity_in(self, account: str, inputs: Properties) -> str:  # noqa: ARG002 - for types that override it
        """Return the id of the resource with these inputs, if it follows from them; else the empty string."""
        return ""

    def failures(self, inputs: Properties) -> dict[str, str]:
        """Check inputs; return a reason for each wrong property."""
        wrong = {
            name: "this provider does not implement the property" for name in inputs if name not in self.properties
        }
        for name, declared in self.properties.items():
            if declared.required and inputs.get(name) is None:
                wrong[name] = "is required"
        return wrong

    def wanted(self, inputs: Properties) -> Properties:
        """Return the inputs with the defaults filled in."""
        defaults = {
            name: declared.default for name, declared in self.properties.items() if declared.default is not None
        }
        return {**defaults, **inputs}

    def differing(self, outputs: Properties, inputs: Properties) -> list[str]:
        """List the properties whose output differs from the input."""
        differing = []
        for name, declared in self.properties.items():
            if declared.kept and not inputs.get(name):
                continue
            new = inputs.get(name, declared.default)
            if contains_unknown(new) or not self._same(declared, outputs.get(name, declared.default), new):
                differing.append(name)
        return differing

    def ignoring(self, inputs: Properties, outputs: Properties, ignored: Iterable[str]) -> Properties:
        """Return the inputs with the present outputs for ignored properties."""
        kept = {name: outputs[name] for name in ignored if name in self.properties and name in outputs}
        return {**{name: value for name, value in inputs.items() if name not in ignored}, **kept}

    def replacing(self, differing: list[str]) -> list[str]:
        """List those properties that need a new resource."""
        return [name for name in differing if self.properties[name].replaces]

    def previewed(self, inputs: Properties, old: Properties | None) -> Properties:
        """Return the outputs that are known before the resource is created or updated."""
        known = {name: value for name, value in (old or {}).items() if name in self.computed or self._kept(name)}
        unknown = {} if old is not None else dict.fromkeys(self.computed, UNKNOWN)
        return {**unknown, **known, **self.wanted(inputs)}

    def inputs_of(self, resource: ReadResource, former: Properties) -> Properties:
        """Return the inputs that describe a resource; a former value with the same meaning stays as written."""
        result: Properties = {}
        for name, declared in self.properties.items():
            present = resource.outputs.get(name, declared.default)
            if name in former:
                value = former[name] if self._same(declared, present, former[name]) else present
            else:
                value = None if declared.kept and former else present
                value = None if value == declared.default else value
            if value is not None:
                result[name] = value
        return result

    def outputs_of(self, resource: ReadResource, former: Properties) -> Properties:
        """Return the outputs; a former document or list with the same meaning stays as written."""
        earlier = {name: former[name] for name in self.properties if name in former and name != "url"}
        kept = {
            name: value
            for name, value in earlier.items()
            if self._same(self.properties[name], resource.outputs.get(name, self.properties[name].default), value)
        }
        return {"id": resource.id, **resource.outputs, **kept}

    def _kept(self, name: str) -> bool:
        return name in self.properties and self.properties[name].kept

    @staticmethod
    def _same(declared: Property, old: object, new: object) -> bool:
        return old == new or (old is not None and new is not None and declared.same(old, new))


def same_document(old: object, new: object) -> bool:
    """Tell whether two policy documents grant the same, as the official provider does.

    Args:
        old: A JSON text; other texts are compared as written.
        new: The text to compare with.
    """
    if not isinstance(old, str) or not isinstance(new, str):
        return old == new
    try:
        return meaning_of(json.loads(old)) == meaning_of(json.loads(new))
    except ValueError:
        return old == new


def same_set(old: object, new: object) -> bool:
    """Tell whether two lists have the same texts, in any order."""
    return isinstance(old, list) and isinstance(new, list) and set(map(str, old)) == set(map(str, new))


def same_url(old: object, new: object) -> bool:
    """Compare issuer URLs without ``https://``, which AWS leaves out of its answers. All else must be equal."""
    return _SCHEME.sub("", str(old).strip()) == _SCHEME.sub("", str(new).strip())


_SCHEME = re.compile(r"\Ahttps://", re.IGNORECASE)


def is_missing(error: ClientError) -> bool:
    """Tell whether IAM answered that the entity does not exist (``NoSuchEntity``, HTTP status 404)."""
    return str(error.response.get("Error", {}).get("Code", "")) == "NoSuchEntity"


@contextmanager
def tolerate_missing() -> Iterator[None]:
    """Ignore the error that an entity to delete does not exist."""
    try:
        yield
    except ClientError as error:
        if not is_missing(error):
            raise
