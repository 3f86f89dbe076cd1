"""Compare the trust in a role: gained lines, lost lines and changed conditions."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import Any

from access.comparison.admission import EVERYWHERE, Admitted, Within, line_of, not_covered, readable_admissions
from access.comparison.changes import Change, Effect, UnplacedChange
from access.comparison.permission_changes import EMPTY, document_changes
from access.comparison.view import AccountView, RoleView, own_audiences
from access.trust_in_words import line_in_words
from oidc.iam.document import parse

NEVER = "never"


def gained_and_lost(
    account: AccountView, role: RoleView, admitted: Iterable[Admitted], *, gained: bool
) -> Iterator[Change]:
    """Yield one change for each line of trust that is gained or lost."""
    for (_, _), group in groupby(sorted(admitted), key=lambda tokens: (tokens.workspace, tokens.subject_pattern)):
        group_tokens = list(group)
        line = line_of(role, group_tokens[0])
        wide = line.grade != "environment-bound"
        audiences = [tokens.audience for tokens in group_tokens]
        own = own_audiences(account).get(line.workspace)
        who = line_in_words(line, [] if audiences == [own] else audiences)
        effect = (Effect.WIDENING if wide else Effect.GAIN) if gained else Effect.LOSS
        verb = "may now assume it" if gained else "may no longer assume it"
        kind = "trust-gained" if gained else "trust-lost"
        message = f"{who} {verb} ({line.grade})"
        yield Change(kind, effect, account.key, role.key, role.arn, message, who, line.grade)


def trust_changes(before: tuple[AccountView, RoleView], after: tuple[AccountView, RoleView]) -> Iterator[Change]:
    """Compare the tokens that two states of one role admit.

    AWS may have a trust policy that somebody else wrote; then the statements are compared, not the tokens.
    """
    old, new = readable_admissions(before[1]), readable_admissions(after[1])
    if old is None or new is None:
        yield from _rewritten(before[1].trust_policy, after)
        return
    gained = list(gained_and_lost(*after, not_covered(new, old), gained=True))
    lost = list(gained_and_lost(*before, not_covered(old, new), gained=False))
    # Equal names on both sides may have different UUIDs: without the UUIDs a reader would see no change.
    same_words = {change.who for change in gained} & {change.who for change in lost}
    yield from (_with_uuids(change, after[1]) if change.who in same_words else change for change in gained)
    yield from (_with_uuids(change, before[1]) if change.who in same_words else change for change in lost)
    account, role = after
    for kind, effect, message in sorted(_conditions(old, new)):
        yield Change(kind, effect, account.key, role.key, role.arn, message)
    yield from _names(before[1], after)


def _rewritten(old: Mapping[str, Any], after: tuple[AccountView, RoleView]) -> Iterator[Change]:
    """Compare two trust policies by their statements; what is not surely a loss counts as wider."""
    account, role = after
    for _, effect, message in document_changes("trust policy", parse(old), parse(role.trust_policy)):
        kind, effect_here = ("trust-lost", effect) if effect is Effect.LOSS else ("trust-gained", Effect.WIDENING)
        yield Change(kind, effect_here, account.key, role.key, role.arn, message)


def whole_trust(account: AccountView, role: RoleView, *, gained: bool) -> Iterator[Change]:
    """Yield the trust of a role that is new, or that is deleted."""
    if (admitted := readable_admissions(role)) is not None:
        yield from gained_and_lost(account, role, admitted, gained=gained)
    elif gained:
        yield from _rewritten(EMPTY, (account, role))
    else:
        emptied = role.model_copy(update={"trust_policy": EMPTY})
        yield from _rewritten(role.trust_policy, (account, emptied))


def _with_uuids(change: Change, role: RoleView) -> Change:
    named = [line for line in role.trust if (change.who or "").startswith(line_in_words(line))]
    patterns = sorted({line.subject_pattern for line in named})
    return (
        replace(change, message=f"{change.message}; subject pattern {' and '.join(patterns)}") if patterns else change
    )


def _conditions(old: Mapping[Admitted, Within], new: Mapping[Admitted, Within]) -> Iterator[UnplacedChange]:
    """Compare the other conditions of tokens that are admitted before and after.

    A change for tokens of only some issuers names them: trust in a workspace's previous slug ends.
    """
    pairs = {(earlier, later) for later in new if (earlier := _same(later, old)) is not None}
    pairs |= {(earlier, later) for earlier in old if (later := _same(earlier, new)) is not None}
    workspaces_of: dict[UnplacedChange, set[str]] = {}
    for workspace, before, after in {(later.workspace, old[earlier], new[later]) for earlier, later in pairs}:
        for change in _changed(before, after):
            workspaces_of.setdefault(change, set()).add(workspace)
    all_workspaces = {tokens.workspace for tokens in new}
    for (kind, effect, message), workspaces in workspaces_of.items():
        yield kind, effect, _of_some(message, workspaces, all_workspaces)


def _of_some(text: str, workspaces: AbstractSet[str], all_workspaces: AbstractSet[str]) -> str:
    return text if workspaces == all_workspaces else f"for tokens of {' and '.join(sorted(workspaces))}: {text}"


def _changed(before: Within, after: Within) -> Iterator[UnplacedChange]:
    yield from _origins(before.origins, after.origins)
    yield from _end(before.end, after.end)
    for text in sorted(after.others - before.others):
        yield "conditions-added", Effect.LOSS, f"now also requires {text}"
    for text in sorted(before.others - after.others):
        yield "conditions-removed", Effect.WIDENING, f"no longer requires {text}"


def _same(tokens: Admitted, among: Mapping[Admitted, Within]) -> Admitted | None:
    if tokens in among:
        return tokens
    return next((other for other in sorted(among) if other.covers(tokens)), None)


def _origins(before: frozenset[str], after: frozenset[str]) -> Iterator[UnplacedChange]:
    if before == after:
        return
    if after == EVERYWHERE:
        message = f"may be assumed from every address (was only from {_listed(before)})"
        yield "addresses-removed", Effect.WIDENING, message
    elif before == EVERYWHERE:
        message = f"may be assumed only from {_listed(after)} (was from every address)"
        yield "addresses-added", Effect.LOSS, message
    else:
        if came := after - before:
            yield "addresses-gained", Effect.GAIN, f"may now also be assumed from {_listed(came)}"
        if gone := before - after:
            yield "addresses-lost", Effect.LOSS, f"may no longer be assumed from {_listed(gone)}"


def _end(before: str, after: str) -> Iterator[UnplacedChange]:
    if before == after:
        return
    if after == NEVER:
        yield "end-removed", Effect.WIDENING, f"no last day (was {_last(before)})"
    elif before == NEVER:
        yield "end-added", Effect.LOSS, f"last day {_last(after)} (was none)"
    elif after > before:
        yield "end-later", Effect.GAIN, f"last day {_last(after)} (was {_last(before)})"
    else:
        yield "end-earlier", Effect.LOSS, f"last day {_last(after)} (was {_last(before)})"


def _last(end: str) -> str:
    """Return the last day of access, as an inventory writes it, if a day ends at ``end``; else the last moment."""
    try:
        moment = datetime.fromisoformat(end)
    except ValueError:
        return f"until {end}"
    if moment.utcoffset() != timedelta() or moment.time() != time():
        return f"until {end}"
    return (moment.date() - timedelta(days=1)).isoformat()


_SHOWN = 5


def _listed(values: frozenset[str]) -> str:
    shown = sorted(values)[:_SHOWN]
    further = len(values) - len(shown)
    return ", ".join(shown) + (f" and {further} more" if further else "")


def conditions_in_words(role: RoleView) -> list[str]:
    """Describe the other conditions of a role: ``only from 203.0.113.0/24``, ``last day 2027-01-31``."""
    conditions = {(tokens.workspace, within) for tokens, within in (readable_admissions(role) or {}).items()}
    workspaces_of: dict[str, set[str]] = {}
    for workspace, within in conditions:
        if within.origins != EVERYWHERE:
            workspaces_of.setdefault(f"only from {_listed(within.origins)}", set()).add(workspace)
        if within.end != NEVER:
            workspaces_of.setdefault(f"last day {_last(within.end)}", set()).add(workspace)
    all_workspaces = {workspace for workspace, _ in conditions}
    return sorted(_of_some(text, workspaces, all_workspaces) for text, workspaces in workspaces_of.items())


def _names(old: RoleView, after: tuple[AccountView, RoleView]) -> Iterator[Change]:
    """Yield repositories and environments with a new name; the UUIDs decide, so access does not change."""
    account, role = after
    was = {(line.workspace, line.subject_pattern): line for line in old.trust}
    for line in role.trust:
        before = was.get((line.workspace, line.subject_pattern))
        if before is not None and (old_words := line_in_words(before)) != (new_words := line_in_words(line)):
            message = f"{old_words} is now called {new_words}; the UUIDs are the same"
            yield Change("name-changed", Effect.NONE, account.key, role.key, role.arn, message)
