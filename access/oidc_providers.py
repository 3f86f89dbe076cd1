"""Plan the OIDC providers of an account: one for each workspace that a role trusts or that the account keeps.

A renamed workspace also has one for each previous slug that the inventory still names.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from access.checks.locked_accounts import account_in_lock
from access.managed_by import ManagedBy
from access.plan import Mode, OidcProviderPlan, Thumbprints
from config.findings import Fault
from config.load import Loaded
from config.lock.models import LockedOidcProvider
from config.models.account import Account, OidcProviderMode
from config.models.workspace import Workspace
from oidc.arn import oidc_provider_arn
from oidc.bitbucket import default_audience, issuer_url
from oidc.identifiers import AccountId, BitbucketUuid, WorkspaceSlug
from oidc.limits import CLIENT_IDS_PER_OIDC_PROVIDER, OIDC_PROVIDER_URL_CHARS


def oidc_provider_plans(
    key: str, account: Account, trusted: AbstractSet[str], loaded: Loaded
) -> tuple[OidcProviderPlan, ...]:
    """Return the OIDC providers of one account, sorted by workspace."""
    workspaces = loaded.inventory.workspaces
    wanted = [
        (slug, WorkspaceSlug(current))
        for current in trusted | set(account.keep_oidc_providers)
        if current in workspaces and workspaces[current].uuid is not None
        for slug in (current, *workspaces[current].previous_slugs)
    ]
    return tuple(_plan(key, account, slug, current, loaded) for slug, current in sorted(wanted))


def check_oidc_providers(
    key: str, account: Account, plans: Iterable[OidcProviderPlan], loaded: Loaded
) -> Iterator[Fault]:
    """Yield OIDC providers that IAM refuses, and those whose mode the lock does not say."""
    for plan in plans:
        current = plan.renamed_to or plan.workspace
        audiences = _declared_audiences(loaded.inventory.workspaces[current])
        if len(audiences) > CLIENT_IDS_PER_OIDC_PROVIDER:
            most = f"IAM takes {CLIENT_IDS_PER_OIDC_PROVIDER} for an OIDC provider"
            message = f"{len(audiences)} audiences including the workspace's own, and {most}"
            hint = "remove those that no step asks for; this limit cannot be raised"
            yield Fault("size-limit", ("workspaces", current, "audiences"), message, hint)
        if len(plan.url) > OIDC_PROVIDER_URL_CHARS:
            message = f"the issuer's URL has {len(plan.url)} characters, and IAM takes {OIDC_PROVIDER_URL_CHARS}"
            fitting = len(plan.workspace) - len(plan.url) + OIDC_PROVIDER_URL_CHARS
            hint = f"write the slug that Bitbucket shows; at most {fitting} characters fit"
            previous = ("previous_slugs", plan.workspace) if plan.renamed_to is not None else ()
            yield Fault("size-limit", ("workspaces", current, *previous), message, hint, of_key=True)
        yield from _check_answer(key, account, plan.workspace, loaded)


def _plan(key: str, account: Account, slug: str, current: WorkspaceSlug, loaded: Loaded) -> OidcProviderPlan:
    workspace = loaded.inventory.workspaces[current]
    answer = _answer(key, account, slug, loaded)
    mode = _mode(_wanted(account, loaded), answer) or "create"
    return OidcProviderPlan(
        workspace=WorkspaceSlug(slug),
        workspace_uuid=BitbucketUuid(workspace.uuid or ""),
        url=issuer_url(WorkspaceSlug(slug)),
        arn=oidc_provider_arn(account.partition, AccountId(account.id), WorkspaceSlug(slug)),
        audiences=_audiences(_declared_audiences(workspace), mode, answer),
        thumbprints=_thumbprints(loaded.inventory.defaults.thumbprints),
        mode=mode,
        tags=dict(sorted(loaded.inventory.defaults.tags.items())),
        renamed_to=current if slug != current else None,
    )


def _declared_audiences(workspace: Workspace) -> tuple[str, ...]:
    """Return the workspace's own audience, then the others."""
    own = default_audience(BitbucketUuid(workspace.uuid or ""))
    return (own, *sorted(set(workspace.audiences) - {own}))


def _thumbprints(thumbprints: Thumbprints) -> Thumbprints:
    return thumbprints if isinstance(thumbprints, str) else tuple(sorted(set(thumbprints)))


def _wanted(account: Account, loaded: Loaded) -> OidcProviderMode:
    return account.oidc_provider or loaded.inventory.defaults.oidc_provider


def _answer(key: str, account: Account, slug: str, loaded: Loaded) -> LockedOidcProvider | None:
    locked = account_in_lock(key, account, loaded)
    return locked.oidc_providers.get(slug) if locked is not None else None


def _mode(wanted: OidcProviderMode, answer: LockedOidcProvider | None) -> Mode | None:
    """Return the mode of an OIDC provider, or ``None`` if the lock does not say it.

    For ``auto`` the lock says the mode. If a hand-written lock does not say it, ``auto`` adopts an existing OIDC
    provider and creates a missing one.
    """
    if wanted is OidcProviderMode.REFERENCE:
        return "reference"
    if wanted is OidcProviderMode.CREATE:
        return "create"
    if answer is None:
        return None
    if wanted is OidcProviderMode.AUTO and (answer.use is not None or answer.owner is not None):
        return answer.use  # if empty, AWS was asked about another mode; the owner decides, so AWS must be asked again
    if answer.state == "present":
        return "adopt"
    return "create" if wanted is OidcProviderMode.AUTO else None


def _check_answer(key: str, account: Account, slug: str, loaded: Loaded) -> Iterator[Fault]:
    wanted, answer = _wanted(account, loaded), _answer(key, account, slug, loaded)
    if _mode(wanted, answer) is not None:
        return
    absent = answer is not None and wanted is OidcProviderMode.ADOPT
    locked = loaded.lock.lock.accounts.get(key)
    is_reported = loaded.lock.is_broken or (locked is not None and locked.id != account.id)
    if absent or not is_reported:
        which = f"the OIDC provider of workspace {slug} in account {account.id}"
        problem = f"{which} does not exist" if absent else f"the lock does not have {which}"
        message = f"oidc_provider is {wanted}, but {problem}"
        hint = "run `bitbucket-oidc lock --aws`, or write create or reference"
        at = ("accounts", key, "oidc_provider") if account.oidc_provider else ("defaults", "oidc_provider")
        yield Fault("needs-lock", at, message, hint)


def _audiences(declared: tuple[str, ...], mode: Mode, answer: LockedOidcProvider | None) -> tuple[str, ...]:
    """Return the audiences of an OIDC provider; for one that is not changed, those that the lock recorded."""
    if mode == "create" or answer is None or answer.owner is None:
        return declared
    own = declared[0]
    return (*(audience for audience in (own,) if audience in answer.audiences), *sorted(set(answer.audiences) - {own}))


_OF_OTHERS: frozenset[ManagedBy] = frozenset({"cloudformation", "terraform"})


def resolved_use(mode: OidcProviderMode, owner: ManagedBy | None, before: LockedOidcProvider | None) -> Mode | None:
    """Return the value of ``use`` for the lock, or ``None`` to leave it out.

    An earlier decision of ``auto`` stays as long as it fits the OIDC provider in AWS. A provider that others manage
    with a tool is left to them. A provider made by hand is adopted. A provider of this program that no lock knows is
    adopted too: the stack that made it has it already, and another stack must not make it again.

    Args:
        mode: Mode in the inventory. The lock remembers a provider made by `create`, so that `auto` keeps the mode.
        owner: Owner of the provider in AWS, or ``None`` if none exists.
        before: The previous entry of the lock.
    """
    former = former_use(before)
    match mode:
        case OidcProviderMode.ADOPT:
            return "adopt" if owner is not None else None
        case OidcProviderMode.AUTO:
            return former if former is not None and _fits(former, owner) else _afresh(owner)
        case OidcProviderMode.CREATE if owner == "this_program":
            return "create"
        case OidcProviderMode.CREATE if owner is not None and before is not None:
            return before.use  # an adopted provider may become a managed one
        case _:
            return None


def former_use(before: LockedOidcProvider | None) -> Mode | None:
    """Return the decision of ``auto`` in a lock. Without one, a hand-written lock says if the provider exists."""
    if before is None or before.use is not None:
        return before.use if before is not None else None
    if before.owner is not None:
        return None
    return "adopt" if before.state == "present" else "create"


def _fits(use: Mode, owner: ManagedBy | None) -> bool:
    """Tell whether a use fits the owner: it would be chosen now, or it made this program the owner."""
    if use == "create":
        return owner in (None, "this_program")
    return use == _afresh(owner)


def _afresh(owner: ManagedBy | None) -> Mode:
    if owner is None:
        return "create"
    return "reference" if owner in _OF_OTHERS else "adopt"


def why(owner: ManagedBy | None) -> str:
    """Describe the owner, for a message about a changed use."""
    return {
        None: "none exists",
        "this_program": "this program created it",
        "cloudformation": "CloudFormation manages it",
        "terraform": "Terraform manages it",
        "unknown": "it exists, and its tags name no tool that manages it",
    }[owner]
