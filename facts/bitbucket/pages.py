"""Reading a list that comes in pages, whatever a server says of the next one.

Bitbucket documents (https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination) that ``next`` is a whole
URL, and missing on the last page alone. Seen otherwise, and borne here:

- ``next`` names another host (BCLOUD-20796): its query is asked of the host that was asked before, which alone gets
  credentials;
- ``next`` is missing before the end (BCLOUD-20639): ``size`` says that more is to come;
- the order differs from page to page, so that one value comes twice and another not at all: each counts once, and what
  is missing then is looked for in a second reading.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from facts.bitbucket.answers import PageAnswer
from oidc.errors import BitbucketError

PAGE_LENGTH = 100
"""The most that Bitbucket takes."""
MAX_PAGES = 50
_READINGS = 2


def read_pages(url: str, page: Callable[[str], PageAnswer | None]) -> list[Any]:
    """Return all values of a list, each once by its ``uuid``, or where it has none by its ``id``.

    Args:
        url: Of the list, without query.
        page: Asks for one page, by URL; ``None`` where there is no such list.

    Raises:
        BitbucketError: The list does not end, goes in circles, or stays shorter than it says.
    """
    found: dict[object, Any] = {}
    size: int | None = None
    for _ in range(_READINGS):
        size = _read(url, page, found)
        if size is None or len(found) >= size:
            return list(found.values())
    raise BitbucketError(
        f"{url} has {size} values, as it says, and gave {len(found)} of them in {_READINGS} readings",
        do="run it again; if it stays so, report it to Atlassian",
    )


def _read(url: str, page: Callable[[str], PageAnswer | None], found: dict[object, Any]) -> int | None:
    """Read the list once into ``found``; return the size that its last page tells, or ``None`` where none does."""
    asked: set[str] = set()
    query: str | None = f"pagelen={PAGE_LENGTH}"
    size, before = None, len(found)
    seen = 0
    for number in range(1, MAX_PAGES + 1):
        if query in asked:
            raise BitbucketError(f"{url} goes in circles: page {number} is one of those before", do=_REPORT)
        asked.add(query or "")
        answer = page(f"{url}?{query}")
        if answer is None:
            return None
        for value in answer.values:
            found[_identity(value, len(found))] = value
        seen += len(answer.values)
        size = answer.size if answer.size is not None else size
        query = _next_query(answer, number, seen, size)
        if query is None:
            return size
    raise BitbucketError(f"{url} has more than {MAX_PAGES} pages, {len(found) - before} values so far", do=_REPORT)


_REPORT = "check the URL, and that no proxy answers in place of Bitbucket"


def _identity(value: object, otherwise: int) -> object:
    uuid = (value.get("uuid") or value.get("id")) if isinstance(value, dict) else None
    return uuid if isinstance(uuid, (str, int)) else otherwise


def _next_query(answer: PageAnswer, number: int, seen: int, size: int | None) -> str | None:
    if answer.next:
        try:
            query = urlsplit(answer.next).query
        except ValueError:
            query = ""
        if query and query.isascii() and query.isprintable() and " " not in query and parse_qs(query):
            return query
        return f"pagelen={PAGE_LENGTH}&page={number + 1}"
    if size is not None and seen < size and answer.values:
        return f"pagelen={PAGE_LENGTH}&page={number + 1}"
    return None
