"""Single values of the lock: what a program writes is checked like what people write, since people may change it."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator

from config.faults import fault
from config.scalars import describe, parse_day


def _day(value: object) -> date:
    return parse_day(value, "write a day, UTC, as 2027-01-31")


def _one_line(value: object) -> str:
    if not isinstance(value, str):
        raise fault("wrong-type", f"expected text, found {describe(value)}", "quote the value")
    if not value.isprintable():
        raise fault("bad-value", f"not a line of text: {value!r}", "write printable text on one line")
    return value


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


def _digest(value: object) -> str:
    text = _one_line(value)
    if _DIGEST.fullmatch(text) is None:
        raise fault("bad-value", f"not a digest: {text}", "let `bitbucket-oidc lock` write it")
    return text


def _version(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        raise fault("bad-value", f"a lock of version {value}, and this program knows version 1", "use a newer release")
    if isinstance(value, bool) or value != 1:
        raise fault("bad-value", f"expected 1, found {describe(value)}", "write version: 1")
    return value


LockVersion = Annotated[Literal[1], BeforeValidator(_version)]
"""Of the lock's grammar, counted apart from the inventory's."""

Day = Annotated[date, BeforeValidator(_day)]
"""A day in UTC, as 2027-01-31."""

OneLine = Annotated[str, BeforeValidator(_one_line)]
"""Text of somebody else's, on one line; double braces mean nothing in it."""

Digest = Annotated[str, BeforeValidator(_digest)]
"""Of inventory entries: ``sha256:`` and 64 hex digits."""
