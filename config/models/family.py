"""Role families: what a role with ``for_each`` goes over, and the one item that each of its roles stands for."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from config.findings import each_once, fault
from config.json_schema_hints import EACH_ONCE, NO_VARIABLES, Looks, example
from config.models.base import InventoryModel
from config.models.bitbucket_values import EnvironmentName
from config.models.scalars import Slug
from config.models.trust import RepositoryReference, a_list

PLAN_SUFFIX = "-plan"
"""Behind the key and the name of a role: those of the second role of a pair."""

_PATTERN_CHARACTERS = frozenset("*?[]$\\")


def _plain(value: str) -> str:
    if _PATTERN_CHARACTERS & set(value):
        # In `accounts` it would select others, and in a permission policy allow more, than the item says.
        raise fault(
            "bad-name", f"{value} has a character that means a pattern in `accounts` and permission policies",
            "write the role for this deployment environment out, without for_each",
        )  # fmt: skip
    return value


PlainEnvironment = Annotated[
    EnvironmentName,
    AfterValidator(_plain),
    Looks(
        "plain environment name",
        "the name of a deployment environment, none of `*`, `?`, `[`, `]`, `$` and `\\` in it",
        "production",
        rf"{NO_VARIABLES}(?!\s)(?=[\s\S]*\S$)[^\x00-\x1f\x7f-\x9f*?[\]$\\]+",
    ),
]
T = TypeVar("T")
_Each = Annotated[tuple[T, ...], Field(min_length=1), BeforeValidator(a_list), AfterValidator(each_once), EACH_ONCE]


@dataclass(frozen=True, slots=True)
class FamilyItem:
    """What one role of a family stands for: ``FamilyItem("acme/shop", "production")``, or one of the two alone."""

    repository: str | None
    environment: str | None

    def __str__(self) -> str:
        """Show it as in the keys of the family's roles: ``acme/shop, production``."""
        return ", ".join(part for part in (self.repository, self.environment) if part is not None)

    @property
    def variables(self) -> dict[str, str]:
        """What the family's variables stand for: ``{"repository": "acme/shop", "repository_name": "shop"}``."""
        found: dict[str, str] = {}
        if self.repository is not None:
            found |= {"repository": self.repository, "repository_name": self.repository.partition("/")[2]}
        if self.environment is not None:
            found["environment"] = self.environment
        return found


class ForEach(InventoryModel):
    """What a role family goes over: one role of IAM for each item, and for each combination where both keys stand."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["repository"]}, {"required": ["environment"]}]}
    )

    expected = "what to go over: {repository: [WORKSPACE/REPOSITORY, …]} or {environment: [NAME, …]}, or both"

    repository: Annotated[_Each[RepositoryReference] | None, example(["acme/shop", "acme/website"], since="0.1")] = None
    """WORKSPACE/REPOSITORY, each; {{repository}} and {{repository_name}} in the role."""
    environment: Annotated[_Each[PlainEnvironment] | None, example(["staging", "production"], since="0.1")] = None
    """Names of deployment environments; {{environment}} in the role."""

    @model_validator(mode="after")
    def _over_something(self) -> Self:
        if self.repository is None and self.environment is None:
            raise fault(
                "bad-value", "for_each goes over nothing",
                "write {repository: [WORKSPACE/REPOSITORY, …]} or {environment: [NAME, …]}, or remove it",
            )  # fmt: skip
        return self

    @property
    def items(self) -> Iterator[FamilyItem]:
        """Every item, or every combination, in the order written."""
        for repository, environment in product(self.repository or (None,), self.environment or (None,)):
            yield FamilyItem(repository, environment)


class ResultKey(str):
    """The key of one role of a family, ``deploy[acme/shop, production]``: no written key has brackets.

    Attributes:
        family: The key as written, ``deploy``.
    """

    __slots__ = ("family",)
    family: str

    @classmethod
    def of(cls, family: str, item: FamilyItem) -> "ResultKey":
        """Return the key of an item's role; it depends on nothing else, so that a longer list touches no other role."""
        key = cls(f"{family}[{item}]")
        key.family = family
        return key


def family_of(key: str) -> str:
    """Return the key as written, ``deploy``, of a role of a sound inventory: for ``deploy[acme/shop]`` and itself."""
    return key.partition("[")[0]


def plan_key(key: str) -> str:
    """Return the key of the plan role beside a role: ``deploy-plan[acme/shop]`` for ``deploy[acme/shop]``."""
    family = family_of(key)
    return f"{family}{PLAN_SUFFIX}{key[len(family) :]}"


def _role_key(value: object, slug: ValidatorFunctionWrapHandler) -> str:
    if isinstance(value, ResultKey):
        slug(value.family)
        return str(value)
    written: str = slug(value)
    return written


RoleKey = Annotated[Slug, WrapValidator(_role_key)]
"""A key as written; or that of a role of a family, which nobody can write."""
