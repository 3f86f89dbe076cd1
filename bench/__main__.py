"""``python -m bench``: measure what must stay fast, each as a ratio to a yardstick of the same run."""

import gc
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from access.compile import compile_plan
from access.exactness.languages import meaning
from access.exactness.prove import prove_exact
from access.exactness.rendered import rendered_patterns
from bench.fleet import fleet_costs, status_costs
from bench.large_inventory import write_large_inventory
from bench.program import program_ratio
from bench.report import first_paint, write_report
from config.load import load_inventory
from fleet.pulumi_cli.installed_cli import installed_cli

_RUNS = 5


def ratio(measured: Callable[[], float], yardstick: Callable[[], float]) -> float:
    """Return the median of a figure over its yardstick, measured in pairs, so that other load affects both.

    The first pair is not counted: in it Python compiles the modules, whose bytecode it then keeps.
    """
    measured(), yardstick()
    return statistics.median(measured() / yardstick() for _ in range(_RUNS))


def peak_megabytes() -> float:
    """Return the peak memory of the commands of this run, in MB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def show(what: str, figure: float, target: float, unit: str = "x") -> None:
    """Print one line: the subject, the figure, and its upper limit."""
    verdict = "ok" if figure <= target else "TOO MUCH"
    print(f"{what:<64} {figure:8.2f} {unit}  (at most {target:g} {unit})  {verdict}")


_YAML_ALONE = """
import sys, yaml
from pathlib import Path
for path in Path(sys.argv[1]).iterdir():
    yaml.load(path.read_text(), yaml.CSafeLoader)
"""


def validate(folder: Path) -> float:
    """Run ``validate`` on an inventory; return the seconds."""
    return command(sys.executable, "-m", "cli", "validate", str(folder))


def plan(folder: Path, *options: str) -> float:
    """Run ``plan``, which proves every trust policy; return the seconds."""
    return command(sys.executable, "-m", "cli", "plan", str(folder), *options)


def report(folder: Path) -> float:
    """Run ``report`` on an inventory; return the seconds."""
    return command(sys.executable, "-m", "cli", "report", str(folder), "--output", f"{folder}.html")


def report_growth(temporary: Path) -> None:
    """Print how the cost of a report grows with its input."""
    small, large = temporary / "small", temporary / "large"
    write_large_inventory(small, roles=10_000, repositories=2_000, accounts=200, files=300)
    write_large_inventory(large, roles=30_000, repositories=6_000, accounts=600, files=300)
    seconds = report(small)
    show("report of 30,000 roles, against 10,000 roles", report(large) / seconds, 3.3)
    show("report of 30,000 roles, peak memory", peak_megabytes(), 700, "MB")


def proof(folder: Path) -> float:
    """Prove the plan of an inventory in this process; return the shortest processor time in seconds.

    Python's garbage collector is off, as in the program and in every command.
    """
    loaded = load_inventory(folder)
    plan = compile_plan(loaded).plan
    if plan is None:
        raise SystemExit("the inventory of the benchmark has findings")
    gc.disable()
    took = []
    for _ in range(_RUNS):
        meaning.cache_clear()
        rendered_patterns.cache_clear()
        before = time.process_time()
        prove_exact(plan, loaded.validated, loaded.lock.lock)
        took.append(time.process_time() - before)
    gc.enable()
    return min(took)


def yaml_alone(folder: Path) -> float:
    """Load the same files with PyYAML's fastest loader, in a separate process; return the seconds."""
    return command(sys.executable, "-c", _YAML_ALONE, str(folder))


def command(*arguments: str) -> float:
    """Run a command; return its processor time in seconds, which does not depend on the load of the machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, capture_output=True, check=True)  # noqa: S603 - from this file
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def keep_bytecode(folder: str) -> None:
    """Let the commands keep their bytecode in a folder, whatever the environment of this process says."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = folder


def main() -> None:
    """Print all ratios."""
    with tempfile.TemporaryDirectory() as bytecode:
        keep_bytecode(bytecode)
        commands()
        with tempfile.TemporaryDirectory() as temporary:
            report_growth(Path(temporary))
        show("the program, against a bare loop of the same resources", program_ratio(2_000), 1.15)
        if installed_cli() is None:
            print("a fleet: not measured: the Pulumi CLI is not on PATH")
        else:
            with tempfile.TemporaryDirectory() as temporary:
                fleet(Path(temporary))


def fleet(temporary: Path) -> None:
    """Print what a fleet costs."""
    costs = fleet_costs(temporary / "costs")
    print(
        f"fleet of 20 accounts with 10 roles each; `pulumi up` has {costs.language_host}; CPU of all accounts together:"
    )
    print(f"  create {costs.create:.1f} s, one by one {costs.create_one_by_one:.1f} s; "
          f"no change {costs.no_change:.1f} s, one by one {costs.no_change_one_by_one:.1f} s")  # fmt: skip
    ratio_of_create = costs.create / costs.create_one_by_one
    show("fleet up, create, against a `pulumi up` for each stack", ratio_of_create, 0.7)
    show("fleet up, create, against the same, as designed", ratio_of_create, 0.65)
    show("fleet up without a change, against the same", costs.no_change / costs.no_change_one_by_one, 0.02)
    status = status_costs(temporary / "status")
    show("fleet status of 1,000 accounts, against 100", status.large.processor / status.small.processor, 11)
    show("fleet status of 1,000 accounts", status.large.seconds, 60, "s")
    show("fleet status of 1,000 accounts, peak memory", status.large.megabytes, 300, "MB")
    print("  calls for each account: " + ", ".join(f"{count:g} {name}" for name, count in sorted(status.calls.items())))


def commands() -> None:
    """Print the ratios of commands."""
    with tempfile.TemporaryDirectory() as temporary:
        large, small = Path(temporary) / "large", Path(temporary) / "small"
        write_large_inventory(large, roles=10_000, repositories=2_000, accounts=200, files=300)
        write_large_inventory(small, roles=1_000, repositories=200, accounts=20, files=30)
        figure = ratio(lambda: validate(large), lambda: yaml_alone(large))
        show("validate 10,000 roles, against yaml.load on the same files", figure, 3)
        show("validate 10,000 roles, peak memory", peak_megabytes(), 400, "MB")
        for shown, options in (("a summary", ()), ("all tables", ("--all",)), ("json", ("--format", "json"))):
            figure = ratio(partial(plan, large, *options), lambda: validate(large))
            show(f"plan of 10,000 roles with its proof, as {shown}, against validate", figure, 3)
        show("proof of 10,000 roles", proof(large), 0.5, "s")
        figure = ratio(lambda: validate(large), lambda: validate(small))
        show("validate 10,000 roles, against 1,000 roles", figure, 12)
    help_ = ratio(
        lambda: command(sys.executable, "-m", "cli", "--help"), lambda: command(sys.executable, "-c", "import click")
    )
    show("--help, against importing click", help_, 2)
    with tempfile.TemporaryDirectory() as temporary:
        page = write_report(Path(temporary))
        show("report of 1,000 roles", page.stat().st_size / 1_000_000, 3, "MB")
        painted = first_paint(page, Path(temporary) / "profile")
        if painted is None:
            print("report of 1,000 roles: not measured: chromium or chromedriver is not on PATH")
        else:
            show("report of 1,000 roles, first paint in Chromium", painted, 1, "s")


if __name__ == "__main__":
    main()
