"""What all models of the inventory share."""

from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator

from config.findings import each_once, fault
from config.json_schema_hints import EACH_ONCE, in_words
from config.models.scalars import describe, list_hint


class InventoryModel(BaseModel):
    """A frozen mapping of the inventory. Unknown keys are refused, and so are keys without a value."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
        defer_build=True,
        model_title_generator=lambda model: in_words(model.__name__),
    )

    expected: ClassVar[str] = "a mapping"
    """The form of the model, for the message about a value with another form: ``an account: {id: …}``."""

    of_text: ClassVar[str] = ""
    """What to write for a text in place of the model, with ``TEXT`` for it: ``{file: TEXT}``."""

    @model_validator(mode="before")
    @classmethod
    def _is_a_mapping_without_gaps(cls, data: Any) -> Any:  # noqa: ANN401 - what YAML holds
        if isinstance(data, dict):
            # `permissions_boundary:` without a value must never quietly mean "no boundary".
            if None in data.values():
                data = {
                    key: _EMPTY if value is None and key in cls.model_fields else value for key, value in data.items()
                }
            return data
        if isinstance(data, BaseModel):
            return data
        hint = cls.of_text.replace("TEXT", data) if cls.of_text and isinstance(data, str) else "it in that form"
        raise fault("wrong-type", f"expected {cls.expected}, found {describe(data)}", f"write {hint}")


class _Empty:
    """A missing value; no type of the grammar accepts it."""

    def __repr__(self) -> str:
        return "nothing"


_EMPTY = _Empty()


def short_form(key: str) -> BeforeValidator:
    """Return the validator of a mapping whose short form is a text, the value of ``key``: a UUID, an ARN."""

    def expand(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
        return {key: value} if isinstance(value, str) else value

    return BeforeValidator(expand)


def a_list(value: Any) -> Any:  # noqa: ANN401 - what YAML holds
    """Return the value; raise the fault ``wrong-type`` for a single value, which is easily written for a list."""
    if isinstance(value, str | dict):
        hint = list_hint(value, "put it in brackets, or after a dash")
        raise fault("wrong-type", f"expected a list, found {describe(value)}", hint)
    return value


T = TypeVar("T")
Distinct = Annotated[tuple[T, ...], AfterValidator(each_once), EACH_ONCE]
"""A list without duplicates."""
DistinctList = Annotated[Distinct[T], BeforeValidator(a_list)]
"""The same; a single value in its place gets the fault of ``a_list``."""
