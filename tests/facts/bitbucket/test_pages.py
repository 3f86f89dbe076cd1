"""A list in pages is read to its end, whatever the server says of the next page, and never for ever."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts.bitbucket.answers import PageAnswer
from facts.bitbucket.pages import MAX_PAGES, PAGE_LENGTH, read_pages
from oidc.errors import BitbucketError

URL = "https://api.bitbucket.org/2.0/repositories/acme/shop/environments/"


def values(count: int) -> list[dict[str, object]]:
    return [{"uuid": f"{{{number}}}"} for number in range(count)]


class Server:
    """Serves a list ten by ten, with a manner of its own for ``next``, ``size`` and order."""

    def __init__(
        self,
        count: int,
        *,
        next_url: Callable[[int], str | None] = lambda page: f"{URL}?pagelen=100&page={page}",
        size: int | None = None,
        turned: bool = False,
    ) -> None:
        self.values, self.next_url, self.size, self.turned = values(count), next_url, size, turned
        self.asked: list[str] = []

    def page(self, url: str) -> PageAnswer:
        self.asked.append(url)
        page = int(parse_qs(urlsplit(url).query).get("page", ["1"])[0])
        # An order that changes once: as if somebody had made a new environment meanwhile.
        listed = [*self.values[1:], *self.values[:1]] if self.turned and len(self.asked) == 2 else self.values
        shown = listed[(page - 1) * 10 : page * 10]
        more = self.next_url(page + 1) if page * 10 < len(listed) else None
        return PageAnswer(values=shown, next=more, size=self.size)


def test_the_most_is_asked_for_and_next_is_followed() -> None:
    server = Server(25)
    assert list(read_pages(URL, server.page).whole()) == values(25)
    assert server.asked[0] == f"{URL}?pagelen={PAGE_LENGTH}"
    assert len(server.asked) == 3


def test_a_next_on_another_host_is_asked_of_the_host_that_was_asked_before() -> None:
    server = Server(25, next_url=lambda page: f"https://evil.example/somewhere?pagelen=100&page={page}")
    assert list(read_pages(URL, server.page).whole()) == values(25)
    assert all(url.startswith(f"{URL}?") for url in server.asked)


@pytest.mark.parametrize("broken", ["https://[", "no url", "https://api.bitbucket.org/x", "?a b", "?\x00=1"])
def test_a_next_that_is_no_url_with_a_query_is_the_page_behind(broken: str) -> None:
    assert list(read_pages(URL, Server(25, next_url=lambda _: broken).page).whole()) == values(25)


def test_a_next_that_is_missing_before_the_end_is_noticed_by_the_size() -> None:
    assert list(read_pages(URL, Server(25, next_url=lambda _: None, size=25).page).whole()) == values(25)


def test_a_second_reading_adds_values_that_another_order_hid() -> None:
    merged = read_pages(URL, Server(25, size=25, turned=True).page).whole()
    assert sorted(map(str, merged)) == sorted(map(str, values(25)))


def test_a_list_that_stays_shorter_than_it_says_is_refused() -> None:
    with pytest.raises(BitbucketError, match="should have 30 values, and gave 25"):
        read_pages(URL, Server(25, size=30).page).whole()


def test_pages_in_circles_are_refused() -> None:
    with pytest.raises(BitbucketError, match="does not end: page 3 is a repetition"):
        read_pages(URL, Server(25, next_url=lambda _: f"{URL}?page=1&again").page)


def test_pages_without_end_are_refused() -> None:
    asked: list[str] = []

    def endless(url: str) -> PageAnswer:
        asked.append(url)
        return PageAnswer(values=[{"uuid": url}], next=f"{URL}?cursor={len(asked)}")

    with pytest.raises(BitbucketError, match=f"has more than {MAX_PAGES} pages"):
        read_pages(URL, endless)
    assert len(asked) == MAX_PAGES


def test_a_missing_list_is_empty() -> None:
    assert read_pages(URL, lambda _: None).whole() == ()


def test_a_list_that_is_too_long_by_its_size_ends_at_its_first_page() -> None:
    server = Server(25, size=301)
    with pytest.raises(BitbucketError, match="has more than 3 pages"):
        read_pages(URL, server.page, max_pages=3)
    assert len(server.asked) == 1


HOSTS = ["api.bitbucket.org", "evil.example", "api.bitbucket.org@evil.example", "api.bitbucket.org:444", "[", ""]
NEXT_URLS = st.builds(
    "{}{}/2.0/repositories/{}?{}".format,
    st.sampled_from(["https://", "http://", "//", "file://", "\\\\", ""]),
    st.sampled_from(HOSTS),
    st.sampled_from(["acme", "other", "..", "%2e%2e"]),
    st.lists(
        st.sampled_from(
            ["page=2", "page=3", "pagelen=1", "fields=values.slug", "q=x", "@evil.example/", "a#b", "%0d%0a"]
        ),
        max_size=4,
    ).map("&".join),
)
PAGES = st.builds(
    PageAnswer,
    values=st.lists(st.none() | st.integers() | st.dictionaries(st.just("uuid"), st.text(max_size=3)), max_size=4),
    next=st.none() | st.text(max_size=20) | NEXT_URLS,
    size=st.none() | st.integers(-5, 10**9),
)


@given(st.lists(st.none() | PAGES, min_size=1, max_size=6), st.sampled_from(["", "next,size,values.uuid"]))
def test_whatever_pages_come_it_ends_with_values_or_a_clear_error_and_asks_no_other_url(
    answers: list[PageAnswer | None], fields: str
) -> None:
    asked: list[str] = []

    def page(url: str) -> PageAnswer | None:
        asked.append(url)
        return answers[len(asked) % len(answers)]

    try:
        assert isinstance(read_pages(URL, page, fields=fields).values, tuple)
    except BitbucketError as error:
        assert str(error).isprintable()  # noqa: PT017 - one of the two ends is right
    assert len(asked) <= 2 * MAX_PAGES
    for url in asked:
        assert url.isprintable()
        assert url.partition("?")[0] == URL
        query = parse_qs(urlsplit(url).query)
        assert query["pagelen"] == ["100"]
        assert query.get("fields") == ([fields] if fields else None)
        assert not urlsplit(url).fragment
