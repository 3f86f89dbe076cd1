"""What an issuer's chain looks like, for the lock, and what of it ends soon."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from config.lock.models import LockedCertificate, LockedIssuer
from config.models.inventory import Inventory
from facts.issuer.certificates import Chain
from facts.issuer.thumbprints import check_pinned, issuers_of
from oidc.bitbucket import issuer_url
from oidc.errors import IssuerError
from oidc.identifiers import WorkspaceSlug
from oidc.thumbprint import thumbprint
from sandbox.emulated_bitbucket.certificates import issue_host_certificate, make_authority

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
TODAY = NOW.date()
AUTHORITY = make_authority(NOW)


def chain(now: datetime = NOW) -> Chain:
    return (issue_host_certificate(AUTHORITY, "api.bitbucket.org", AUTHORITY.key, now), AUTHORITY.intermediate)


def test_each_certificate_is_recorded_with_its_last_day() -> None:
    issuers, unreachable = issuers_of({"acme": ()}, {}, lambda *_: chain(), TODAY)
    assert unreachable == []
    assert issuers["acme"].seen == TODAY
    leaf, authority = issuers["acme"].chain
    assert (leaf.subject, leaf.not_after) == ("CN=api.bitbucket.org", TODAY + timedelta(days=90))
    assert authority.subject == "CN=Emulated Bitbucket Intermediate CA"
    assert authority.thumbprint == thumbprint(AUTHORITY.intermediate)


def test_a_new_certificate_of_the_host_is_no_change_and_a_new_ca_is() -> None:
    former, _ = issuers_of({"acme": ()}, {}, lambda *_: chain(), TODAY)
    later = NOW + timedelta(days=30)
    assert issuers_of({"acme": ()}, former, lambda *_: chain(later), later.date())[0] == former
    other = make_authority(NOW)
    host = issue_host_certificate(other, "api.bitbucket.org", other.key, later)
    issuers, _ = issuers_of({"acme": ()}, former, lambda *_: (host, other.intermediate), later.date())
    assert issuers["acme"].seen == later.date()


def test_an_unreachable_issuer_keeps_its_chain_with_a_warning() -> None:
    def fails(issuer: str, alike: Sequence[str]) -> Chain:
        raise IssuerError(f"{issuer} could not be fetched", do="check the network")

    former, _ = issuers_of({"acme": ()}, {}, lambda *_: chain(), TODAY)
    issuers, unreachable = issuers_of({"acme": (), "new": ()}, former, fails, TODAY)
    assert issuers == former
    assert [(fault.rule, fault.level, fault.path[1]) for fault in unreachable] == [
        ("issuer-unreachable", "warning", "acme"),
        ("issuer-unreachable", "warning", "new"),
    ]


def test_the_issuer_of_a_previous_slug_is_used_until_bitbucket_is_renamed() -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    def fetch(issuer: str, alike: Sequence[str]) -> Chain:
        asked.append((issuer, alike))
        return chain()

    issuers_of({"acme": ("acme-old",)}, {}, fetch, TODAY)
    assert asked == [(issuer_url(WorkspaceSlug("acme")), [issuer_url(WorkspaceSlug("acme-old"))])]


def issuer(days: int) -> dict[str, LockedIssuer]:
    ends = TODAY + timedelta(days=days)
    leaf = LockedCertificate(subject="CN=leaf", thumbprint="a" * 40, not_after=TODAY + timedelta(days=5))
    return {
        "acme": LockedIssuer(
            seen=TODAY, chain=(leaf, LockedCertificate(subject="CN=CA", thumbprint="b" * 40, not_after=ends))
        )
    }


@pytest.mark.parametrize(
    ("pinned", "days", "says"),
    [
        (["b" * 40], 61, None),
        (["b" * 40], 60, "this thumbprint's certificate expires on"),
        (["c" * 40], 999, f"no issuer presents a certificate with the thumbprint {'c' * 40}"),
        ("fetch", 61, None),
        ("fetch", 10, "the certificate whose thumbprint `up` fetches expires on"),
        ("omit", 1, None),
    ],
)
def test_a_pinned_ca_that_expires_soon_is_a_warning(pinned: object, days: int, says: str | None) -> None:
    inventory = Inventory.model_validate({"defaults": {"thumbprints": pinned}})
    faults = check_pinned(inventory, issuer(days), TODAY)
    assert [fault.rule for fault in faults] == (["pinned-thumbprint"] if says else [])
    assert all(says in fault.message for fault in faults if says)


def test_without_issuers_pinned_thumbprints_give_no_warning() -> None:
    inventory = Inventory.model_validate({"defaults": {"thumbprints": ["c" * 40]}})
    assert check_pinned(inventory, {}, date(2026, 11, 1)) == []
