"""Role families: the items of ``for_each``, and the item of each role of a family."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from config.findings import fault
from config.json_schema_hints import NO_VARIABLES, Looks, example
from config.models.base import DistinctList, InventoryModel
from config.models.bitbucket_values import EnvironmentName
from config.models.scalars import Slug
from config.models.trust import RepositoryReference

PLAN_SUFFIX = "-plan"
"""Suffix of the key and the name of a plan role, the second role of a pair."""

_PATTERN_CHARACTERS = frozenset("*?[]$\\")


def _plain(value: str) -> str:
    if "*" in value or "?" in value:
        raise fault(
            "bad-name", f"{value} has a wildcard",
            "write the name of each deployment environment: no wildcards here; "
            "if this is the whole name of one, write a separate role for it, without for_each",
        )  # fmt: skip
    if _PATTERN_CHARACTERS & set(value):
        # As a wildcard it would select other accounts, or allow more in a permission policy, than the item alone.
        raise fault(
            "bad-name", f"{value} has a character that is special in `accounts` and permission policies",
            "write a separate role for this deployment environment, without for_each",
        )  # fmt: skip
    return value


PlainEnvironment = Annotated[
    EnvironmentName,
    AfterValidator(_plain),
    Looks(
        "plain environment name",
        "the name of a deployment environment, without `*`, `?`, `[`, `]`, `$` and `\\`",
        "production",
        rf"{NO_VARIABLES}(?!\s)(?=[\s\S]*\S$)[^\x00-\x1f\x7f-\x9f*?[\]$\\]+",
    ),
]


@dataclass(frozen=True, slots=True)
class FamilyItem:
    """The item of one role of a family: ``FamilyItem("acme/shop", "production")``, or only one of the two."""

    repository: str | None
    environment: str | None

    def __str__(self) -> str:
        """Show it as in the keys of the family's roles: ``acme/shop, production``."""
        return ", ".join(part for part in (self.repository, self.environment) if part is not None)

    @property
    def variables(self) -> dict[str, str]:
        """The values of the family's variables: ``{"repository": "acme/shop", "repository_name": "shop"}``."""
        values: dict[str, str] = {}
        if self.repository is not None:
            values |= {"repository": self.repository, "repository_name": self.repository.partition("/")[2]}
        if self.environment is not None:
            values["environment"] = self.environment
        return values


class ForEach(InventoryModel):
    """The items of a role family: one role for each or, with both keys, for each combination."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["repository"]}, {"required": ["environment"]}]}
    )

    expected = "what to go over: {repository: [WORKSPACE/REPOSITORY, …]} or {environment: [NAME, …]}, or both"

    repository: Annotated[
        Annotated[DistinctList[RepositoryReference], Field(min_length=1)] | None,
        example(["acme/shop", "acme/website"], since="0.1"),
    ] = None
    """In the role {{repository}} and {{repository_name}}."""
    environment: Annotated[
        Annotated[DistinctList[PlainEnvironment], Field(min_length=1)] | None,
        example(["staging", "production"], since="0.1"),
    ] = None
    """In the role {{environment}}."""

    @model_validator(mode="after")
    def _has_items(self) -> Self:
        if self.repository is None and self.environment is None:
            raise fault(
                "bad-value", "for_each is empty",
                "write {repository: [WORKSPACE/REPOSITORY, …]} or {environment: [NAME, …]}, or remove it",
            )  # fmt: skip
        return self

    @property
    def items(self) -> Iterator[FamilyItem]:
        """Every item, or every combination, in written order."""
        for repository, environment in product(self.repository or (None,), self.environment or (None,)):
            yield FamilyItem(repository, environment)


class ResultKey(str):
    """The key of one role of a family, ``deploy[acme/shop, production]``. No key of the inventory has brackets.

    Attributes:
        family: The key as written, ``deploy``.
    """

    __slots__ = ("family",)
    family: str

    @classmethod
    def of(cls, family: str, item: FamilyItem) -> "ResultKey":
        """Return the key of an item's role. It depends only on the item, so a longer list changes no other key."""
        key = cls(f"{family}[{item}]")
        key.family = family
        return key


def family_of(key: str) -> str:
    """Return the key in the inventory, ``deploy``, for ``deploy[acme/shop]`` and for ``deploy``."""
    return key.partition("[")[0]


def repository_in(key: str) -> str:
    """Return the repository in the key of a family's role, ``acme/shop`` of ``deploy[acme/shop, prod]``; else empty."""
    first = key.partition("[")[2].removesuffix("]").split(", ", maxsplit=1)[0]
    return first if "/" in first else ""


def plan_key(key: str) -> str:
    """Return the key of a role's plan role: ``deploy-plan[acme/shop]`` for ``deploy[acme/shop]``."""
    family = family_of(key)
    return f"{family}{PLAN_SUFFIX}{key[len(family) :]}"


def _role_key(value: object, slug: ValidatorFunctionWrapHandler) -> str:
    if isinstance(value, ResultKey):
        slug(value.family)
        return str(value)
    key: str = slug(value)
    return key


RoleKey = Annotated[Slug, WrapValidator(_role_key)]
"""A key of the inventory, or the computed key of a role of a family."""
