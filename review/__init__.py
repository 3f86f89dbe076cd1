"""How access is shown to people: reports, comparisons, snippets."""
