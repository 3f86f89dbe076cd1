"""Bitbucket's REST API over TLS: names, pages, scopes, limits, as the emulated Bitbucket has them."""

from dataclasses import replace

import pytest

from config.lock.questions import Known, RepositoryQuestion, WorkspaceQuestion
from facts.bitbucket.client import RepositoryList
from facts.bitbucket.credentials import Credentials, find_credentials
from facts.bitbucket.resolution import resolve
from oidc.errors import BitbucketError
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.workspaces import EmulatedRepository, EmulatedWorkspace
from tests.facts.bitbucket.conftest import ACME, SHOP, StartClient
from tests.facts.bitbucket.in_memory import uuid
from tests.facts.conftest import StoppedClock

EMAIL, TOKEN = "ann@example.com", "ATATT3xFfGF0secret"


def api_token() -> Credentials:
    return find_credentials({"BITBUCKET_EMAIL": EMAIL, "BITBUCKET_API_TOKEN": TOKEN}, "")


def test_names_and_uuids_lead_to_the_same(start_client: StartClient) -> None:
    client = start_client()
    for name in ("acme", uuid(1)):
        workspace = client.workspace(name)
        assert workspace is not None
        assert (workspace.slug, workspace.uuid) == ("acme", uuid(1))
        repository = client.repository(name, "shop")
        assert repository is not None
        assert repository == client.repository(name, uuid(2))
        assert (repository.full_name, repository.slug, repository.uuid) == ("acme/shop", "shop", uuid(2))


def test_a_missing_object_is_none(start_client: StartClient) -> None:
    client = start_client()
    assert client.workspace("nobody") is None
    assert client.repository("acme", "nothing") is None
    assert client.environments("acme", "nothing") == ()
    assert client.environments("acme", "site") == ()


def test_names_cannot_leave_their_place_in_the_url(start_client: StartClient, bitbucket: EmulatedBitbucket) -> None:
    assert start_client().workspace("../repositories/acme") is None
    assert start_client().workspace("acme?x=1#y") is None
    assert bitbucket.requests[0].path == "/2.0/workspaces/..%2Frepositories%2Facme"


def test_environments_come_with_their_restrictions_a_hundred_at_a_time(
    start_client: StartClient, bitbucket: EmulatedBitbucket
) -> None:
    answers = start_client().environments("acme", "shop")
    assert [answer.name for answer in answers] == [answer.name for answer in SHOP.environments]
    assert [answer.restrictions.admin_only for answer in answers[:2] if answer.restrictions] == [True, False]
    assert [request.query for request in bitbucket.requests] == ["pagelen=100"]


@pytest.mark.parametrize("fault", ["none", "wrong host", "no next", "another order"])
def test_every_environment_is_read_despite_faulty_pages(
    start_client: StartClient, bitbucket: EmulatedBitbucket, fault: str
) -> None:
    bitbucket.behaviour.page_length = 5
    bitbucket.behaviour.wrong_host_in_next = "api.media.atlassian.example" if fault == "wrong host" else None
    bitbucket.behaviour.leaves_next_out = fault == "no next"
    bitbucket.behaviour.changes_order = fault == "another order"
    answers = start_client().environments("acme", "shop")
    assert {answer.name for answer in answers} == {answer.name for answer in SHOP.environments}


MANY = tuple(EmulatedRepository(f"r{number}", uuid(1000 + number)) for number in range(230))


def test_many_repositories_of_a_workspace_are_listed_a_hundred_at_a_time(
    start_client: StartClient, bitbucket: EmulatedBitbucket
) -> None:
    bitbucket.workspaces = (EmulatedWorkspace("acme", uuid(1), MANY),)
    listed = start_client().repositories("acme", 150)
    assert listed is not None
    assert listed.is_whole
    assert {answer.uuid for answer in listed.answers} == {answer.uuid for answer in MANY}
    fields = "fields=next,size,values.uuid,values.full_name,values.workspace.uuid,values.workspace.slug"
    assert [request.query for request in bitbucket.requests] == [
        f"pagelen=100&{fields}", f"pagelen=100&{fields}&page=2", f"pagelen=100&{fields}&page=3",
    ]  # fmt: skip


def test_every_other_repository_of_a_workspace_that_a_role_adopted_as_is_trusts_is_listed(
    start_client: StartClient, bitbucket: EmulatedBitbucket
) -> None:
    bitbucket.workspaces = (EmulatedWorkspace("acme", uuid(1), MANY[:3]),)
    declared = {MANY[0].slug: RepositoryQuestion(Known())}
    question = WorkspaceQuestion(Known(), declared, is_adopted_as_is=True)
    workspace = resolve({"acme": question}, start_client()).workspaces["acme"]
    assert workspace.undeclared_repositories == {repository.slug: repository.uuid for repository in MANY[1:3]}
    assert workspace.repositories.keys() == declared.keys()
    without = resolve({"acme": replace(question, is_adopted_as_is=False)}, start_client()).workspaces["acme"]
    assert without.undeclared_repositories == {}


@pytest.mark.parametrize(("wanted", "asked"), [(9, 0), (10, 1)], ids=["few are wanted", "the workspace has many more"])
def test_few_of_many_repositories_are_asked_for_one_by_one(
    start_client: StartClient, bitbucket: EmulatedBitbucket, wanted: int, asked: int
) -> None:
    bitbucket.workspaces = (EmulatedWorkspace("acme", uuid(1), MANY * 5),)
    assert start_client().repositories("acme", wanted) is None
    assert len(bitbucket.requests) == asked


def test_a_list_with_fewer_repositories_than_its_size_is_not_whole(
    start_client: StartClient, bitbucket: EmulatedBitbucket
) -> None:
    bitbucket.workspaces = (EmulatedWorkspace("acme", uuid(1), MANY[:20] * 2),)  # it says 40 and has 20
    listed = start_client().repositories("acme", 40)
    assert listed is not None
    assert (len(listed.answers), listed.is_whole) == (20, False)
    assert start_client().repositories("nobody", 40) == RepositoryList((), is_whole=False)


def test_a_former_name_is_followed_on_the_same_host(start_client: StartClient) -> None:
    repository = start_client().repository("acme", "store")
    assert repository is not None
    assert repository.full_name == "acme/shop"


def test_one_connection_serves_many_requests(start_client: StartClient, bitbucket: EmulatedBitbucket) -> None:
    client = start_client()
    for _ in range(5):
        client.workspace("acme")
    assert bitbucket.connections == 1


class TestCredentials:
    """Each kind gets in, and what is missing is told by name."""

    def test_an_api_token_goes_with_the_email(self, start_client: StartClient, bitbucket: EmulatedBitbucket) -> None:
        bitbucket.behaviour.api_tokens[EMAIL, TOKEN] = frozenset(
            {"read:workspace:bitbucket", "read:repository:bitbucket", "read:pipeline:bitbucket"}
        )
        client = start_client(api_token())
        assert client.workspace("acme")
        assert len(client.environments("acme", "shop")) == 23

    def test_an_oauth_consumer_gets_one_token_for_all(
        self, start_client: StartClient, bitbucket: EmulatedBitbucket
    ) -> None:
        bitbucket.behaviour.consumers["key", TOKEN] = frozenset({"repository", "pipeline"})
        before = set(bitbucket.behaviour.access_tokens)
        environment = {"BITBUCKET_OAUTH_CLIENT_ID": "key", "BITBUCKET_OAUTH_CLIENT_SECRET": TOKEN}
        client = start_client(find_credentials(environment, ""))
        assert client.repository("acme", "shop")
        assert client.environments("acme", "shop")
        assert len(set(bitbucket.behaviour.access_tokens) - before) == 1

    def test_a_wrong_secret_of_a_consumer_is_an_error(self, start_client: StartClient) -> None:
        environment = {"BITBUCKET_OAUTH_CLIENT_ID": "key", "BITBUCKET_OAUTH_CLIENT_SECRET": TOKEN}
        with pytest.raises(BitbucketError, match="does not accept these credentials") as caught:
            start_client(find_credentials(environment, "")).workspace("acme")
        assert "check BITBUCKET_OAUTH_CLIENT_ID" in caught.value.do
        assert TOKEN not in str(caught.value)

    @pytest.mark.parametrize(
        ("missing", "ask"),
        [
            ("read:workspace:bitbucket", lambda client: client.workspace("acme")),
            ("read:repository:bitbucket", lambda client: client.repository("acme", "shop")),
            ("read:pipeline:bitbucket", lambda client: client.environments("acme", "shop")),
        ],
    )
    def test_a_missing_scope_is_named(
        self, start_client: StartClient, bitbucket: EmulatedBitbucket, missing: str, ask: object
    ) -> None:
        every = {"read:workspace:bitbucket", "read:repository:bitbucket", "read:pipeline:bitbucket"}
        bitbucket.behaviour.api_tokens[EMAIL, TOKEN] = frozenset(every - {missing})
        assert callable(ask)
        with pytest.raises(BitbucketError, match=f"this token lacks {missing}:") as caught:
            ask(start_client(api_token()))
        assert "BITBUCKET_API_TOKEN" in caught.value.do

    def test_an_invalid_token_names_the_usual_causes(self, start_client: StartClient) -> None:
        with pytest.raises(BitbucketError, match="Token is invalid, expired") as caught:
            start_client(api_token()).workspace("acme")
        assert "the e-mail of the Atlassian account, not the user name" in caught.value.do
        assert TOKEN not in str(caught.value)

    def test_without_credentials_only_public_objects_are_visible(
        self, start_client: StartClient, bitbucket: EmulatedBitbucket
    ) -> None:
        assert start_client(Credentials()).workspace("acme") is None
        bitbucket.behaviour.is_public = True
        assert start_client(Credentials()).workspace("acme") is not None


class TestLimits:
    """The limit of requests is borne, and where it cannot be, told."""

    def test_a_used_up_limit_is_an_error_after_some_tries(
        self, start_client: StartClient, bitbucket: EmulatedBitbucket, stopped: StoppedClock
    ) -> None:
        bitbucket.behaviour.requests_per_hour = 0
        with pytest.raises(
            BitbucketError, match=r"status 429 \(tried 4 times\): Rate limit for this resource"
        ) as caught:
            start_client().workspace("acme")
        assert "run it again in an hour" in caught.value.do
        assert stopped.slept == [1.0, 4.0, 15.0]

    def test_a_short_retry_after_is_waited_for(
        self, start_client: StartClient, bitbucket: EmulatedBitbucket, stopped: StoppedClock
    ) -> None:
        bitbucket.behaviour.requests_per_hour, bitbucket.behaviour.retry_after = 0, "30"
        with pytest.raises(BitbucketError, match="429"):
            start_client().workspace("acme")
        assert stopped.slept == [30.0, 30.0, 30.0]

    @pytest.mark.parametrize("seconds", ["3600", "9" * 50])
    def test_a_long_retry_after_is_an_error_at_once(
        self, start_client: StartClient, bitbucket: EmulatedBitbucket, stopped: StoppedClock, seconds: str
    ) -> None:
        bitbucket.behaviour.requests_per_hour, bitbucket.behaviour.retry_after = 0, seconds
        with pytest.raises(BitbucketError, match="429") as caught:
            start_client().workspace("acme")
        assert stopped.slept == []
        assert "run it again in " in caught.value.do

    def test_requests_stay_under_the_limit_that_answers_tell(
        self, start_client: StartClient, bitbucket: EmulatedBitbucket, stopped: StoppedClock
    ) -> None:
        bitbucket.behaviour.requests_per_hour = 20
        client = start_client()
        for _ in range(18):
            client.workspace("acme")
        assert stopped.slept == []
        bitbucket.behaviour.requests_per_hour = 30
        client.workspace("acme")
        assert stopped.slept == [3600.0]

    def test_a_limit_that_is_near_slows_down(
        self, start_client: StartClient, bitbucket: EmulatedBitbucket, stopped: StoppedClock
    ) -> None:
        bitbucket.behaviour.is_near_limit = True
        client = start_client()
        client.workspace("acme")
        client.workspace("acme")
        assert stopped.slept == [3.6]


def test_the_emulated_bitbucket_serves_issuers_by_their_name_alone(bitbucket: EmulatedBitbucket) -> None:
    assert bitbucket.workspaces == (ACME,)
    assert bitbucket.api_url.startswith("https://127.0.0.1:")
