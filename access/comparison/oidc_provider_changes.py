"""What changes about the OIDC providers of an account: without them nobody gets into any role there."""

from collections.abc import Iterator

from access.comparison.changes import Change, Effect
from access.comparison.detail_changes import oidc_provider_details
from access.comparison.view import AccountView, OidcProviderView


def oidc_provider_changes(before: AccountView, after: AccountView) -> Iterator[Change]:
    """Compare the OIDC providers of one account, by their ARNs.

    Who may assume what is said of roles; an OIDC provider alone lets nobody in.
    """
    old = {found.arn: found for found in before.oidc_providers}
    new = {found.arn: found for found in after.oidc_providers}
    for arn in sorted(old.keys() | new.keys()):
        one, other = old.get(arn), new.get(arn)
        if one is None and other is not None:
            message = f"OIDC provider of {other.workspace} is new ({other.mode})"
            yield Change("oidc-provider-added", Effect.NONE, after.key, None, arn, message)
        elif other is None and one is not None:
            ours = "stays, since it is somebody else's" if one.mode == "reference" else "is deleted"
            message = f"OIDC provider of {one.workspace} is no longer in the plan, and {ours}"
            yield Change("oidc-provider-removed", Effect.NONE, after.key, None, arn, message)
        elif one is not None and other is not None and one != other:
            for kind, effect, message in _changes(one, other):
                yield Change(kind, effect, after.key, None, arn, f"OIDC provider of {other.workspace}: {message}")
            yield from oidc_provider_details(after, one, other)


def _changes(old: OidcProviderView, new: OidcProviderView) -> Iterator[tuple[str, Effect, str]]:
    came, gone = sorted(set(new.audiences) - set(old.audiences)), sorted(set(old.audiences) - set(new.audiences))
    if came:
        yield "audiences-added", Effect.NONE, f"takes the audience {', '.join(came)}, too; roles say who may use it"
    if gone:
        message = f"no longer takes the audience {', '.join(gone)}: steps that ask for it get into no role"
        yield "audiences-removed", Effect.BREAKS, message
    if old.mode != new.mode:
        if new.mode == "reference":
            message = (
                f"{new.mode}, until now {old.mode}: Pulumi deletes what it made, and then nobody gets in; take it out "
                "of the stack's state first"
            )
            yield "mode-changed", Effect.BREAKS, message
        else:
            yield "mode-changed", Effect.NONE, f"{new.mode}, until now {old.mode}"
    if old.thumbprints != new.thumbprints:
        message = f"thumbprints {_shown(new.thumbprints)}, until now {_shown(old.thumbprints)}"
        yield "thumbprints-changed", Effect.NONE, message


def _shown(thumbprints: str | list[str]) -> str:
    return thumbprints if isinstance(thumbprints, str) else ", ".join(thumbprints)
