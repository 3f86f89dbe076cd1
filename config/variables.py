"""The inventory's variables: ``{{account_id}}`` and its like, replaced in permission policies, ARNs and descriptions.

IAM's own variables, ``${aws:PrincipalTag/team}`` and the like, pass through untouched.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from config.findings import Fault, error_of, fault, nearest
from config.yaml.document import Path

VARIABLES = ("account", "account_id", "partition", "region", "role")
"""The names allowed in double braces. ``account`` and ``role`` are keys of the inventory."""

FAMILY_VARIABLES = {"environment": "environment", "repository": "repository", "repository_name": "repository"}
"""More names allowed in double braces in a role with ``for_each``, and in its permission policies; by name, the key of
``for_each`` that gives the value. ``config.families`` replaces them in the role before any other check.
"""

_SHORT = {"env": "environment", "name": "repository_name", "repo": "repository", "repo_name": "repository_name"}
"""Short names that people write for variables of families."""

_LACKS_BRACES = re.compile(rf"(?<![${{]){{({'|'.join((*VARIABLES, *FAMILY_VARIABLES))})}}{{1,2}}")
"""A variable with a brace too few: ``{partition}``. IAM's own begin with ``$``."""

_IN_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def needs_for_each(name: str, at: Path = ()) -> Fault:
    """Return the fault of ``repository``, a variable of families, in a role without ``for_each``."""
    over = FAMILY_VARIABLES[name]
    items = "WORKSPACE/REPOSITORY" if over == "repository" else "NAME"
    message = f"{{{{{name}}}}} is an item of `for_each: {{{over}: […]}}`, which is missing here"
    hint = f"give the role `for_each: {{{over}: [{items}, …]}}`, or write the value itself"
    return Fault("bad-variable", at, message, hint, meant="for_each")


def not_replaced(text: str, at: Path = ()) -> PydanticCustomError:
    """Return the fault ``bad-variable`` of a value in which only variables of families are replaced."""
    for name in _IN_BRACES.findall(text):
        if name in FAMILY_VARIABLES:
            return error_of(needs_for_each(name, at))
        if name.strip() in FAMILY_VARIABLES:
            return fault(
                "bad-variable", f"{{{{{name}}}}} has spaces in its braces", f"write {{{{{name.strip()}}}}}", at
            )
        meant = nearest(name, FAMILY_VARIABLES) or _SHORT.get(name.strip())
        if meant is not None and name not in VARIABLES:
            hint = f"did you mean {{{{{meant}}}}}? With `for_each`, roles have {_in_braces(FAMILY_VARIABLES)} here"
            return fault("bad-variable", f"{{{{{name}}}}} is not a variable", hint, at)
    hint = f"write the value itself; only a role with `for_each` has variables there: {_in_braces(FAMILY_VARIABLES)}"
    return fault("bad-variable", f"{text}: variables are not replaced here", hint, at)


def check_variables(text: str, at: Path = (), *, of_families: bool = False) -> None:
    """Raise ``bad-variable`` for anything else in double braces.

    Args:
        text: Of a permission policy, an ARN or a description.
        at: The path of ``text`` inside the value.
        of_families: Whether variables of families are accepted: in permission policies, which roles share.
    """
    if "{" not in text:
        return
    outside = _IN_BRACES.sub("", text)
    if "{{" in outside:
        raise fault("bad-variable", "double braces open and are not closed", "close them: {{account_id}}", at)
    if match := _LACKS_BRACES.search(outside):
        message, hint = f"{match[0]} lacks a brace: a variable has two on each side", f"write {{{{{match[1]}}}}}"
        raise fault("bad-variable", message, hint, at)
    for match in _IN_BRACES.finditer(text):
        name = match[1]
        if name in FAMILY_VARIABLES:
            if not of_families:
                raise error_of(needs_for_each(name, at))
        elif name not in VARIABLES:
            hint = f"write one of {_in_braces(VARIABLES)}; with `for_each` also {_in_braces(FAMILY_VARIABLES)}"
            meant = nearest(name.strip(), (*VARIABLES, *FAMILY_VARIABLES)) or _SHORT.get(name.strip())
            hint = hint if meant is None else f"did you mean {{{{{meant}}}}}? {hint}"
            raise fault("bad-variable", f"{match[0]} is not a variable", hint, at)


def _in_braces(names: Iterable[str]) -> str:
    return ", ".join(f"{{{{{name}}}}}" for name in names)


def variables_in(text: str) -> frozenset[str]:
    """Return the names in double braces: ``{"account_id"}`` for ``arn:aws:iam::{{account_id}}:role/x``."""
    return frozenset(_IN_BRACES.findall(text)) if "{{" in text else frozenset()


def render(text: str, values: Mapping[str, str]) -> str:
    """Replace the variables of ``text``, which ``check_variables`` has passed; ``values`` has all of them."""
    return _IN_BRACES.sub(lambda match: values[match[1]], text) if "{{" in text else text


def render_all(data: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - parsed JSON
    """Replace the variables in every value of parsed JSON; keys have none."""
    match data:
        case str():
            return render(data, values)
        case Mapping():
            return {key: render_all(value, values) for key, value in data.items()}
        case list() | tuple():
            return [render_all(value, values) for value in data]
    return data


def render_some(data: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - what YAML holds
    """Replace those variables that ``values`` has in every value of raw data, and leave all others and all keys."""
    match data:
        case str():
            return _IN_BRACES.sub(lambda match: values.get(match[1], match[0]), data) if "{{" in data else data
        case Mapping():
            return {key: render_some(value, values) for key, value in data.items()}
        case list():
            return [render_some(value, values) for value in data]
    return data


def strings_in(data: Any) -> list[str]:  # noqa: ANN401 - parsed JSON
    """Return every value of parsed JSON that is text."""
    match data:
        case str():
            return [data]
        case Mapping():
            return [text for value in data.values() for text in strings_in(value)]
        case list() | tuple():
            return [text for value in data for text in strings_in(value)]
    return []
