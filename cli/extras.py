"""The extras of this project: packages that only some commands need."""

import re
from importlib.metadata import PackageNotFoundError, distribution, requires

from oidc.errors import UsageError

DISTRIBUTION = "bitbucket-aws-oidc"
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*;.*\bextra == ['\"]([a-z]+)['\"]")
"""An optional requirement in the metadata: ``pyjwt[crypto]>=2.10; extra == 'sandbox'``.

Source: https://packaging.python.org/en/latest/specifications/core-metadata/#requires-dist-multiple-use
"""


def require_extra(wanted_by: str, extra: str) -> None:
    """Check that the packages of an extra are installed, before a module of ours imports them.

    Args:
        wanted_by: The command that needs them: ``lock --aws``.
        extra: The name of the extra in pyproject.toml: ``aws``.

    Raises:
        UsageError: A package is not installed.
    """
    matches = [match for line in requires(DISTRIBUTION) or () if (match := _REQUIREMENT.match(line))]
    missing = [match[1] for match in matches if match[2] == extra and not _is_installed(match[1])]
    if missing:
        packages = (
            f"package {missing[0]}, which is" if len(missing) == 1 else f"packages {', '.join(missing)}, which are"
        )
        raise UsageError(
            f"{wanted_by} needs the Python {packages} not installed",
            do=f"install this project with its extra `{extra}`: {DISTRIBUTION}[{extra}]",
        )


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
