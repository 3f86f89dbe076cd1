"""A fault of the data of an inventory, before it has a place."""

from dataclasses import dataclass

from config.yaml_document import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the data: its rule, path, whether the key itself is at fault, what is wrong, what to do.

    Where it ``hides`` something, what stands there belongs elsewhere, and is missing there.
    """

    rule: str
    path: Path
    message: str
    hint: str
    of_key: bool = False
    hides: bool = False
