"""The settings that the parent passes to the emulator: the issuer's address, and the quotas of each account."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from oidc.errors import SandboxError
from oidc.limits import Quota
from sandbox.emulated_aws.weather import WeatherChoice

SOURCE_IP_HEADER = "x-sandbox-source-ip"
"""Request header with the address of a call, for ``aws:SourceIp``: ``203.0.113.7``."""

SOURCE_VPCE_HEADER = "x-sandbox-source-vpce"
"""Request header with the VPC endpoint of a call, for ``aws:SourceVpce``: ``vpce-0123456789abcdef0``. Such a call has
no address."""


CALM_AGENT = "sandbox-calm/1"
"""Part of the user agent of calls that meet no weather: those that prepare or read accounts as their root."""


@dataclass(frozen=True)
class IssuerEndpoint:
    """The address at which the emulated Bitbucket serves every issuer over TLS.

    Attributes:
        address: ``127.0.0.1:PORT``. Connections to every issuer go there, with the issuer's host in the TLS handshake.
        ca_file: PEM file of the certificate authority that signed its certificate. It replaces AWS's library of
            trusted authorities, so a token is never accepted because of a thumbprint
            (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html).
    """

    address: str
    ca_file: Path

    def host_and_port(self) -> tuple[str, int]:
        """Split the address: ``("127.0.0.1", 8443)``.

        Raises:
            SandboxError: The address is not ``HOST:PORT``.
        """
        host, separator, port = self.address.rpartition(":")
        if not (separator and host and port.isdecimal()):
            raise SandboxError(
                f"the issuer's address is HOST:PORT, not {self.address!r}", do="give for example 127.0.0.1:8443"
            )
        return host, int(port)


@dataclass(frozen=True)
class EmulatorSettings:
    """The settings of the child, a JSON file given by ``--settings``.

    Attributes:
        issuers: The endpoint of all issuers; ``None`` if no issuer can be reached.
        quotas: Quotas that differ from the defaults, by account id and key: ``{"222222222222": {"roles": 5000}}``.
        more_services: Services of ministack besides IAM and STS: ``("cloudformation",)``.
        weather: The weather; ``None`` if every call is answered at once.
    """

    issuers: IssuerEndpoint | None = None
    quotas: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    more_services: tuple[str, ...] = ()
    weather: WeatherChoice | None = None

    def quota_of(self, account: str, quota: Quota) -> int:
        """Return a quota of the account with this id."""
        return self.quotas.get(account, {}).get(quota.key, quota.default)

    def to_json(self) -> str:
        """Write the settings: ``{"issuers": {"address": "127.0.0.1:8443", "ca_file": "…"}, "quotas": {…}, …}``."""
        issuers = self.issuers and {"address": self.issuers.address, "ca_file": str(self.issuers.ca_file)}
        quotas = {account: dict(quotas) for account, quotas in self.quotas.items()}
        weather = self.weather and {"name": self.weather.name, "seed": self.weather.seed}
        settings = {"issuers": issuers, "quotas": quotas, "more_services": self.more_services, "weather": weather}
        return json.dumps(settings)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote.

        Raises:
            SandboxError: The text does not have this form.
        """
        try:
            parsed: dict[str, Any] = json.loads(text)
            issuers, weather = parsed["issuers"], parsed["weather"]
            return cls(
                issuers and IssuerEndpoint(issuers["address"], Path(issuers["ca_file"])),
                {account: dict(quotas) for account, quotas in parsed["quotas"].items()},
                tuple(map(str, parsed["more_services"])),
                weather and WeatherChoice(str(weather["name"]), int(weather["seed"])),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SandboxError(
                f"the settings of the emulated AWS accounts cannot be read: {error!r}",
                do="write them with EmulatorSettings.to_json",
            ) from error


_PASSED_ON = frozenset({"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH"})
"""Variables that Python may need to start; all others (``AWS_*``, proxies, ``DOCKER_HOST``, …) are not passed on."""

RUNNING_MARKER = "running"
"""A file in the emulator's folder that exists from its start to the end of a clean shutdown."""

STATE_FOLDER = "state"
"""Folder of the state that ministack saves."""

TEMPORARY_FOLDER = "tmp"
"""Folder of temporary files."""

_SERVICES = ("iam", "sts", "organizations")


def clean_environment(folder: Path, inherited: Mapping[str, str], more_services: Sequence[str] = ()) -> dict[str, str]:
    """Return all environment variables of an emulator with this folder, an absolute path.

    ``HOME`` is that folder, so no AWS configuration file is found. ``DOCKER_HOST`` names a socket that does not exist:
    otherwise ministack looks for a Docker daemon and removes containers that look like its own.
    """
    passed_on = {name: value for name, value in inherited.items() if name in _PASSED_ON}
    return passed_on | {
        "HOME": str(folder),
        "TMPDIR": str(folder / TEMPORARY_FOLDER),
        "DOCKER_HOST": f"unix://{folder / 'no-docker.sock'}",
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / STATE_FOLDER),
        "SERVICES": ",".join((*_SERVICES, *more_services)),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_WORKER_THREADS": "4",
    }
