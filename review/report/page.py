"""The report: a whole plan as one HTML page."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from access.plan import AccessPlan
from access.trust_in_words import trust_in_words
from config.allow import Silenced
from config.findings import Finding, one_line
from oidc.bitbucket import Grade
from review.report.by_account import Holder
from review.report.documents import Documents
from review.report.matrix import WorkspaceTable, in_full, matrix
from review.report.role_parts import anchor, families, role_parts


@dataclass(frozen=True, slots=True)
class ReportOrigin:
    """The source and the day of a report; nothing else makes two reports of one plan differ.

    Attributes:
        inventory: Its path as the user named it: ``inventory``.
        made_on: The day of the report, in UTC.
        revision: The git commit of the inventory, ``a20e3f4…``, or ``None``.
        is_changed: Whether the inventory differs from that commit.
        without: Why the revision is unknown, or the empty string.
        filtered: Which part of the plan it shows: ``filtered by --account prod: …``; empty for the whole.
    """

    inventory: str
    made_on: date
    revision: str | None = None
    is_changed: bool = False
    without: str = ""
    filtered: str = ""


_GENERATOR = "bitbucket-oidc report"

_FOLDER = files(__package__) / "template"

_SHORT = {Grade.ENVIRONMENT_BOUND: "e", Grade.REPOSITORY_WIDE: "r", Grade.WORKSPACE_WIDE: "w"}
"""Classes of the style sheet, in many places of a large page."""


def page(plan: AccessPlan, origin: ReportOrigin, findings: Sequence[Finding], accepted: Sequence[Silenced]) -> str:
    """Return a plan as one HTML page that loads no other file.

    Args:
        plan: The plan, or the part of it that ``origin.filtered`` names.
        origin: The source and the day.
        findings: Warnings; with an error there is no plan.
        accepted: Findings that the inventory accepts, with its reasons.
    """
    holders: list[Holder] = [(account, role) for account in plan.accounts for role in account.roles]
    documents = Documents.of(holders)
    parts, pipelines = role_parts(plan, documents)
    tables = matrix(plan)
    style, script = _text("page.css") + _names_of_columns(tables), f"{_text('page.js')}\n{_text('step.js')}"
    html = _environment().get_template("page.html").render(
        plan=plan,
        origin=origin,
        tables=tables,
        families=families(parts),
        documents=documents.shared,
        pipelines=pipelines,
        findings=findings,
        accepted=accepted,
        counts=_counts(holders),
        owners=sorted({role.owner for _, role in holders if role.owner}),
        style=Markup(style),  # noqa: S704 - a file of this package, and names escaped for CSS
        script=Markup(script),  # noqa: S704 - likewise
        generator=_GENERATOR,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )  # fmt: skip
    return html if html.isascii() else html.encode("ascii", "xmlcharrefreplace").decode()


def is_report(beginning: bytes) -> bool:
    """Tell by the first bytes of a file whether ``page`` made it: its ``meta`` element ``generator`` says so."""
    return f'<meta name="generator" content="{_GENERATOR}">'.encode() in beginning


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, "template"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=False,
    )
    environment.finalize = _printable
    environment.filters |= {
        "short": lambda grade: _SHORT[grade],
        "in_words": trust_in_words,
        "anchor": anchor,
        "duration": duration,
        "code": _code,
        "in_full": in_full,
        "plural": lambda number, word: f"{number:,} {word}{'' if number == 1 else 's'}",
    }
    environment.globals |= {"Grade": Grade, "until": until}
    return environment


def _names_of_columns(tables: Sequence[WorkspaceTable]) -> str:
    """Return the style rules that name the accounts of each cell, for a phone and for a table that is scrolled."""
    return "".join(
        f"\n#m{number} td:nth-child({place}) {{ --in: {_css_string(in_full(column))}; }}"
        for number, table in enumerate(tables, 1)
        for place, column in enumerate(table.columns, 2)
    )


def _css_string(text: str) -> str:
    """Return a text as a string of CSS in ASCII: https://www.w3.org/TR/css-syntax-3/#escaping."""
    plain = frozenset("-, ")
    kept = (each in plain or (each.isascii() and each.isalnum()) for each in one_line(text))
    shown = (each if is_kept else f"\\{ord(each):06x}" for each, is_kept in zip(one_line(text), kept, strict=True))
    return f'"{"".join(shown)}"'


def _printable(value: object) -> object:
    """Replace unprintable characters, such as a right-to-left mark, by visible ones."""
    if isinstance(value, Markup):
        return value
    text = str(value)
    return text if text.isprintable() else one_line(text)


def _code(text: str) -> Markup:
    """Return lines of code, escaped as the content of an element, where quotes need no escaping."""
    shown = "\n".join(line if line.isprintable() else one_line(line) for line in text.split("\n"))
    return Markup(shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))  # noqa: S704 - escaped here


def _counts(holders: Sequence[Holder]) -> dict[str, int]:
    """Count roles as ``AccessPlan.role_count`` does: a role in two accounts is two roles."""
    counts = {grade.value: sum(role.grade is grade for _, role in holders) for grade in Grade}
    return counts | {"admin access": sum(role.admin_reason is not None for _, role in holders)}


def duration(seconds: int) -> str:
    """Say how long a session may last: ``1 h``, ``1 h 30 min``. IAM allows from one hour to twelve, in seconds."""
    hours, below_hour = divmod(seconds, 3600)
    minutes, seconds_left = divmod(below_hour, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds_left, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def until(last: date, made_on: date) -> str:
    """Say how many days after the report access ends."""
    left = (last - made_on).days
    if left < 0:
        return "it has ended"
    return "it ends that day" if left == 0 else f"{left:,} day{'' if left == 1 else 's'} after this report"


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="ascii").strip()


def _hash(text: str) -> str:
    """Return the hash source of a text for a content security policy: https://www.w3.org/TR/CSP3/#grammardef-hash-source."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
