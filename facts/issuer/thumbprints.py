"""Get the current chains of issuers for the lock, and warn of certificates that expire soon."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol, TypeAlias

from cryptography.x509 import Certificate

from config.findings import Fault, one_line
from config.lock.models import Lock, LockedCertificate, LockedIssuer
from config.models.defaults import FETCH
from config.models.inventory import Inventory
from facts.issuer.certificates import Chain
from oidc.bitbucket import issuer_url
from oidc.errors import IssuerError
from oidc.identifiers import WorkspaceSlug
from oidc.thumbprint import Thumbprint, thumbprint

WARN_BEFORE = timedelta(days=60)
_SUBJECT_CHARS = 200

FetchChain: TypeAlias = Callable[[str, Sequence[str]], Chain]
"""Returns the chain of an issuer, else of the first other issuer that answers; raises IssuerError."""


def issuers_of(
    workspaces: Mapping[str, Sequence[str]], former: Mapping[str, LockedIssuer], fetch: FetchChain, today: date
) -> tuple[dict[str, LockedIssuer], list[Fault]]:
    """Return the chain of each workspace's issuer, and the unreachable issuers, which keep their former chains.

    If the CAs are unchanged, the former chain is returned: the host's own certificate changes every few weeks, which
    does not matter.

    Args:
        workspaces: By slug, the slugs before a rename: until Bitbucket is renamed too, only their issuers answer.
        former: The issuers in the lock.
        fetch: Fetches the chain of an issuer.
        today: In UTC.
    """
    issuers: dict[str, LockedIssuer] = {}
    unreachable: list[Fault] = []
    for slug, previous in sorted(workspaces.items()):
        issuer, *alike = (issuer_url(WorkspaceSlug(name)) for name in (slug, *previous))
        try:
            seen = LockedIssuer(seen=today, chain=tuple(map(_locked, fetch(issuer, alike))))
        except IssuerError as error:
            unreachable.append(Fault("issuer-unreachable", ("workspaces", slug), error.what, error.do))
            if slug in former:
                issuers[slug] = former[slug]
            continue
        before = former.get(slug)
        issuers[slug] = before if before is not None and authorities(before) == authorities(seen) else seen
    return issuers, unreachable


def authorities(issuer: LockedIssuer) -> tuple[LockedCertificate, ...]:
    """Return the CAs of a chain, or its one certificate."""
    return issuer.chain[1:] or issuer.chain


def _locked(certificate: Certificate) -> LockedCertificate:
    try:
        subject = one_line(certificate.subject.rfc4514_string())[:_SUBJECT_CHARS]
    except ValueError:
        subject = "a malformed name"
    return LockedCertificate(
        subject=subject, thumbprint=thumbprint(certificate), not_after=certificate.not_valid_after_utc.date()
    )


def check_pinned(inventory: Inventory, issuers: Mapping[str, LockedIssuer], today: date) -> list[Fault]:
    """Warn of thumbprints that no issuer presents, or whose certificate expires soon.

    For `thumbprints: fetch`, AWS has the last certificate of the chain
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html).
    """
    pinned = inventory.defaults.thumbprints
    if pinned == FETCH:
        return [
            _ending(("workspaces", slug), issuer.chain[-1], "the certificate whose thumbprint `up` fetches")
            for slug, issuer in sorted(issuers.items())
            if issuer.chain[-1].not_after - today <= WARN_BEFORE
        ]
    if isinstance(pinned, str):
        return []
    presented = {certificate.thumbprint: certificate for issuer in issuers.values() for certificate in issuer.chain}
    faults: list[Fault] = []
    for index, value in enumerate(pinned if issuers else ()):
        path = ("defaults", "thumbprints", index)
        if value not in presented:
            message = f"no issuer presents a certificate with the thumbprint {value}"
            hint = "remove it when no OIDC provider needs it; the lock has the presented certificates"
            faults.append(Fault("pinned-thumbprint", path, message, hint))
        elif presented[value].not_after - today <= WARN_BEFORE:
            faults.append(_ending(path, presented[value], "this thumbprint's certificate"))
    return faults


def _ending(path: tuple[str | int, ...], certificate: LockedCertificate, what: str) -> Fault:
    message = f"{what} expires on {certificate.not_after} ({certificate.subject}, {certificate.thumbprint})"
    hint = "when the issuer presents the next certificate, run `lock` and then `up`"
    return Fault("pinned-thumbprint", path, message, hint)


class Fetch(Protocol):
    """The form of ``facts.issuer.certificates.fetch_thumbprints``."""

    def __call__(self, issuers: Collection[str], *, alike: Mapping[str, Sequence[str]] | None) -> dict[str, Thumbprint]:
        """Return the thumbprint for each issuer; raises IssuerError."""


@dataclass(frozen=True, slots=True)
class IssuerThumbprints:
    """The thumbprints by issuer, and the text of each warning."""

    by_issuer: dict[str, Thumbprint]
    warnings: tuple[str, ...]


def thumbprints_beside(
    lock: Lock,
    issuers: Collection[str],
    alike: Mapping[str, Sequence[str]],
    fetch: Fetch,
    today: date,
) -> IssuerThumbprints:
    """Return the thumbprint for each issuer, and the differences from the lock.

    The presented thumbprint is used, since AWS would see it; a different one in the lock is reported. If the fetch
    fails, the locked thumbprints are used for all issuers, provided the lock has all of them and none is expired.

    Args:
        lock: With the certificates that issuers presented when it was written.
        issuers: URLs.
        alike: For an issuer, the issuers of the same workspace under other slugs: their certificates may replace it.
        fetch: Fetches the thumbprints.
        today: In UTC.

    Raises:
        IssuerError: The fetch failed, and the lock cannot replace it.
    """
    locked = {issuer_url(WorkspaceSlug(slug)): issuer.chain[-1] for slug, issuer in lock.issuers.items()}
    known = {
        issuer: certificate for issuer in issuers if (certificate := _first(locked, (issuer, *alike.get(issuer, ()))))
    }
    try:
        presented = fetch(issuers, alike=alike)
    except IssuerError as error:
        if any(issuer not in known or known[issuer].not_after < today for issuer in issuers):
            raise
        warning = f"the thumbprints of inventory.lock.yaml are used, since they could not be fetched: {error.what}"
        return IssuerThumbprints({issuer: Thumbprint(known[issuer].thumbprint) for issuer in issuers}, (warning,))
    warnings = tuple(
        f"{issuer} presents another CA than inventory.lock.yaml has: its thumbprint is {current} "
        f"(was {known[issuer].thumbprint}); see `bitbucket-oidc lock --check`, then run `bitbucket-oidc lock`"
        for issuer, current in sorted(presented.items())
        if issuer in known and known[issuer].thumbprint != current
    )
    return IssuerThumbprints(presented, warnings)


def _first(locked: Mapping[str, LockedCertificate], issuers: Sequence[str]) -> LockedCertificate | None:
    return next((locked[issuer] for issuer in issuers if issuer in locked), None)
