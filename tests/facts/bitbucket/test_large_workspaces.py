"""A workspace with thousands of repositories takes few requests, and the list changes no finding."""

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.lock.questions import Known, Questions, RepositoryQuestion, WorkspaceQuestion
from facts.bitbucket.answers import RepositoryAnswer, WorkspaceAnswer
from facts.bitbucket.client import RepositoryList
from facts.bitbucket.pace import HourlyPace
from facts.bitbucket.repositories import Listed
from facts.bitbucket.resolution import resolve
from facts.http import Clock
from oidc.errors import RequestLimitError
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedEnvironment, EmulatedRepository, EmulatedWorkspace
from tests.facts.bitbucket.conftest import StartClient
from tests.facts.bitbucket.in_memory import InMemory, uuid
from tests.facts.conftest import StoppedClock

COUNT = 2_000
REPOSITORIES = tuple(
    EmulatedRepository(f"r{number}", uuid(10 + number), (EmulatedEnvironment("production", uuid(10_000 + number)),))
    for number in range(COUNT)
)
LARGE = EmulatedWorkspace("acme", uuid(1), REPOSITORIES)


def questions(repositories: Mapping[str, RepositoryQuestion]) -> Questions:
    return {"acme": WorkspaceQuestion(Known(), dict(repositories))}


@pytest.mark.parametrize(("with_environments", "requests"), [(0, 21), (7, 28)])
def test_two_thousand_repositories_take_a_request_for_each_hundred_and_one_for_each_with_environments(
    start_client: StartClient, bitbucket: EmulatedBitbucket, with_environments: int, requests: int
) -> None:
    bitbucket.workspaces = (LARGE,)
    asked = {repository.slug: RepositoryQuestion(Known()) for repository in REPOSITORIES}
    for name in list(asked)[:with_environments]:
        asked[name] = RepositoryQuestion(Known(), {"production": Known()})
    began = time.monotonic()
    resolved = resolve(questions(asked), start_client())
    assert time.monotonic() - began < 15
    assert len(bitbucket.requests) == requests
    assert resolved.discrepancies == ()
    answered = resolved.workspaces["acme"].repositories
    assert {name: locked.uuid for name, locked in answered.items()} == {of.slug: of.uuid for of in REPOSITORIES}
    assert sum(len(locked.environments) for locked in answered.values()) == with_environments


def test_a_few_names_of_a_large_workspace_take_a_request_each(
    start_client: StartClient, bitbucket: EmulatedBitbucket
) -> None:
    bitbucket.workspaces = (LARGE,)
    for wanted, requests in ((3, 1 + 3), (12, 1 + 1 + 12)):
        before = len(bitbucket.requests)
        asked = {repository.slug: RepositoryQuestion(Known()) for repository in REPOSITORIES[-wanted:]}
        assert len(resolve(questions(asked), start_client()).workspaces["acme"].repositories) == wanted
        assert len(bitbucket.requests) - before == requests


def test_names_that_the_list_lacks_are_asked_for_by_themselves_up_to_a_hundred(
    start_client: StartClient, bitbucket: EmulatedBitbucket
) -> None:
    renamed = EmulatedRepository("new", uuid(9), former_slugs=("old",))
    bitbucket.workspaces = (replace(LARGE, repositories=(*REPOSITORIES[:100], renamed)),)
    asked = {repository.slug: RepositoryQuestion(Known()) for repository in (*REPOSITORIES, replace(renamed, slug="a"))}
    asked = {"old": RepositoryQuestion(Known()), **asked}
    resolved = resolve(questions(asked), start_client())
    rules = [fault.rule for fault in resolved.discrepancies]
    assert (rules[0], set(rules[1:]), len(rules)) == ("renamed", {"not-in-bitbucket"}, 1 + COUNT - 100 + 1)
    # The workspace, two pages, the old name with its redirect, and 99 that are missing.
    assert len(bitbucket.requests) == 1 + 2 + 2 + 99


class Unlisted(InMemory):
    """The same Bitbucket, of which no list is asked for."""

    def repositories(self, workspace: str, wanted: int) -> None:
        del workspace, wanted


NUMBERS = st.integers(1, 16)
SLUGS = [f"r{number}" for number in range(12)]
KNOWN = st.builds(Known, st.none() | NUMBERS.map(uuid), st.none() | NUMBERS.map(uuid))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[InMemory, Unlisted, Questions]:
    """Draw a Bitbucket twice, with and without list, and an inventory that differs from it."""
    numbers = draw(st.permutations(range(10, 17)))
    slugs = draw(st.permutations(SLUGS))
    places = draw(st.lists(st.sampled_from(["acme", "other"]), min_size=7, max_size=7))
    full_names = {f"{place}/{slug}": number for place, slug, number in zip(places, slugs, numbers, strict=False)}
    former = draw(
        st.dictionaries(st.sampled_from([f"acme/{slug}" for slug in SLUGS]), st.sampled_from(sorted(full_names)))
    )
    former = {old: new for old, new in former.items() if old not in full_names}
    world: tuple[dict[str, int], dict[str, int], dict[str, dict[str, int]], dict[str, str]] = (
        {"acme": 1, "other": 2},
        full_names,
        {},
        former,
    )
    asked = {slug: RepositoryQuestion(draw(KNOWN)) for slug in SLUGS}
    return InMemory(*world), Unlisted(*world), questions(asked)


@given(worlds())
def test_the_list_changes_neither_lock_nor_finding(world: tuple[InMemory, Unlisted, Questions]) -> None:
    listing, unlisted, asked = world
    assert resolve(asked, listing) == resolve(asked, unlisted)
    assert len(listing.asked) <= len(unlisted.asked) + 1


ANSWERS = st.lists(
    st.builds(
        lambda number, where, slug, owner: RepositoryAnswer.model_validate(
            {"uuid": uuid(number), "full_name": f"{where}{slug}", "workspace": owner}
        ),
        NUMBERS,
        st.sampled_from(["acme/", "acme/", "acme/", "ACME/", "other/", ""]),
        st.sampled_from(["r0", "R0", "r1", "r1 ", "r1/r0", "", "r0\u0301"]),
        st.sampled_from([None, {"uuid": uuid(1), "slug": "acme"}, {"uuid": uuid(2), "slug": "acme"}]),
    ),
    max_size=6,
)


@given(ANSWERS, st.booleans())
def test_a_listed_uuid_counts_only_for_its_exact_slug_and_only_if_the_list_is_clear(
    answers: list[RepositoryAnswer], is_whole: bool
) -> None:
    workspace = WorkspaceAnswer(uuid=uuid(1), slug="acme")
    listed = Listed.of(workspace, RepositoryList(tuple(answers), is_whole))
    for slug, answer in listed.by_slug.items():
        assert answer.full_name == f"acme/{slug}"
        assert answer.workspace is None or answer.workspace.uuid == uuid(1)
        assert [other for other in answers if other.slug.lower() == slug.lower()] == [answer]
    assert all(listed.by_slug[answer.slug] is answer for answer in listed.by_uuid.values())
    clear = {answer.slug for answer in answers} - listed.by_slug.keys()
    assert all(slug.lower() in listed.slugs for slug in clear)


class Lying(InMemory):
    """Lists something else than it answers."""

    def __init__(self, listed: list[RepositoryAnswer]) -> None:
        super().__init__({"acme": 1}, {f"acme/{slug}": 10 + number for number, slug in enumerate(SLUGS)}, {}, {})
        self.listed = listed

    def repositories(self, workspace: str, wanted: int) -> RepositoryList:
        del workspace, wanted
        return RepositoryList(tuple(self.listed), is_whole=True)


def answer(slug: str, number: int, workspace: int = 1, full_name: str = "") -> RepositoryAnswer:
    owner = {"uuid": uuid(workspace), "slug": "acme"}
    return RepositoryAnswer.model_validate(
        {"uuid": uuid(number), "full_name": full_name or f"acme/{slug}", "workspace": owner}
    )


@pytest.mark.parametrize(
    "listed",
    [
        [answer("r0", 90), answer("r0", 91)],
        [answer("r0", 90), answer("R0", 91)],
        [answer("R0", 90)],
        [answer("r0", 90, workspace=2)],
        [answer("r0", 90, full_name="other/r0")],
        [answer("r0", 90, full_name="acme/x/r0")],
    ],
    ids=["two uuids", "two uuids by case", "other case", "other owner", "other workspace", "more parts"],
)
def test_what_the_list_is_not_clear_about_is_asked_for_by_itself(listed: list[RepositoryAnswer]) -> None:
    bitbucket = Lying(listed)
    resolved = resolve(questions({slug: RepositoryQuestion(Known()) for slug in SLUGS}), bitbucket)
    assert "acme/r0" in bitbucket.asked
    assert resolved.workspaces["acme"].repositories["r0"].uuid == uuid(10)


class TestLimit:
    """The limit of requests keeps what was answered, and is waited for."""

    def test_a_used_up_limit_keeps_the_answers_and_the_next_run_begins_with_the_others(
        self, start_client: StartClient, bitbucket: EmulatedBitbucket, stopped: StoppedClock
    ) -> None:
        bitbucket.workspaces = (replace(LARGE, repositories=REPOSITORIES[:40]),)
        bitbucket.behaviour.now, bitbucket.behaviour.requests_per_hour = stopped.clock().now, 100
        asked = {of.slug: RepositoryQuestion(Known(), {"production": Known()}) for of in REPOSITORIES[:39]}
        asked["r39"] = RepositoryQuestion(Known())
        other = start_client()  # another program with the same credentials
        for _ in range(84):
            other.workspace("acme")
        resolved = resolve(questions(asked), start_client())
        answered = resolved.workspaces["acme"].repositories
        assert resolved.unanswered is not None
        assert isinstance(resolved.unanswered.error, RequestLimitError)
        assert (resolved.unanswered.names, resolved.unanswered.total) == (40 - len(answered), 41)
        assert len(answered) == 15
        assert "r39" in answered  # it takes no request
        assert resolved.discrepancies == ()
        stopped.slept.append(3600.0)
        environments = {name: Known(None, locked.uuid) for name, locked in answered.items()}
        again = {
            name: RepositoryQuestion(environments.get(name, Known()), {"production": environments.get(name, Known())})
            for name in asked
        }
        before = len(bitbucket.requests)
        resolve(questions(again), start_client())
        paths = [request.path for request in bitbucket.requests[before:] if "environments" in request.path]
        known = {f"%7B{locked.uuid[1:-1]}%7D" for locked in answered.values()}
        assert paths
        assert not any(uuid in path for uuid in known for path in paths[:10])

    def test_more_requests_than_the_limit_allows_wait_for_the_rolling_hour(
        self, start_client: StartClient, bitbucket: EmulatedBitbucket, stopped: StoppedClock
    ) -> None:
        bitbucket.workspaces = (replace(LARGE, repositories=REPOSITORIES[:100]),)
        bitbucket.behaviour.now, bitbucket.behaviour.requests_per_hour = stopped.clock().now, 50
        asked = {of.slug: RepositoryQuestion(Known(), {"production": Known()}) for of in REPOSITORIES[:100]}
        client = start_client()
        client.workspace("acme")  # its answer tells the limit
        resolved = resolve(questions(asked), client)
        assert resolved.unanswered is None
        assert len(resolved.workspaces["acme"].repositories) == 100
        assert [seconds for seconds in stopped.slept if seconds] == [3600.0, 3600.0]


@given(
    per_hour=st.integers(1, 30),
    sent=st.lists(st.floats(0, 500), max_size=40),
    lowered=st.none() | st.integers(1, 30),
    is_near=st.booleans(),
    requests=st.integers(1, 100),
)
def test_the_time_for_more_requests_is_what_they_then_take(
    per_hour: int, sent: list[float], lowered: int | None, is_near: bool, requests: int
) -> None:
    slept: list[float] = []
    pace = HourlyPace(per_hour, Clock(lambda: sum(slept), slept.append), lambda _seconds: None)
    for pause in sent:
        pace.wait()
        slept.append(pause)
    pace.hear({"X-RateLimit-Limit": str(lowered or per_hour), "X-RateLimit-NearLimit": str(is_near).lower()})
    told, before = pace.seconds_for(requests), sum(slept)
    for _ in range(requests):
        pace.wait()
    took = sum(slept) - before
    if is_near:
        assert told <= took + 1e-3
    else:
        assert told == pytest.approx(took, abs=1e-3)
