"""Whatever encoding of a secret a message has, the secret is hidden, and the rest of the message stays."""

import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from oidc.hidden_secrets import HIDDEN, LONGEST, has_token, without_secrets

PRINTABLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
SECRETS = st.text(PRINTABLE, min_size=8, max_size=60)
SENTENCES = st.sampled_from(
    [
        "",
        "bad header: ",
        "Repository acme/shop not found: ",
        "https://api.bitbucket.org/2.0/workspaces/acme?t=",
        "Your credentials lack one or more required privilege scopes. ",
        '{"type": "error", "error": "',
        "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}: ",
        "100% of <b>R&D</b> \\ caf\u00e9 ",
    ]
)


def has_no_part(before: str, secret: str, after: str) -> bool:
    """Tell whether the text around a secret has none of its parts, also not together with its ends."""
    parts = {secret[at : at + 8] for at in range(len(secret) - 7)}
    return all((before + secret + after).count(part) == secret.count(part) for part in parts)


def each(form: Callable[[int], str]) -> Callable[[str], str]:
    return lambda text: "".join(form(ord(character)) for character in text)


ESCAPES: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "percent, lower case": lambda text: "".join(
        quote(c, safe="").lower() if len(quote(c, safe="")) > 1 else c for c in text
    ),
    "percent, each character": each("%{:02x}".format),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with slashes": lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    "JSON, each character": each(r"\u{:04X}".format),
    "Python, each character": each(r"\U{:08x}".format),
    "JavaScript, each character": each(r"\u{{{:x}}}".format),
    "octal, each character": each(r"\{:03o}".format),
    "percent-u, each character": each("%u{:04X}".format),
    "HTML": html.escape,
    "HTML, decimal with zeros": each("&#{:010};".format),
    "HTML, hex with zeros": each("&#x{:08x};".format),
    "HTML, decimal": each("&#{};".format),
    "HTML, hex": each("&#x{:X};".format),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode().rstrip("\n"),
}
ENCODINGS = st.sampled_from(sorted(ESCAPES)).map(ESCAPES.__getitem__)


@pytest.mark.parametrize("name", ESCAPES)
@given(secret=SECRETS, before=SENTENCES, after=st.sampled_from(["", " was refused", "; see https://example.com/a/b"]))
def test_an_encoded_secret_is_hidden_and_the_message_stays(name: str, secret: str, before: str, after: str) -> None:
    assume(has_no_part(before, secret, after))
    shown = without_secrets(f"{before}{ESCAPES[name](secret)}{after}", [secret])
    assert shown.startswith(before + HIDDEN)
    assert shown.endswith(after)
    assert shown.removeprefix(before + HIDDEN).removesuffix(after).strip("=") == ""


@example("0000000100000001000000010000000100000", "", ESCAPES["base64"], ESCAPES["HTML, decimal with zeros"])
@given(secret=SECRETS, before=SENTENCES, first=ENCODINGS, second=ENCODINGS)
def test_a_secret_that_is_encoded_twice_is_hidden(
    secret: str, before: str, first: Callable[[str], str], second: Callable[[str], str]
) -> None:
    assume(has_no_part(before, secret, ""))
    shown = without_secrets(f"{before}{second(first(secret))}", [secret])
    assert shown.startswith(before)
    # The ends of a text in base64 may hold padding, encoded again; nothing else is left.
    assert len(shown.removeprefix(before).replace(HIDDEN, "")) <= max(16, len(second("==")))
    assert HIDDEN in shown


LOGINS = st.sampled_from(["", "x-token-auth:", "ann@example.com:"]) | st.text(PRINTABLE, max_size=9).map("{}:".format)


@given(
    secret=SECRETS, login=LOGINS, after=st.text(PRINTABLE, max_size=4), scheme=st.sampled_from(["Basic ", "Basic/", ""])
)
def test_a_secret_anywhere_in_base64_is_hidden(secret: str, login: str, after: str, scheme: str) -> None:
    assume(has_no_part(login, secret, after))
    digits = base64.b64encode(f"{login}{secret}{after}".encode()).decode()
    shown = without_secrets(f"{scheme}{digits}", [secret])
    # The digits that hold no bit of the secret; the login is shown.
    first, last = 8 * len(login) // 6, -(-8 * (len(login) + len(secret)) // 6)
    assert shown.startswith(scheme + digits[:first])
    assert len(shown.replace(HIDDEN, "")) <= len(scheme) + first + len(digits) - last
    assert HIDDEN in shown


@given(secret=st.text(PRINTABLE, min_size=16, max_size=60), length=st.integers(8, 15), encode=ENCODINGS)
def test_a_part_of_a_secret_is_hidden(secret: str, length: int, encode: Callable[[str], str]) -> None:
    assert HIDDEN in without_secrets(f"it begins with {encode(secret[:length])}", [secret])


@given(st.text(), st.lists(SECRETS, max_size=3))
def test_a_text_without_a_secret_stays_as_it_is(text: str, secrets: list[str]) -> None:
    shown = without_secrets(text, secrets)
    assert shown == text or HIDDEN in shown


ORDINARY = [
    "No workspace with identifier 'acme'.",
    "Repository acme/shop not found {9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}",
    "Rate limit for this resource has been exceeded",
    r"C:\Users\ann\new%20folder &amp; more: 100%25, \u00e9",
    "User: arn:aws:sts::222222222222:assumed-role/deploy/6d1f2f3a is not authorized to perform: iam:ListRoles",
    "Token is invalid, expired, or not supported for this endpoint.",
    "commit 4b55c7f0c9f4b7f6b0a7d2f1e6c5a4b3d2e1f001 has the digest sha256:bmFtZSBvZiBhIGRpZ2VzdCBoZXJl",
]


@pytest.mark.parametrize("message", ORDINARY)
@given(secret=SECRETS)
def test_ordinary_messages_stay_readable(message: str, secret: str) -> None:
    assume(has_no_part(message + unquote(message) + html.unescape(message), secret, ""))
    assert without_secrets(message, [secret]) == message


@pytest.mark.parametrize("secret", ["k3y", "sesame"])
def test_a_short_secret_is_hidden_as_a_whole(secret: str) -> None:
    assert without_secrets(f"it is {secret}, or {quote(secret)}", [secret, ""]) == f"it is {HIDDEN}, or {HIDDEN}"


HOSTILE = {
    "one character": "a" * LONGEST,
    "percent again and again": "%25" * 9_000,
    "HTML again and again": "&amp;" * 9_000,
    "backslashes": "\\" * LONGEST,
    "base64 of base64": base64.b64encode(base64.b64encode(b"hello world 12 " * 900)).decode(),
    "everything": "%26#x5c;u0041QUJDREVGR0hJSktMTU5PUA==41424344454647484950" * 500,
    "a long text": "x" * 8_000_000,
}


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    assert len(without_secrets(HOSTILE[text], ["ATCTT3xFfGN0+ab/c=D8A1"])) <= LONGEST
    assert time.process_time() - began < 10


HEADER = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ"


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("before", ["", "--token=", "x-token-auth:"])
def test_an_encoded_token_is_recognised(name: str, before: str) -> None:
    assert has_token(before + ESCAPES[name](f"{HEADER}.e30.c2ln"))
    assert has_token(ESCAPES[name](f"x-token-auth:{HEADER}.e30.c2ln"))


@pytest.mark.parametrize(
    "argument",
    ["monkeyJungle-inventories", "arn:aws:iam::222222222222:role/deploy", "eyJ", "ZXlK", "65794a", *ORDINARY],
)
def test_other_arguments_are_no_tokens(argument: str) -> None:
    assert not has_token(argument)
