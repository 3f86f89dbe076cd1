"""Say what keeps a step of Bitbucket Pipelines from its AWS role: python3 doctor.py [--exchange] [--plan plan.json].

One file on the standard library of Python 3.8 or newer, printed by `bitbucket-oidc doctor --script`. No token, no
signature, no secret key and no part of one is ever printed. Exit codes: 0 all well, 1 problems, 2 wrong usage, 3 STS
cannot be reached.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import IO, Any, Callable, Mapping, NoReturn, Sequence

from cli.doctor_script.exchange import endpoint_of, exchange
from cli.doctor_script.plan_checks import Decide, admits, check_plan
from cli.doctor_script.report import Report
from cli.doctor_script.token_checks import TOKEN, check_token
from cli.doctor_script.variable_checks import check_variables


def diagnose(
    environ: Mapping[str, str], now: float, plan: Mapping[str, Any] | None = None, decide: Decide = admits
) -> Report:
    """Look at a step's variables and token.

    Args:
        environ: The variables.
        now: Seconds since 1970.
        plan: What ``bitbucket-oidc plan --format json`` prints, or ``None``.
        decide: Whether a trust policy admits a token; by default the statements that this project writes are compared.
    """
    report = Report(environ.get(name, "") for name in (TOKEN, "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"))
    claims = check_token(environ, now, report)
    check_variables(environ, report)
    if plan is not None and claims is not None and report.role is not None:
        check_plan(claims, report, plan, decide)
        report.notes = [note for note in report.notes if note["check"] != "environment"]
    return report


def run(
    environ: Mapping[str, str],
    out: IO[str],
    *,
    options: argparse.Namespace,
    plan: Mapping[str, Any] | None = None,
    decide: Decide = admits,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Diagnose, exchange if asked to, and write. No exception leaves with what it may hold of a token."""
    try:
        report = diagnose(environ, time.time(), plan, decide)
        _exchange_if_asked(environ, report, options, sleep)
        return report.write(out, options.output)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - a traceback of anything could show the token
        out.write(
            f"error: the doctor itself failed ({type(error).__name__}); is --plan what `bitbucket-oidc plan --format "
            "json` prints?\n"
        )
    return 2


def _exchange_if_asked(
    environ: Mapping[str, str], report: Report, options: argparse.Namespace, sleep: Callable[[float], None]
) -> None:
    if not options.exchange or report.role is None or not report.claims:
        return
    if options.duration is not None and not 900 <= options.duration <= 43200:  # noqa: PLR2004 - the API's own limits
        report.problem("duration", f"--duration is {options.duration}", "ask for 900 to 43200 seconds")
        report.exit_code = 2
        return
    endpoint = endpoint_of(environ, options.endpoint, report.role)
    if endpoint is not None:
        exchange(environ, report, endpoint, options.duration, sleep)
    elif options.endpoint:
        report.problem("endpoint", "--endpoint is neither https nor loopback, and gets no token", "write https://...")
        report.exit_code = 2


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # What is wrong may be a token that stands there: of a message with one nothing is shown.
        shown = "a token stands on the command line, where others can read it" if "eyJ" in message else message
        self.exit(2, f"error: {shown}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a script."""
    parser = _Arguments(description="What keeps this step from its AWS role.", allow_abbrev=False)
    parser.add_argument("--plan", metavar="FILE", help="what `bitbucket-oidc plan --format json` prints")
    parser.add_argument("--exchange", action="store_true", help="ask STS for a session; nothing of it is shown or kept")
    parser.add_argument("--endpoint", metavar="URL", help="of STS, in place of the region's")
    parser.add_argument("--duration", type=int, metavar="SECONDS", help="of the session that --exchange asks for")
    parser.add_argument("--format", choices=["text", "json"], default="text", dest="output")
    options = parser.parse_args(arguments)
    plan = None
    if options.plan:
        try:
            with open(options.plan, encoding="utf-8") as file:  # noqa: PTH123 - nothing but the plainest here
                plan = json.load(file)
        except (OSError, ValueError, RecursionError):
            parser.error(f"--plan: {options.plan} cannot be read as JSON")
    return run(os.environ, sys.stdout, plan=plan, options=options)


if __name__ == "__main__":
    sys.exit(main())
