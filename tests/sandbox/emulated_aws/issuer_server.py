"""An issuer for tests: an HTTPS server with a chain and keys of its own."""

import json
import ssl
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.emulated_aws.settings import IssuerEndpoint
from tests.sandbox.emulated_aws.aws_calls import AUDIENCE, ISSUER, SUBJECT


class Issuer:
    """An HTTPS server for api.bitbucket.org with a separate chain, whose keys tests may change."""

    def __init__(self, folder: Path) -> None:
        self.root = trustme.CA()
        self.intermediate = self.root.create_child_ca()
        leaf = self.intermediate.issue_cert("api.bitbucket.org")
        ca_file = folder / "ca.pem"
        self.root.cert_pem.write_to_path(str(ca_file))
        self.keys = {"one": new_key()}
        self.documents: dict[str, Any] = {}
        self.requests: Counter[str] = Counter()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests[self.path] += 1
                body = issuer.answer(self.path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.endpoint = IssuerEndpoint(f"127.0.0.1:{self.server.server_address[1]}", ca_file)

    def answer(self, path: str) -> bytes:
        url = f"https://api.bitbucket.org{path}"
        if url in self.documents:
            return json.dumps(self.documents[url]).encode()
        if url.endswith("/.well-known/openid-configuration"):
            issuer = url.removesuffix("/.well-known/openid-configuration")
            return json.dumps({"issuer": issuer, "jwks_uri": f"{issuer}/keys.json"}).encode()
        if url.endswith("/keys.json"):
            algorithm = jwt.algorithms.RSAAlgorithm
            keys = [
                json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "alg": "RS256", "use": "sig"}
                for kid, key in self.keys.items()
            ]
            return json.dumps({"keys": keys}).encode()
        return b""

    def token(self, *, kid: str = "one", key: rsa.RSAPrivateKey | None = None, **claims: Any) -> str:
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": SUBJECT, "iat": now, "exp": now + 3600}
        payload = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(payload, key or self.keys[kid], algorithm="RS256", headers={"kid": kid})


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)
