"""Thumbprints beside a lock: what is presented is used, and told where it differs; what was locked stands in for it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from config.lock import Lock
from facts.issuer.thumbprints import IssuerThumbprints, thumbprints_beside
from oidc.bitbucket import issuer_url
from oidc.errors import IssuerError
from oidc.identifiers import WorkspaceSlug
from oidc.thumbprint import Thumbprint

ACME, OLD, OTHER = (issuer_url(WorkspaceSlug(slug)) for slug in ("acme", "acme-old", "other"))
LEAF, LOCKED, NEW = "a" * 40, "b" * 40, "c" * 40
TODAY = date(2026, 11, 27)


def lock(ends: str = "2031-01-01") -> Lock:
    chain = [{"subject": "CN=leaf", "thumbprint": LEAF, "not_after": "2026-12-01"}]
    chain.append({"subject": "CN=CA", "thumbprint": LOCKED, "not_after": ends})
    return Lock.model_validate({"issuers": {"acme": {"seen": "2026-01-01", "chain": chain}}})


def thumbprints(locked: Lock, presented: str | None, *issuers: str, alike: Any = None) -> IssuerThumbprints:
    def fetch(issuers: Collection[str], *, alike: Mapping[str, Sequence[str]] | None) -> dict[str, Thumbprint]:
        if presented is None:
            raise IssuerError("the issuer could not be fetched", do="check the network")
        return dict.fromkeys(issuers, Thumbprint(presented))

    return thumbprints_beside(locked, issuers or (ACME,), alike or {}, fetch, TODAY)


@pytest.mark.parametrize("locked", [lock(), Lock()], ids=["locked", "no lock"])
def test_the_presented_thumbprint_is_used(locked: Lock) -> None:
    assert thumbprints(locked, LOCKED) == IssuerThumbprints({ACME: Thumbprint(LOCKED)}, ())


def test_a_thumbprint_that_differs_from_the_lock_is_used_with_a_warning() -> None:
    result = thumbprints(lock(), NEW)
    assert result.by_issuer == {ACME: NEW}
    (warning,) = result.warnings
    assert f"its thumbprint is {NEW} (was {LOCKED}); see `bitbucket-oidc lock --check`" in warning


def test_a_fetch_that_fails_falls_back_to_the_lock_with_a_warning() -> None:
    result = thumbprints(lock(), None)
    assert result.by_issuer == {ACME: LOCKED}
    (warning,) = result.warnings
    assert warning.startswith("the thumbprints of inventory.lock.yaml are used, since they could not be fetched: the ")


def test_the_issuer_of_a_previous_slug_falls_back_to_the_current_issuer() -> None:
    assert thumbprints(lock(), None, ACME, OLD, alike={OLD: (ACME,)}).by_issuer == {ACME: LOCKED, OLD: LOCKED}


@pytest.mark.parametrize(
    ("locked", "issuers"),
    [(Lock(), (ACME,)), (lock(), (ACME, OTHER)), (lock(ends="2026-11-26"), (ACME,))],
    ids=["no lock", "not all are locked", "a locked certificate has expired"],
)
def test_a_fetch_that_fails_ends_the_run_if_the_lock_cannot_replace_it(locked: Lock, issuers: tuple[str, ...]) -> None:
    with pytest.raises(IssuerError, match="could not be fetched"):
        thumbprints(locked, None, *issuers)
