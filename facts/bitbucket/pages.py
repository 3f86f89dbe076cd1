"""Read a list in pages, even if the server is wrong about the next page.

Bitbucket documents (https://developer.atlassian.com/cloud/bitbucket/rest/intro/#pagination) that ``next`` is a whole
URL, and missing only on the last page. Every page is asked for at the URL of the list, so credentials go nowhere else:
only the parameters of ``next`` are used. These deviations occur and are handled:

- ``next`` names another host (BCLOUD-20796);
- ``next`` is missing before the end (BCLOUD-20639): ``size`` tells that there are more values;
- the order differs from page to page, so that one value comes twice and another not at all: each value counts once, and
  a second reading finds the missing ones.

``fields`` limits an answer to the named fields
(https://developer.atlassian.com/cloud/bitbucket/rest/intro/#partial-response).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from facts.bitbucket.answers import PageAnswer
from oidc.errors import BitbucketError

PAGE_LENGTH = 100
"""The largest page that Bitbucket accepts."""
MAX_PAGES = 50
_READINGS = 2
_MAX_QUERY = 2_000
_OWN = frozenset({"pagelen", "fields"})
"""Parameters of the first page, which no answer changes."""


@dataclass(frozen=True, slots=True)
class PagedList:
    """The values of a list.

    Attributes:
        url: The URL of the list, without query.
        values: Each value once, by its ``uuid``, else by its ``id``; the last reading of it counts.
        size: Their number by Bitbucket, or ``None`` if it does not tell.
    """

    url: str
    values: tuple[Any, ...]
    size: int | None

    @property
    def is_whole(self) -> bool:
        """Tell whether no value is missing."""
        return self.size is None or len(self.values) >= self.size

    def whole(self) -> tuple[Any, ...]:
        """Return the values; raises BitbucketError if some are missing."""
        if self.is_whole:
            return self.values
        raise BitbucketError(
            f"{self.url} should have {self.size} values, and gave {len(self.values)} in {_READINGS} readings",
            do="run it again; if that does not help, report it to Atlassian",
        )


def read_pages(
    url: str, page: Callable[[str], PageAnswer | None], *, fields: str = "", max_pages: int = MAX_PAGES
) -> PagedList:
    """Return the values of a list.

    Args:
        url: The URL of the list, without query.
        page: Gets one page by URL; ``None`` if the list does not exist.
        fields: The fields of an answer to ask for, ``next,size,values.uuid``; empty for all.
        max_pages: A longer list is an error, at its first page if that has ``size``.

    Raises:
        BitbucketError: The list is too long or does not end, or repeats a page.
    """
    query = {"pagelen": str(PAGE_LENGTH)} | ({"fields": fields} if fields else {})
    values: dict[object, Any] = {}
    size: int | None = None
    for _ in range(_READINGS):
        size = _read(url, page, values, query, max_pages)
        if size is None or len(values) >= size:
            break
    return PagedList(url, tuple(values.values()), size)


def _read(
    url: str,
    page: Callable[[str], PageAnswer | None],
    values: dict[object, Any],
    first: dict[str, str],
    max_pages: int,
) -> int | None:
    """Read the list once into ``values``; return the size of the last page with a size, else ``None``."""
    asked: set[str] = set()
    query = first
    size, seen = None, 0
    for number in range(1, max_pages + 1):
        text = urlencode(query, safe=",")
        if text in asked:
            raise BitbucketError(f"{url} does not end: page {number} is a repetition of an earlier page", do=_REPORT)
        asked.add(text)
        answer = page(f"{url}?{text}")
        if answer is None:
            return None
        for value in answer.values:
            values[_identity(value, len(values))] = value
        seen += len(answer.values)
        size = answer.size if answer.size is not None else size
        following = _next_query(answer, first, number, seen, size)
        if following is None:
            return size
        query = following
        if size is not None and size > max_pages * PAGE_LENGTH:
            break
    raise BitbucketError(f"{url} has more than {max_pages} pages, {seen} values so far", do=_REPORT)


_REPORT = "check the URL, and that no proxy answers instead of Bitbucket"


def _identity(value: object, otherwise: int) -> object:
    uuid = (value.get("uuid") or value.get("id")) if isinstance(value, dict) else None
    return uuid if isinstance(uuid, (str, int)) else (otherwise,)


def _next_query(
    answer: PageAnswer, first: dict[str, str], number: int, seen: int, size: int | None
) -> dict[str, str] | None:
    """Return the parameters of the next page, always with those of the first; ``None`` after the last page."""
    following = {**first, "page": str(number + 1)}
    if answer.next:
        try:
            query = urlsplit(answer.next).query
        except ValueError:
            return following
        is_plain = query.isascii() and query.isprintable() and " " not in query and len(query) <= _MAX_QUERY
        named = dict(parse_qsl(query)) if is_plain else {}
        others = {name: text for name, text in named.items() if name not in _OWN}
        return {**first, **others} if named else following
    return following if size is not None and seen < size and answer.values else None
