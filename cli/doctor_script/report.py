"""What was found, with every secret taken out of it."""

from __future__ import annotations

import json
from typing import IO, Any, Iterable

_RUN = 8  # so many characters of a secret in a row are never shown


class Report:
    """What was found; no text of it has a part of a secret."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._runs: set[str] = set()
        for secret in secrets:
            self.hide(secret)
        self.claims: dict[str, Any] = {}
        self.role: str | None = None
        self.session: str | None = None
        self.problems: list[dict[str, str]] = []
        self.notes: list[dict[str, str]] = []
        self.exit_code = 0

    def hide(self, secret: str) -> None:
        """Keep a text out of the output, and every part of it that is long enough to be of use to anybody."""
        self._runs.update(secret[at : at + _RUN] for at in range(len(secret) - _RUN + 1))

    def problem(self, check: str, what: str, do: str) -> None:
        """Add what keeps the step from its role."""
        self.problems.append({"check": check, "what": what, "do": do})

    def note(self, check: str, what: str, do: str) -> None:
        """Add what may be meant so."""
        self.notes.append({"check": check, "what": what, "do": do})

    def to_json(self) -> dict[str, Any]:
        """Return everything, without secrets."""
        names = ("claims", "role", "session", "problems", "notes")
        return {name: self._clean(getattr(self, name)) for name in names}

    def write(self, out: IO[str], output: str) -> int:
        """Write it, for people or as JSON, and return the exit code."""
        found = self.to_json()
        if output == "json":
            out.write(json.dumps(found, indent=2) + "\n")
        else:
            shown = [(name, found[name]) for name in ("role", "session") if found[name]]
            lines = ["%-8s %s" % line for line in [*found["claims"].items(), *shown]]  # noqa: UP031 - shortest so
            for level, kind in (("problem", "problems"), ("note", "notes")):
                lines += ["{}[{check}] {what}; {do}".format(level, **item) for item in found[kind]]
            count = len(self.problems)
            lines.append("no problem found" if not count else f"{count} problem{'s' if count > 1 else ''}")
            coding = getattr(out, "encoding", None) or "utf-8"
            text = "".join(f"{_printable(line)}\n" for line in lines)
            out.write(text.encode(coding, "backslashreplace").decode(coding))
        return self.exit_code or (1 if self.problems else 0)

    def _clean(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, dict):
            return {self._clean(name): self._clean(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._clean(item) for item in value]
        return self._without_secrets(value) if isinstance(value, str) else value

    def _without_secrets(self, text: str) -> str:
        shown, at, hidden_until = [], 0, 0
        while at < len(text):
            if text[at : at + _RUN] in self._runs:
                shown += ["(hidden)"] if at >= hidden_until else []
                hidden_until = at + _RUN
            elif at >= hidden_until:
                shown.append(text[at])
            at += 1
        return "".join(shown)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
