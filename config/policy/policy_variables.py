"""Variables of IAM in policies, and placeholders of other tools that IAM takes for variables or for plain text.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html, and the errors "Empty
variable", "Missing brace in variable", "Missing quote in variable" and "Unsupported space in variable" of
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html.
"""

import re
from collections.abc import Iterator

from config.findings import Fault
from config.policy.names import key_hint
from config.yaml.document import Path
from oidc.iam.statement import Statement

_VARIABLE = re.compile(r"\$\{(?P<name>[^}]*)(?P<brace>\}?)")
_BARE = ("*", "?", "$")
_KEY = re.compile(r"[A-Za-z0-9_.:/=+@ -]*", re.ASCII)
_OF_CLOUDFORMATION = re.compile(r"AWS::\w+", re.ASCII)
_OF_TERRAFORM = re.compile(
    r"(?:var|local|data|module|each|path|terraform|self|count|[a-z0-9]+_\w+)[.\[].*|.*[(\"].*", re.DOTALL
)
_OF_SERVERLESS = re.compile(r"(?:self|opt|env|sls|cf|param|file|custom):.*|aws:(?:accountId|region)", re.DOTALL)
_TOOLS = {"CloudFormation": _OF_CLOUDFORMATION, "Serverless Framework": _OF_SERVERLESS, "Terraform": _OF_TERRAFORM}
"""Placeholders in ``${…}`` by tool: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html,
https://www.serverless.com/framework/docs/guides/variables and
https://developer.hashicorp.com/terraform/language/expressions/references."""

_MARKED = re.compile(
    r"<[A-Za-z][^<>=]*>|#\{[^{}]*\}|\$\([^()]*\)|\$(?!LATEST|DEFAULT)[A-Z][A-Z0-9_]+(?![A-Za-z])"
    r"|(?<![A-Za-z0-9])YOUR[-_][A-Z0-9_-]+",
    re.ASCII,
)
"""Placeholders without ``${``:
``<bucket>``, ``#{AWS::AccountId}``, ``$BUCKET``, ``YOUR_FUNCTION``; not versions such as ``$LATEST``."""

_VARIABLE_OR_MARKED = re.compile(f"{_VARIABLE.pattern}|{_MARKED.pattern}", re.ASCII)

_BY_FIELD = {1: "{{partition}}", 3: "{{region}}", 4: "{{account_id}}"}
"""The inventory's variables by field of an ARN."""

_BY_WORD = (("partition", "{{partition}}"), ("account", "{{account_id}}"), ("region", "{{region}}"))


def variable_faults(statement: Statement) -> Iterator[Fault]:
    """Yield faulty variables and placeholders in resources and condition values; at most one for each value."""
    resources = [element for element in statement.elements if element.name in ("Resource", "NotResource")]
    for element in (*resources, *statement.conditions):
        for index, text in enumerate(element.values):
            fault = variable_fault(element.place_of(index), text)
            if fault is not None:
                yield fault


def variable_fault(at: Path, text: str) -> Fault | None:
    """Return the fault of the first faulty variable or placeholder of a value, or ``None``."""
    for match in _VARIABLE.finditer(text):
        name = match["name"]
        if match["brace"] and name in _BARE:
            continue
        shown = f"`{match[0]}`"
        if not match["brace"]:
            return Fault(
                "bad-policy-document", at, f"{shown} lacks its closing brace", "close the variable: ${aws:username}"
            )
        if (fault := _form_fault(at, name)) or (fault := _unknown_fault(at, name, text, match.start())):
            return fault
    marked = _MARKED.search(text)
    return None if marked is None else _placeholder_fault(at, marked[0], "", text, marked.start())


def tool_of(name: str) -> str | None:
    """Return the tool whose placeholder ``${name}`` is: ``CloudFormation``; empty if any tool's, ``None`` if IAM's.

    A condition key has a colon, so a name without one is never IAM's. A default behind the name does not count.
    """
    name = name.partition(",")[0].strip()
    tool = next((tool for tool, pattern in _TOOLS.items() if pattern.fullmatch(name)), None)
    if tool is None and (":" not in name or "::" in name or _KEY.fullmatch(name) is None):
        return ""
    return tool


def _form_fault(at: Path, name: str) -> Fault | None:
    if not name.strip():
        return Fault(
            "bad-policy-document",
            at,
            f"`${{{name}}}` is an empty variable",
            "write a condition key in it: ${aws:username}",
        )
    key, comma, default = name.partition(",")
    if comma and tool_of(key) is None and re.fullmatch(r"\s*'[^']*'", default) is None:
        return Fault("bad-policy-document", at, f"the default in `${{{name}}}` is not quoted", f"write ${{{key}, '…'}}")
    if tool_of(key) is None and (key[:1].isspace() or (not comma and key[-1:].isspace())):
        return Fault(
            "bad-policy-document", at, f"`${{{name}}}` has a space around its key", f"write ${{{name.strip()}}}"
        )
    return None


def _unknown_fault(at: Path, name: str, text: str, start: int) -> Fault | None:
    key = name.partition(",")[0].strip()
    tool = tool_of(key)
    if tool is not None:
        return _placeholder_fault(at, f"${{{name}}}", f" of {tool}" if tool else "", text, start)
    hint = key_hint(key)
    if hint is None:
        return None
    message = f"AWS documents no condition key {key}, so `${{{name}}}` probably has no value"
    return Fault("unknown-condition-key", at, message, hint)


def _placeholder_fault(at: Path, placeholder: str, of_tool: str, text: str, start: int) -> Fault:
    meant = _filled_in(text) or _meant(placeholder, text, start) or "the value itself"
    message = f"`{placeholder}` is a placeholder{of_tool}, and IAM does not replace it: this matches nothing"
    return Fault("placeholder", at, message, f"write {meant}")


def _filled_in(text: str) -> str | None:
    """Return a value with the inventory's variables for its placeholders; ``None`` if one has no such variable."""
    filled, end = "", 0
    for match in _VARIABLE_OR_MARKED.finditer(text):
        if match["name"] is not None and (match["name"] in _BARE or tool_of(match["name"]) is None):
            continue
        meant = _meant(match[0], text, match.start())
        if meant is None:
            return None
        filled += text[end : match.start()] + meant
        end = match.end()
    return filled + text[end:]


def _meant(placeholder: str, text: str, start: int) -> str | None:
    """Return the inventory's variable for a placeholder, by its field in an ARN or by its words, or ``None``."""
    field = _VARIABLE_OR_MARKED.sub("", text[:start]).count(":") if text.startswith("arn:") else -1
    return _BY_FIELD.get(field) or next((ours for word, ours in _BY_WORD if word in placeholder.lower()), None)
