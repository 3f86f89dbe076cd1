"""The emulated Bitbucket, seen from outside: documents, certificates, tokens."""

import hashlib
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from facts.issuer.certificates import fetch_thumbprints
from facts.issuer.connect import IssuerConnect
from oidc.errors import IssuerError, SandboxError
from sandbox.emulated_bitbucket import EmulatedBitbucket
from sandbox.emulated_bitbucket.behaviour import Behaviour
from sandbox.emulated_bitbucket.workspaces import EmulatedRepository, EmulatedWorkspace

ACME = EmulatedWorkspace("acme", "{0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11}")
OTHER = EmulatedWorkspace("other", "{1c4ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a12}")
REPOSITORY = "{9a6d6bde-2ae3-4d4c-8a43-1f6a5d9a3c01}"
PRODUCTION = "{c2b1a5de-6b7e-4d4b-b1a0-6a9d8c7b5e03}"
HOST = "api.bitbucket.org"
ACME_PATH = "/2.0/workspaces/acme/pipelines-config/identity/oidc"
DEFAULT_AUDIENCE = "ari:cloud:bitbucket::workspace/0b3ff4a1-7c5e-4d0a-9f5e-2f0f4f6f7a11"


@pytest.fixture(scope="module")
def bitbucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedBitbucket]:
    with EmulatedBitbucket(tmp_path_factory.mktemp("bitbucket"), [ACME, OTHER]) as bitbucket:
        yield bitbucket


class Client(http.client.HTTPSConnection):
    """Speaks to the real name at the emulated one's address."""

    def __init__(self, bitbucket: EmulatedBitbucket) -> None:
        self._tls = ssl.create_default_context(cafile=bitbucket.ca_file)
        self._port = int(bitbucket.address.partition(":")[2])
        super().__init__(HOST, timeout=5)

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self._port), timeout=5)
        self.sock = self._tls.wrap_socket(plain, server_hostname=HOST)

    def ask(self, path: str, method: str = "GET", host: str = HOST) -> tuple[int, bytes]:
        self.request(method, path, headers={"Host": host})
        response = self.getresponse()
        return response.status, response.read()


@pytest.fixture
def client(bitbucket: EmulatedBitbucket) -> Iterator[Client]:
    client = Client(bitbucket)
    yield client
    client.close()


class TestDocuments:
    """Discovery document and key set, at the paths of the real host."""

    @pytest.mark.parametrize("name", ["acme", quote(ACME.uuid), ACME.uuid], ids=["slug", "uuid", "uuid not encoded"])
    def test_the_discovery_document_names_the_issuer_by_its_slug(self, client: Client, name: str) -> None:
        path = f"/2.0/workspaces/{name}/pipelines-config/identity/oidc/.well-known/openid-configuration"
        status, body = client.ask(path)
        document = json.loads(body)
        assert status == 200
        assert document["issuer"] == f"https://{HOST}{ACME_PATH}"
        assert document["jwks_uri"] == f"https://{HOST}{ACME_PATH}/keys.json"
        assert document["subject_types_supported"] == ["public"]
        assert document["response_types_supported"] == ["id_token"]
        assert {"iss", "aud", "sub", "deploymentEnvironmentUuid"} <= set(document["claims_supported"])

    def test_the_key_set_holds_one_public_rsa_key_and_nothing_private(
        self, client: Client, bitbucket: EmulatedBitbucket
    ) -> None:
        status, body = client.ask(f"{ACME_PATH}/keys.json")
        [key] = json.loads(body)["keys"]
        assert status == 200
        assert set(key) == {"kid", "kty", "alg", "use", "n", "e"}
        assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
        assert json.loads(body) == bitbucket.jwks

    @pytest.mark.parametrize(
        "path",
        [
            "/2.0/workspaces/nobody/pipelines-config/identity/oidc/keys.json",
            "/2.0/workspaces/ACME/pipelines-config/identity/oidc/keys.json",
            "/2.0/workspaces/%2e%2e/pipelines-config/identity/oidc/keys.json",
            f"{ACME_PATH}/keys.json/",
            ACME_PATH,
            "/",
        ],
    )
    def test_what_is_not_there_is_an_error_in_bitbuckets_form(self, client: Client, path: str) -> None:
        status, body = client.ask(path)
        assert status == 404
        assert json.loads(body)["type"] == "error"
        assert json.loads(body)["error"]["message"]

    def test_a_query_changes_nothing_and_head_sends_no_body(self, client: Client) -> None:
        assert client.ask(f"{ACME_PATH}/keys.json?x=1")[0] == 200
        assert client.ask(f"{ACME_PATH}/keys.json", "HEAD") == (200, b"")

    def test_another_host_name_is_not_served(self, client: Client) -> None:
        assert client.ask(f"{ACME_PATH}/keys.json", host="127.0.0.1:8443")[0] == 421


class TestConnections:
    """TLS as on the real host: a chain for api.bitbucket.org, connections kept alive."""

    def test_it_presents_its_certificate_and_the_intermediate_but_not_the_root(
        self, bitbucket: EmulatedBitbucket
    ) -> None:
        leaf, intermediate = presented(bitbucket)
        root = x509.load_pem_x509_certificate(bitbucket.ca_file.read_bytes())
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [HOST]
        leaf.verify_directly_issued_by(intermediate)
        intermediate.verify_directly_issued_by(root)

    def test_its_chain_satisfies_the_strict_checks_of_newer_pythons(self, bitbucket: EmulatedBitbucket) -> None:
        client = Client(bitbucket)
        client._tls.verify_flags |= ssl.VERIFY_X509_STRICT
        assert client.ask(f"{ACME_PATH}/keys.json")[0] == 200
        client.close()

    def test_many_requests_on_one_connection_count_once(self, tmp_path: Path) -> None:
        with EmulatedBitbucket(tmp_path, [ACME]) as fresh:
            client = Client(fresh)
            assert [client.ask(f"{ACME_PATH}/keys.json")[0] for _ in range(3)] == [200] * 3
            client.close()
            assert fresh.connections == 1

    def test_the_thumbprint_of_two_workspaces_is_the_intermediates_by_one_connection(self, tmp_path: Path) -> None:
        with EmulatedBitbucket(tmp_path, [ACME, OTHER]) as fresh:
            thumbprints = fetch_thumbprints([ACME.issuer, OTHER.issuer], connect=fresh.issuer_connect)
            assert fresh.connections == 1
            intermediate = presented(fresh)[-1]
        expected = hashlib.sha1(intermediate.public_bytes(Encoding.DER)).hexdigest()
        assert thumbprints == {ACME.issuer: expected, OTHER.issuer: expected}

    def test_a_workspace_that_it_does_not_know_has_no_thumbprint(self, bitbucket: EmulatedBitbucket) -> None:
        nobody = EmulatedWorkspace("nobody", ACME.uuid)
        with pytest.raises(IssuerError, match="status 404"):
            fetch_thumbprints([nobody.issuer], connect=bitbucket.issuer_connect)

    def test_another_emulated_bitbucket_is_not_believed(self, bitbucket: EmulatedBitbucket, tmp_path: Path) -> None:
        stranger = EmulatedBitbucket(tmp_path, [ACME])
        with pytest.raises(IssuerError, match="not trusted"):
            fetch_thumbprints([ACME.issuer], connect=IssuerConnect(bitbucket.address, stranger.ca_file))

    def test_clients_that_break_the_protocol_disturb_nobody(
        self, bitbucket: EmulatedBitbucket, capfd: pytest.CaptureFixture[str]
    ) -> None:
        endpoint = bitbucket.issuer_connect.endpoint
        silent = socket.create_connection(endpoint)
        with socket.create_connection(endpoint) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        impatient = Client(bitbucket)
        impatient.connect()
        impatient.sock.sendall(b"GET /")
        impatient.sock.close()
        client = Client(bitbucket)
        assert client.ask(f"{ACME_PATH}/keys.json")[0] == 200
        client.close()
        silent.close()
        assert capfd.readouterr() == ("", "")

    def test_leaving_it_ends_its_connections_and_frees_its_port(self, tmp_path: Path) -> None:
        with EmulatedBitbucket(tmp_path, [ACME]) as bitbucket:
            client = Client(bitbucket)
            assert client.ask(f"{ACME_PATH}/keys.json")[0] == 200
            port = int(bitbucket.address.partition(":")[2])
        assert client.sock.recv(1) == b""
        client.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        with pytest.raises(SandboxError, match="does not serve"):
            _ = bitbucket.address

    def test_a_port_that_is_taken_is_an_error_that_says_so(self, bitbucket: EmulatedBitbucket, tmp_path: Path) -> None:
        port = int(bitbucket.address.partition(":")[2])
        with (
            pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1:{port}"),
            EmulatedBitbucket(tmp_path, [ACME], port=port),
        ):
            pass


def presented(bitbucket: EmulatedBitbucket) -> list[x509.Certificate]:
    """Return what the host presents, without any verification."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    with socket.create_connection(bitbucket.issuer_connect.endpoint) as plain:
        connection = SSL.Connection(context, plain)
        connection.set_tlsext_host_name(HOST.encode())
        connection.set_connect_state()
        connection.do_handshake()
        return connection.get_peer_cert_chain(as_cryptography=True) or []


class TestLists:
    """Lists of the REST API, with the documented parameters."""

    @pytest.fixture
    def ask(self, tmp_path: Path) -> Iterator[Callable[[str], dict[str, Any]]]:
        repositories = tuple(
            EmulatedRepository(f"r{number}", f"{REPOSITORY[:-3]}{number:02}}}") for number in range(12)
        )
        behaviour = Behaviour(is_public=True)
        with EmulatedBitbucket(tmp_path, [replace(ACME, repositories=repositories)], behaviour=behaviour) as bitbucket:
            client = Client(bitbucket)
            yield lambda path: json.loads(client.ask(f"/2.0/repositories/{path}")[1])
            client.close()

    def test_fields_are_the_only_ones_of_an_answer(self, ask: Callable[[str], dict[str, Any]]) -> None:
        assert ask("acme?pagelen=1&fields=size,values.uuid,values.workspace.slug,values.nothing") == {
            "size": 12,
            "values": [{"uuid": f"{REPOSITORY[:-3]}00}}", "workspace": {"slug": "acme"}}],
        }
        assert ask("acme/r3?fields=slug,workspace") == {
            "slug": "r3",
            "workspace": {"type": "workspace", "uuid": ACME.uuid, "slug": "acme"},
        }
        assert ask("nobody?fields=size")["type"] == "error"

    def test_next_keeps_the_parameters_of_the_request(self, ask: Callable[[str], dict[str, Any]]) -> None:
        page = ask("acme?pagelen=5&fields=next,page")
        assert page["page"] == 1
        assert page["next"].endswith("/2.0/repositories/acme?pagelen=5&fields=next,page&page=2")
        assert ask("acme?pagelen=5&fields=next,page&page=3") == {"page": 3}
