"""The Query protocol of IAM and STS: parameters in a form, answers in XML.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/programming.html and
https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

_NAMESPACES = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}

_SIGNATURE = ("x-amz-", "awsaccesskeyid")

Answer = tuple[int, dict[str, str], bytes]
"""HTTP status, headers, body."""


class RefusalError(Exception):
    """A call is refused with AWS's answer; users never see this error itself.

    Attributes:
        code: Such as ``NoSuchEntity``.
        message: The sentence of the answer.
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message, status)
        self.code = code
        self.message = message
        self.status = status

    def answer(self, service: str) -> Answer:
        """Render the answer of ``iam`` or ``sts``."""
        fault = "Sender" if self.status < 500 else "Receiver"  # noqa: PLR2004 - HTTP: 4xx is the caller's fault
        body = (
            f'<ErrorResponse xmlns="{_NAMESPACES[service]}"><Error><Type>{fault}</Type><Code>{self.code}</Code>'
            f"<Message>{escape(self.message)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
        )
        return self.status, {"Content-Type": "text/xml"}, body.encode()


@dataclass(frozen=True)
class AwsCall:
    """One authenticated and authorised call.

    Attributes:
        service: ``iam`` or ``sts``.
        account: Id of the caller's account; ``000000000000`` for an unsigned call.
        caller: ARN of the caller.
        params: Parameters by name, as ``Tags.member.1.Key``, including those with an empty value.
    """

    service: str
    account: str
    caller: str
    params: Mapping[str, str]

    @property
    def action(self) -> str:
        """The operation: ``CreateRole``."""
        return self.params.get("Action", "")

    def with_params(self, **changed: str) -> Self:
        """Return the call with other values for some parameters."""
        return replace(self, params={**self.params, **changed})

    def members(self, name: str) -> list[str]:
        """Return the values of a list parameter: ``ClientIDList.member.1``, ``.2`` and so on."""
        values: list[str] = []
        while (value := self.params.get(f"{name}.member.{len(values) + 1}")) is not None:
            values.append(value)
        return values

    def tags(self) -> list[tuple[str, str]]:
        """Return the key and value of each of ``Tags.member.N``."""
        tags: list[tuple[str, str]] = []
        while (key := self.params.get(f"Tags.member.{len(tags) + 1}.Key")) is not None:
            tags.append((key, self.params.get(f"Tags.member.{len(tags) + 1}.Value", "")))
        return tags

    def query(self) -> dict[str, list[str]]:
        """Return the parameters as the query string of the inner emulator, with empty values."""
        return {name: [value] for name, value in self.params.items()}


Proceed = Callable[[AwsCall], Awaitable[Answer]]
"""The continuation after a step: the next step, and finally the inner emulator."""

Step = Callable[[AwsCall, Proceed], Awaitable[Answer]]
"""Closes one gap of ministack: raises ``RefusalError``, answers, or proceeds."""


def parse_params(method: str, content_type: str, body: bytes, query: Mapping[str, list[str]]) -> dict[str, str]:
    """Read the parameters of a call; each may be given only once and in one place.

    The inner emulator authorises the query string but executes the body, so a parameter in both is refused. JSON is
    refused too: the inner emulator accepts it, but IAM and STS do not.

    Raises:
        RefusalError: As above.
    """
    form = content_type.startswith("application/x-www-form-urlencoded")
    if method == "POST" and body and not form:
        raise RefusalError("InvalidInput", "IAM and STS take parameters as application/x-www-form-urlencoded")
    given = dict(query)
    if method == "POST":
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        # A signature is in the headers or the query string; in a form it would name another caller.
        posted = {name: values for name, values in fields.items() if not name.lower().startswith(_SIGNATURE)}
        if posted.keys() & given.keys():
            raise RefusalError("InvalidQueryParameter", "A parameter is in both the query string and the body")
        given |= posted
    if any(len(values) > 1 for values in given.values()):
        raise RefusalError("InvalidQueryParameter", "A parameter is given more than once")
    return {name: values[0] for name, values in given.items()}


def success(action: str, result: str | None = None) -> Answer:
    """Render an answer of IAM; ``result`` is the XML inside ``<ActionResult>``, already escaped, if there is one."""
    wrapped = "" if result is None else f"<{action}Result>{result}</{action}Result>"
    body = (
        f'<{action}Response xmlns="{_NAMESPACES["iam"]}">{wrapped}'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{action}Response>"
    )
    return 200, {"Content-Type": "text/xml"}, body.encode()


def member_list(name: str, members: list[str]) -> str:
    """Render ``<Name><member>…</member></Name>``; members are XML already."""
    return f"<{name}>{''.join(f'<member>{member}</member>' for member in members)}</{name}>"
