"""The modules of the doctor as one file, to be pasted or committed where nothing can be installed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

MODULES = ("report", "token_checks", "variable_checks", "plan_checks", "exchange", "program")
"""In the order of what they need of each other; the docstring of the last one is that of the file."""

_HERE = Path(__file__).parent
_FOR_CHECKERS = re.compile(r"  # (?:noqa|fmt)\b.*")


def joined() -> str:
    """Return the text of the file: each module's code as it stands, without docstrings and imports of its own.

    A docstring says what the code around it is for; here that is said once, at the head.
    """
    imports: set[str] = set()
    bodies: list[str] = []
    for name in MODULES:
        text = (_HERE / f"{name}.py").read_text(encoding="utf-8")
        module = ast.parse(text)
        imports |= {ast.unparse(node) for node in module.body if _is_import(node) and not _is_own(node)}
        left_out = {line for node in _left_out(module) for line in _lines(node)}
        kept = [line for number, line in enumerate(text.splitlines(), 1) if number not in left_out]
        bodies.append(_FOR_CHECKERS.sub("", "\n".join(kept)).strip())
    head = ast.get_docstring(ast.parse((_HERE / f"{MODULES[-1]}.py").read_text(encoding="utf-8")))
    first = "from __future__ import annotations"
    parts = [f'"""{head}\n"""', first, "\n".join(_merged(imports - {first})), *bodies]
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(parts)) + "\n"


def _left_out(module: ast.Module) -> Iterator[ast.stmt]:
    """Yield imports, docstrings, and the texts that say what a constant is."""
    for node in ast.walk(module):
        for statement in getattr(node, "body", ()) if not isinstance(node, ast.Lambda | ast.IfExp) else ():
            text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if _is_import(statement) or text:
                yield statement


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_own(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cli.")


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _merged(imports: set[str]) -> list[str]:
    """Return plain imports, sorted, and what all modules take from ``typing`` in one line."""
    plain = sorted(line for line in imports if line.startswith("import "))
    names = {
        name for line in imports if not line.startswith("import ") for name in line.partition(" import ")[2].split(", ")
    }
    return [*plain, f"from typing import {', '.join(sorted(names))}"]
