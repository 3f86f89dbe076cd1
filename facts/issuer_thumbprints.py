"""The thumbprints of a run: those that issuers present, and where they cannot be asked, those that the lock has."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from config.lock.models import Lock, LockedCertificate
from oidc.errors import IssuerError
from oidc.identifiers import WorkspaceSlug
from oidc.issuer import issuer_url
from oidc.thumbprint import Thumbprint


class Fetch(Protocol):
    """Asks issuers, as ``facts.issuer_certificates.fetch_thumbprints`` does."""

    def __call__(self, issuers: Collection[str], *, alike: Mapping[str, Sequence[str]] | None) -> dict[str, Thumbprint]:
        """Return the thumbprint for each issuer; raises IssuerError."""


@dataclass(frozen=True, slots=True)
class FoundThumbprints:
    """By issuer, and a sentence for each thing that somebody should know."""

    by_issuer: dict[str, Thumbprint]
    warnings: tuple[str, ...]


def thumbprints_beside(
    lock: Lock,
    issuers: Collection[str],
    alike: Mapping[str, Sequence[str]],
    fetch: Fetch,
    today: date,
) -> FoundThumbprints:
    """Return the thumbprint for each issuer, and what of it is otherwise than the lock says.

    What is presented is used, since it is what AWS would see; it is told where the lock has another. Where the fetch
    fails, what was locked is used for all of them, if it has all, and none has ended.

    Args:
        lock: With the certificates that issuers presented when it was written.
        issuers: URLs.
        alike: For an issuer, those of the same workspace under other slugs: their certificates stand in.
        fetch: Asks them.
        today: In UTC.

    Raises:
        IssuerError: The fetch failed, and the lock cannot stand in.
    """
    locked = {issuer_url(WorkspaceSlug(slug)): found.chain[-1] for slug, found in lock.issuers.items()}
    known = {issuer: one for issuer in issuers if (one := _first(locked, (issuer, *alike.get(issuer, ()))))}
    try:
        presented = fetch(issuers, alike=alike)
    except IssuerError as error:
        if any(issuer not in known or known[issuer].not_after < today for issuer in issuers):
            raise
        warning = f"the thumbprints are those of inventory.lock.yaml, since they could not be fetched: {error.what}"
        return FoundThumbprints({issuer: Thumbprint(known[issuer].thumbprint) for issuer in issuers}, (warning,))
    warnings = tuple(
        f"{issuer} presents another CA than inventory.lock.yaml has: its thumbprint is {found}, and was "
        f"{known[issuer].thumbprint}; run `bitbucket-oidc lock`, and look whether `lock --check` tells more"
        for issuer, found in sorted(presented.items())
        if issuer in known and known[issuer].thumbprint != found
    )
    return FoundThumbprints(presented, warnings)


def _first(locked: Mapping[str, LockedCertificate], issuers: Sequence[str]) -> LockedCertificate | None:
    return next((locked[issuer] for issuer in issuers if issuer in locked), None)
