"""The docstrings of a model's attributes: what a key means, for the schema and the reference.

pydantic reads them with ``use_attribute_docstrings``, from the source of every model at every start; here it is done
where somebody asks.
"""

import ast
import inspect
import textwrap
from itertools import pairwise

from pydantic import BaseModel


def attribute_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return by name what stands below an attribute of a model, or of those that it extends: ``{"owner": "…"}``."""
    found: dict[str, str] = {}
    for ancestor in reversed(model.__mro__):
        if issubclass(ancestor, BaseModel) and ancestor is not BaseModel:
            found |= _own(ancestor)
    return found


def _own(model: type[BaseModel]) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    return {
        attribute.target.id: inspect.cleandoc(below.value.value)
        for attribute, below in pairwise(tree.body if isinstance(tree, ast.ClassDef) else [])
        if isinstance(attribute, ast.AnnAssign)
        and isinstance(attribute.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
