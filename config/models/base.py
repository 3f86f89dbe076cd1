"""What all models of the inventory share."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from config.findings import fault
from config.json_schema_hints import in_words
from config.models.scalars import describe


class InventoryModel(BaseModel):
    """A frozen mapping of the inventory: unknown keys are refused, and a key that stands there has a value."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
        defer_build=True,
        model_title_generator=lambda model: in_words(model.__name__),
    )

    expected: ClassVar[str] = "a mapping"
    """What the model looks like, for the message to someone who wrote something else."""

    @model_validator(mode="before")
    @classmethod
    def _is_a_mapping_without_gaps(cls, data: Any) -> Any:  # noqa: ANN401 - what YAML holds
        if isinstance(data, dict):
            # An empty value is no value: `permissions_boundary:` must never quietly mean "none".
            for key in [key for key, value in data.items() if value is None and key in cls.model_fields]:
                data = {**data, key: _EMPTY}
            return data
        if isinstance(data, BaseModel):
            return data
        raise fault("wrong-type", f"expected {cls.expected}, found {describe(data)}", "write it in that form")


class _Empty:
    """Stands for a value that is not there; no type of the grammar takes it."""

    def __repr__(self) -> str:
        return "nothing"


_EMPTY = _Empty()
