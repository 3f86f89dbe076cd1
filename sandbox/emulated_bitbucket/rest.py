"""The REST calls of Bitbucket that this project makes, with the documented forms, scopes and limits.

Sources: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-workspaces/, …-repositories/, …-deployments/;
https://developer.atlassian.com/cloud/bitbucket/rest/intro/#partial-response for ``fields``;
https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/. Environments have
``restrictions``, as the real ones do, though no page documents them.
"""

import re
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from sandbox.emulated_bitbucket.behaviour import Behaviour
from sandbox.emulated_bitbucket.exchange import Document, HttpAnswer, Request, RestCall, error_answer, no_repository
from sandbox.emulated_bitbucket.pull_requests import PullRequests
from sandbox.emulated_bitbucket.reports import Reports
from sandbox.emulated_bitbucket.workspaces import EmulatedEnvironment, EmulatedRepository, EmulatedWorkspace

_TOKENS = "/site/oauth2/access_token"
_DEFAULT_PAGE = 10
_HOUR = 3600.0
_COMMENTS = r"pullrequests/([0-9]+)/comments(?:/([0-9]+))?/?"
_REPORTS = r"commit/([0-9a-f]{7,64})/reports/([^/]+)(?:/(annotations))?/?"


class RestApi:
    """Answers calls, and counts them for the limit of requests.

    Attributes:
        requests: All requests.
        pull_requests: The comments on pull requests.
        reports: The reports of Code Insights.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.requests: list[Request] = []
        self.pull_requests = PullRequests(self._paged)
        self.reports = Reports(self._paged)
        self._lock = threading.Lock()
        self._times: deque[float] = deque()
        workspace, repository = r"/2\.0/workspaces/([^/]+)/?", r"/2\.0/repositories/([^/]+)/([^/]+)/?"
        self._routes: tuple[tuple[re.Pattern[str], tuple[str, str], Callable[[RestCall], HttpAnswer]], ...] = (
            (re.compile(workspace), ("read:workspace:bitbucket", ""), _workspace),
            (
                re.compile(r"/2\.0/repositories/([^/]+)/?"),
                ("read:repository:bitbucket", "repository"),
                self._repositories,
            ),
            (re.compile(repository), ("read:repository:bitbucket", "repository"), _repository),
            (re.compile(repository + r"environments/"), ("read:pipeline:bitbucket", "pipeline"), self._environments),
            (re.compile(r"/2\.0/user/?"), ("read:user:bitbucket", "account"), self._user),
            (re.compile(f"{repository}{_COMMENTS}"), ("read:pullrequest:bitbucket", "pullrequest"), self._comments),
            (re.compile(f"{repository}{_REPORTS}"), ("read:repository:bitbucket", "repository"), self.reports.answer),
        )

    def answer(self, request: Request, workspaces: Iterable[EmulatedWorkspace]) -> HttpAnswer | None:
        """Answer a call; return ``None`` if no call has this path."""
        if request.path == _TOKENS:
            return self._token(request)
        for route, scopes, handle in self._routes:
            if match := route.fullmatch(request.path):
                refused = self._refused(request, scopes, of_hour=self._count(request))
                names = tuple(unquote(part) for part in match.groups() if part is not None)
                answer = refused or handle(RestCall(request, names, tuple(workspaces)))
                document = _with_fields(answer.document, request) if answer.status == HTTPStatus.OK else answer.document
                return HttpAnswer(answer.status, document, {**self._limit_headers(), **answer.headers})
        return None

    def _count(self, request: Request) -> int:
        """Record a request; return the number of requests within an hour."""
        with self._lock:
            self.requests.append(request)
            now = self._behaviour.now()
            self._times.append(now)
            while now - self._times[0] >= _HOUR:
                self._times.popleft()
            return len(self._times)

    def _limit_headers(self) -> Mapping[str, str]:
        near = "true" if self._behaviour.is_near_limit else "false"
        return {"X-RateLimit-Limit": str(self._behaviour.requests_per_hour), "X-RateLimit-NearLimit": near}

    def _refused(self, request: Request, scopes: tuple[str, str], *, of_hour: int) -> HttpAnswer | None:
        behaviour = self._behaviour
        granted = behaviour.scopes(request.headers)
        if granted is None:
            message = "Token is invalid, expired, or not supported for this endpoint."
            return error_answer(HTTPStatus.UNAUTHORIZED, message)
        if of_hour > behaviour.requests_per_hour:
            headers = {"Retry-After": behaviour.retry_after} if behaviour.retry_after else {}
            refused = error_answer(HTTPStatus.TOO_MANY_REQUESTS, "Rate limit for this resource has been exceeded")
            return HttpAnswer(refused.status, refused.document, headers)
        if not granted:
            return None if behaviour.is_public else error_answer(HTTPStatus.NOT_FOUND, "Not found")
        required = scopes[0] if any(scope.endswith(":bitbucket") for scope in granted) else scopes[1]
        if required and required not in granted:
            message = "Your credentials lack one or more required privilege scopes."
            return error_answer(HTTPStatus.FORBIDDEN, message, required=[required], granted=sorted(granted))
        return None

    def _token(self, request: Request) -> HttpAnswer:
        scopes = self._behaviour.consumer_of(request.headers)
        if request.method != "POST" or parse_qs(request.body.decode("latin-1")) != {
            "grant_type": ["client_credentials"]
        }:
            return HttpAnswer(HTTPStatus.BAD_REQUEST, {"error": "invalid_request"})
        if scopes is None:
            return HttpAnswer(
                HTTPStatus.UNAUTHORIZED, {"error": "unauthorized_client", "error_description": "Invalid OAuth client"}
            )
        token = secrets.token_urlsafe(16)
        self._behaviour.access_tokens[token] = scopes
        document = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": 7200,
            "scopes": " ".join(sorted(scopes)),
        }
        return HttpAnswer(HTTPStatus.OK, document)

    def _repositories(self, call: RestCall) -> HttpAnswer:
        workspace = call.workspace()
        if workspace is None:
            return error_answer(HTTPStatus.NOT_FOUND, f"No workspace with identifier '{call.names[0]}'.")
        return self._paged(
            call.request, [_repository_document(workspace, repository) for repository in workspace.repositories]
        )

    def _environments(self, call: RestCall) -> HttpAnswer:
        repository = call.repository()
        if repository is None:
            return no_repository(call)
        return self._paged(call.request, [_environment(environment) for environment in repository.environments])

    def _comments(self, call: RestCall) -> HttpAnswer:
        return self.pull_requests.answer(call, self._behaviour.account_of(call.request.headers))

    def _user(self, call: RestCall) -> HttpAnswer:
        return HttpAnswer(HTTPStatus.OK, {"type": "user", "uuid": self._behaviour.account_of(call.request.headers)})

    def _paged(self, request: Request, values: Sequence[Document]) -> HttpAnswer:
        requested = {name: texts[-1] for name, texts in parse_qs(request.query).items()}
        length = min(_number(requested.get("pagelen"), _DEFAULT_PAGE), self._behaviour.page_length)
        page = _number(requested.get("page"), 1)
        if self._behaviour.changes_order and page > 1:
            self._behaviour.changes_order = False
            values = [*values[1:], *values[:1]]
        shown = values[(page - 1) * length : page * length]
        document: dict[str, object] = {"page": page, "pagelen": length, "size": len(values), "values": shown}
        if page * length < len(values) and not self._behaviour.leaves_next_out:
            document["next"] = self._next(request, length, page + 1)
        return HttpAnswer(HTTPStatus.OK, document)

    def _next(self, request: Request, length: int, page: int) -> str:
        scheme, authority = urlsplit(request.origin)[:2]
        others = {name: texts[-1] for name, texts in parse_qs(request.query).items()}
        query = urlencode(others | {"pagelen": length, "page": page}, safe=",")
        return f"{scheme}://{self._behaviour.wrong_host_in_next or authority}{request.path}?{query}"


def _with_fields(document: Document | str, request: Request) -> Document | str:
    """Return only the fields that ``fields`` names, ``next,values.uuid``; a name alone stands for all below it."""
    named = parse_qs(request.query).get("fields", [""])[-1]
    return _chosen(document, [name.split(".") for name in named.split(",")]) if named else document


def _chosen(value: Any, paths: Sequence[Sequence[str]]) -> Any:  # noqa: ANN401 - JSON
    if not all(paths) or isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return [_chosen(element, paths) for element in value]
    if not isinstance(value, Mapping):
        return value
    below = {key: [path[1:] for path in paths if path[0] == key] for key in value}
    return {key: _chosen(value[key], of_key) for key, of_key in below.items() if of_key}


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and int(text) else otherwise


def _workspace(call: RestCall) -> HttpAnswer:
    workspace = call.workspace()
    if workspace is None:
        return error_answer(HTTPStatus.NOT_FOUND, f"No workspace with identifier '{call.names[0]}'.")
    return HttpAnswer(
        HTTPStatus.OK,
        {"type": "workspace", "uuid": workspace.uuid, "slug": workspace.slug, "name": workspace.slug.title()},
    )


def _repository(call: RestCall) -> HttpAnswer:
    workspace, repository = call.workspace(), call.repository()
    if workspace is None or repository is None:
        return no_repository(call)
    return HttpAnswer(HTTPStatus.OK, _repository_document(workspace, repository))


def _repository_document(workspace: EmulatedWorkspace, repository: EmulatedRepository) -> Document:
    owner = {"type": "workspace", "uuid": workspace.uuid, "slug": workspace.slug}
    full_name = f"{workspace.slug}/{repository.slug}"
    return {
        "type": "repository", "uuid": repository.uuid, "full_name": full_name, "slug": repository.slug,
        "name": repository.slug, "workspace": owner, "is_private": True,
    }  # fmt: skip


def _environment(environment: EmulatedEnvironment) -> Document:
    return {
        "type": "deployment_environment",
        "uuid": environment.uuid,
        "name": environment.name,
        "restrictions": {"type": "deployment_restrictions_configuration", "admin_only": environment.admin_only},
    }
