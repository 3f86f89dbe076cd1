"""A stand-in for AWS on loopback, for answers that the emulated accounts never give."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote

Reply = tuple[int, str]
"""Status and body."""

Replies = dict[str, Reply | Callable[[int], Reply]]
"""By action; a function is given how often it was asked before."""

NOT_FOUND = (404, "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>none</Message></Error></ErrorResponse>")


def refused(code: str, *, status: int = 400, message: str = "No.") -> Reply:
    return status, f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


def result(action: str, content: str) -> Reply:
    return 200, f"<{action}Response><{action}Result>{content}</{action}Result></{action}Response>"


def listed_role(account: str, name: str, trust_policy: str) -> str:
    arn = f"arn:aws:iam::{account}:role/{name}"
    document = quote(trust_policy)
    return (
        f"<member><RoleName>{name}</RoleName><Arn>{arn}</Arn><Path>/</Path><RoleId>A</RoleId>"
        f"<CreateDate>2026-01-01T00:00:00Z</CreateDate>"
        f"<AssumeRolePolicyDocument>{document}</AssumeRolePolicyDocument></member>"
    )


def usual(account: str, *roles: str) -> Replies:
    """Return what an account answers that has nothing but these roles."""
    summary = "<SummaryMap><entry><key>RolesQuota</key><value>1000</value></entry></SummaryMap>"
    return {
        "GetCallerIdentity": result("GetCallerIdentity", f"<Account>{account}</Account>"),
        "ListRoles": result("ListRoles", f"<Roles>{''.join(roles)}</Roles><IsTruncated>false</IsTruncated>"),
        "GetOpenIDConnectProvider": NOT_FOUND,
        "ListOpenIDConnectProviders": result("ListOpenIDConnectProviders", "<OpenIDConnectProviderList/>"),
        "GetAccountSummary": result("GetAccountSummary", summary),
        "ListServiceQuotas": (200, '{"Quotas": []}'),
    }


class AnsweringAws:
    """Answers each action as it is told to; a second page of anything is the first one again."""

    def __init__(self) -> None:
        self.replies: Replies = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
                status, text = outer.reply(target or parse_qs(body)["Action"][0])
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def reply(self, action: str) -> Reply:
        before = self.asked.count(action)
        self.asked.append(action)
        reply = self.replies[action]
        return reply(before) if callable(reply) else reply

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
