"""Keys that an account or a role had before."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator

from config.findings import each_once
from config.json_schema_hints import EACH_ONCE
from config.models.scalars import Slug
from config.models.trust import a_list

PreviousKeys: TypeAlias = Annotated[tuple[Slug, ...], BeforeValidator(a_list), AfterValidator(each_once), EACH_ONCE]
"""``[payments]``: each a key as it was written, of a role family the family's."""
