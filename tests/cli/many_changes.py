"""Comparisons of any mixture, small and large, with hostile texts."""

from hypothesis import strategies as st

from access.comparison.changes import Change, Comparison, Effect

HOSTILE = "a|b`c`<script>*x*\n# h\r\n@everyone https://evil.example www.evil.example [l](x) \x1b[31m {u} ~~s~~"
TEXTS = st.sampled_from(["arn:aws:iam::aws:policy/ReadOnlyAccess is attached", HOSTILE, "&" * 2000, "x" * 90])


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """Up to 10,000 changes of roles, in which messages repeat or not, and kinds and effects are mixed."""
    number, different = draw(st.sampled_from([1, 40, 10_000])), draw(st.sampled_from([1, 3, 10_000]))
    effects = draw(st.lists(st.sampled_from(Effect), min_size=1, max_size=5))
    kinds, said = draw(st.sampled_from([1, 7, 56])), draw(st.lists(TEXTS, min_size=1, max_size=4))
    changes = []
    for at in range(number):
        role, message = f"svc[acme/svc-{at // 30}]", f"{said[at % len(said)]} {at % different}"
        own, kind = (("account", f"prod-{at % 30}"), ("repository", f"acme/svc-{at // 30}")), f"kind-{at % kinds}"
        where = f"prod-{at % 30}", None if at % 11 == 0 else role
        changes.append(Change(kind, effects[at % len(effects)], *where, None, f"{kind} {message}", own=own))
    cells = frozenset(cell for change in changes for cell in [(change.account or "", change.role)])
    return Comparison(tuple(changes), number, number, ("arn",) * number, frozenset(), cells)
