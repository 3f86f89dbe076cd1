"""What the emulated Bitbucket answers to a path: pure, so the server is nothing but HTTP.

Source of the paths: ``getOIDCConfiguration`` and ``getOIDCKeys`` in
https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pipelines/.
"""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from urllib.parse import unquote

from sandbox.emulated_bitbucket.exchange import Answer, Document, error_answer
from sandbox.emulated_bitbucket.step import EmulatedWorkspace


class Site:
    """The workspaces and documents of one emulated Bitbucket.

    Args:
        workspaces: Those that exist; any other is answered with 404.
        jwks: The key set that all of them share, as on the real host.
    """

    def __init__(self, workspaces: Iterable[EmulatedWorkspace], jwks: Document) -> None:
        known = tuple(workspaces)
        # The REST API takes a workspace's UUID wherever it takes the slug; what it serves names the slug all the same.
        self._workspaces = {one.uuid: one for one in known} | {one.slug: one for one in known}
        identity = "/2.0/workspaces/([^/]+)/pipelines-config/identity/oidc"
        self._routes: tuple[tuple[re.Pattern[str], Callable[[EmulatedWorkspace], Document]], ...] = (
            (re.compile(identity + r"/\.well-known/openid-configuration"), discovery_document),
            (re.compile(identity + r"/keys\.json"), lambda _: jwks),
        )

    def answer(self, path: str) -> Answer | None:
        """Answer a path, without query and still percent-encoded; ``None`` where it is none of these documents'."""
        for route, document in self._routes:
            match = route.fullmatch(path)
            if match is None:
                continue
            name = unquote(match[1])
            workspace = self._workspaces.get(name)
            if workspace is None:
                return error_answer(HTTPStatus.NOT_FOUND, f"No workspace with identifier '{name}'.")
            return Answer(HTTPStatus.OK, document(workspace))
        return None


def discovery_document(workspace: EmulatedWorkspace) -> Document:
    """Return a workspace's discovery document, with the fields that clients of the real one read."""
    return {
        "issuer": workspace.issuer,
        "jwks_uri": f"{workspace.issuer}/keys.json",
        "subject_types_supported": ["public"],
        "response_types_supported": ["id_token"],
        "claims_supported": [
            "iss", "aud", "sub", "iat", "exp", "workspaceUuid", "repositoryUuid", "pipelineUuid", "pipelineRunUuid",
            "stepUuid", "branchName", "deploymentEnvironmentUuid",
        ],
    }  # fmt: skip
