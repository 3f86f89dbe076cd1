"""Read a list in pages, even if the server is wrong about the next page.

Bitbucket documents (https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination) that ``next`` is a whole
URL, and missing only on the last page. These deviations occur and are handled:

- ``next`` names another host (BCLOUD-20796): only its query is used, with the host of the list, which alone gets
  credentials;
- ``next`` is missing before the end (BCLOUD-20639): ``size`` tells that there are more values;
- the order differs from page to page, so that one value comes twice and another not at all: each value counts once, and
  a second reading finds the missing ones.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from facts.bitbucket.answers import PageAnswer
from oidc.errors import BitbucketError

PAGE_LENGTH = 100
"""The largest page that Bitbucket accepts."""
MAX_PAGES = 50
_READINGS = 2


def read_pages(url: str, page: Callable[[str], PageAnswer | None]) -> list[Any]:
    """Return all values of a list, each once by its ``uuid``, else by its ``id``.

    Args:
        url: The URL of the list, without query.
        page: Gets one page by URL; ``None`` if the list does not exist.

    Raises:
        BitbucketError: The list does not end, repeats a page, or is shorter than its ``size``.
    """
    values: dict[object, Any] = {}
    size: int | None = None
    for _ in range(_READINGS):
        size = _read(url, page, values)
        if size is None or len(values) >= size:
            return list(values.values())
    raise BitbucketError(
        f"{url} should have {size} values, and gave {len(values)} in {_READINGS} readings",
        do="run it again; if that does not help, report it to Atlassian",
    )


def _read(url: str, page: Callable[[str], PageAnswer | None], values: dict[object, Any]) -> int | None:
    """Read the list once into ``values``; return the size of the last page with a size, else ``None``."""
    asked: set[str] = set()
    query: str | None = f"pagelen={PAGE_LENGTH}"
    size, before = None, len(values)
    seen = 0
    for number in range(1, MAX_PAGES + 1):
        if query in asked:
            raise BitbucketError(f"{url} does not end: page {number} is a repetition of an earlier page", do=_REPORT)
        asked.add(query or "")
        answer = page(f"{url}?{query}")
        if answer is None:
            return None
        for value in answer.values:
            values[_identity(value, len(values))] = value
        seen += len(answer.values)
        size = answer.size if answer.size is not None else size
        query = _next_query(answer, number, seen, size)
        if query is None:
            return size
    raise BitbucketError(f"{url} has more than {MAX_PAGES} pages, {len(values) - before} values so far", do=_REPORT)


_REPORT = "check the URL, and that no proxy answers instead of Bitbucket"


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
