"""Compare the trust in a role: gained lines, lost lines and changed conditions."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import groupby

from access.comparison.admission import EVERYWHERE, Admitted, Within, admissions, line_of, not_covered
from access.comparison.changes import Change, Effect
from access.comparison.view import AccountView, RoleView, own_audiences
from access.trust_in_words import line_in_words

NEVER = "never"


def gained_and_lost(
    account: AccountView, role: RoleView, these: Iterable[Admitted], *, gained: bool
) -> Iterator[Change]:
    """Yield one change for each line of trust that is gained or lost."""
    for (_, _), group in groupby(sorted(these), key=lambda one: (one.workspace, one.subject_pattern)):
        found = list(group)
        line = line_of(role, found[0])
        wide = line.grade != "environment-bound"
        audiences = [one.audience for one in found]
        own = own_audiences(account).get(line.workspace)
        who = line_in_words(line, [] if audiences == [own] else audiences)
        effect = (Effect.WIDENING if wide else Effect.GAIN) if gained else Effect.LOSS
        verb = "may now assume it" if gained else "may no longer assume it"
        kind = "trust-gained" if gained else "trust-lost"
        message = f"{who} {verb} ({line.grade})"
        yield Change(kind, effect, account.key, role.key, role.arn, message, who, line.grade)


def trust_changes(before: tuple[AccountView, RoleView], after: tuple[AccountView, RoleView]) -> Iterator[Change]:
    """Compare the tokens that two states of one role admit."""
    old, new = admissions(before[1]), admissions(after[1])
    gained = list(gained_and_lost(*after, not_covered(new, old), gained=True))
    lost = list(gained_and_lost(*before, not_covered(old, new), gained=False))
    # Both sides have equal names but different UUIDs: without the UUIDs a reader would see no change.
    alike = {one.who for one in gained} & {one.who for one in lost}
    yield from (_with_uuids(one, after[1]) if one.who in alike else one for one in gained)
    yield from (_with_uuids(one, before[1]) if one.who in alike else one for one in lost)
    account, role = after
    for kind, effect, message in sorted(_conditions(old, new)):
        yield Change(kind, effect, account.key, role.key, role.arn, message)
    yield from _names(before[1], after)


def _with_uuids(change: Change, role: RoleView) -> Change:
    named = [line for line in role.trust if (change.who or "").startswith(line_in_words(line))]
    patterns = sorted({line.subject_pattern for line in named})
    return replace(change, message=f"{change.message}: by this name {' and '.join(patterns)}") if patterns else change


_Said = tuple[str, Effect, str]


def _conditions(old: Mapping[Admitted, Within], new: Mapping[Admitted, Within]) -> Iterator[_Said]:
    """Compare the other conditions, for all tokens admitted before and now.

    A change for tokens of only some issuers names them: trust in a workspace's previous slug ends.
    """
    pairs = {(one, other) for other in new if (one := _same(other, old)) is not None}
    pairs |= {(one, other) for one in old if (other := _same(one, new)) is not None}
    said: dict[_Said, set[str]] = {}
    for workspace, before, after in {(other.workspace, old[one], new[other]) for one, other in pairs}:
        for each in _changed(before, after):
            said.setdefault(each, set()).add(workspace)
    everybody = {one.workspace for one in new}
    for (kind, effect, message), workspaces in said.items():
        yield kind, effect, _of_some(message, workspaces, everybody)


def _of_some(text: str, workspaces: AbstractSet[str], everybody: AbstractSet[str]) -> str:
    return text if workspaces == everybody else f"for tokens of {' and '.join(sorted(workspaces))}: {text}"


def _changed(before: Within, after: Within) -> Iterator[_Said]:
    yield from _origins(before.origins, after.origins)
    yield from _end(before.end, after.end)
    for text in sorted(after.others - before.others):
        yield "conditions-added", Effect.LOSS, f"now also requires {text}"
    for text in sorted(before.others - after.others):
        yield "conditions-removed", Effect.WIDENING, f"no longer requires {text}"


def _same(one: Admitted, among: Mapping[Admitted, Within]) -> Admitted | None:
    if one in among:
        return one
    return next((other for other in sorted(among) if other.covers(one)), None)


def _origins(before: frozenset[str], after: frozenset[str]) -> Iterator[_Said]:
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


def _end(before: str, after: str) -> Iterator[_Said]:
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


def within_said(role: RoleView) -> list[str]:
    """Say what else a role requires: ``only from 203.0.113.0/24``, ``last day 2027-01-31``."""
    found = {(one.workspace, within) for one, within in admissions(role).items()}
    said: dict[str, set[str]] = {}
    for workspace, within in found:
        if within.origins != EVERYWHERE:
            said.setdefault(f"only from {_listed(within.origins)}", set()).add(workspace)
        if within.end != NEVER:
            said.setdefault(f"last day {_last(within.end)}", set()).add(workspace)
    everybody = {workspace for workspace, _ in found}
    return sorted(_of_some(text, workspaces, everybody) for text, workspaces in said.items())


def _names(old: RoleView, after: tuple[AccountView, RoleView]) -> Iterator[Change]:
    """Yield repositories and environments with a new name; the UUIDs decide, so access does not change."""
    account, role = after
    was = {(line.workspace, line.subject_pattern): line for line in old.trust}
    for line in role.trust:
        before = was.get((line.workspace, line.subject_pattern))
        if before is not None and (one := line_in_words(before)) != (other := line_in_words(line)):
            message = f"{one} is now called {other}; the UUIDs are the same"
            yield Change("name-changed", Effect.NONE, account.key, role.key, role.arn, message)
